#include <array>

#include "collectors/builtin.h"
#include "collectors/single_values.h"
#include "collectors/states.h"

namespace memory_exporter {
namespace {

constexpr auto gauge = MetricType::gauge;

constexpr Family policy_family = {
    "memory_overcommit_policy", gauge,
    "1 for the overcommit policy in force, 0 for the others; /proc/sys/vm/overcommit_memory."};
constexpr Family limit_family = {
    "memory_overcommit_limit_bytes", gauge,
    "Most that can be committed under the policy never, else only a figure; /proc/meminfo "
    "CommitLimit."};
constexpr Family committed_family = {
    "memory_overcommit_committed_bytes", gauge,
    "Memory promised to processes, touched or not; /proc/meminfo Committed_AS."};
constexpr Family randomization_family = {
    "memory_address_space_randomization", gauge,
    "1 for the mode in force, 0 for the others (partial leaves the heap's place alone); "
    "/proc/sys/kernel/randomize_va_space."};

constexpr SingleValue sysctls[] = {
    {{"memory_overcommit_ratio", gauge,
      "Share of RAM that counts into the limit, 0 where overcommit_kbytes rules; "
      "/proc/sys/vm/overcommit_ratio."},
     "sys/vm/overcommit_ratio",
     ratio_from_percent},
    {{"memory_overcommit_fixed_bytes", gauge,
      "RAM that counts into the limit instead of a share, 0 where overcommit_ratio rules; "
      "/proc/sys/vm/overcommit_kbytes."},
     "sys/vm/overcommit_kbytes",
     bytes_from_kib},
    {{"memory_overcommit_admin_reserve_bytes", gauge,
      "Kept for processes with CAP_SYS_ADMIN under the policy never; "
      "/proc/sys/vm/admin_reserve_kbytes."},
     "sys/vm/admin_reserve_kbytes",
     bytes_from_kib},
    {{"memory_overcommit_user_reserve_bytes", gauge,
      "Kept from any one process under the policy never, so that users can recover; "
      "/proc/sys/vm/user_reserve_kbytes."},
     "sys/vm/user_reserve_kbytes",
     bytes_from_kib},
    {{"memory_swappiness", gauge,
      "How readily anonymous memory is reclaimed against page cache, 0 to 200; "
      "/proc/sys/vm/swappiness."},
     "sys/vm/swappiness",
     plain_number},
    {{"memory_min_free_bytes", gauge,
      "Free memory the kernel keeps for itself; /proc/sys/vm/min_free_kbytes."},
     "sys/vm/min_free_kbytes",
     bytes_from_kib},
    {{"memory_mappings_limit", gauge,
      "Most mappings (VMAs) a process may have; /proc/sys/vm/max_map_count."},
     "sys/vm/max_map_count",
     plain_number},
    {{"memory_mmap_min_address_bytes", gauge,
      "Lowest address an unprivileged process may map; /proc/sys/vm/mmap_min_addr."},
     "sys/vm/mmap_min_addr",
     bytes_from_bytes},
};

constexpr std::array<std::string_view, 3> policies = {"heuristic", "always", "never"};
constexpr std::array<std::string_view, 3> randomization_modes = {"off", "partial", "full"};

/// Where the sysctl takes any number, what is neither 0 nor 1 is accounted for strictly (mm/util.c,
/// __vm_enough_memory).
std::optional<std::size_t> policy_of(std::int64_t number) {
  return number == 0 || number == 1 ? static_cast<std::size_t>(number) : 2;
}

/// The sysctl takes any number: not 0 moves stacks and mappings, above 1 the heap too
/// (fs/binfmt_elf.c, load_elf_binary).
std::optional<std::size_t> randomization_of(std::int64_t number) {
  if (number == 0) return 0;
  return number > 1 ? 2 : 1;
}

constexpr auto overcommit_families =
    join_families(std::array{policy_family, limit_family, committed_family}, families_of(sysctls),
                  std::array{randomization_family});

class OvercommitCollector final : public Collector {
 public:
  explicit OvercommitCollector(const procfs::Tree& procfs) : procfs_(procfs) {}

  std::string_view name() const override { return "overcommit"; }
  std::span<const Family> families() const override { return overcommit_families; }

  void collect(Collection& collection) const override {
    auto& sink = collection.sink;
    auto& errors = collection.errors;
    sink.family(policy_family);
    const auto policy = read_state(procfs_, "sys/vm/overcommit_memory", errors, policy_of);
    if (policy) write_states(sink, "policy", policies, *policy);
    if (const auto* meminfo = collection.meminfo.get(errors)) {
      sink.family(limit_family);
      if (const auto& limit = meminfo->commit_limit) sink.sample(*limit);
      sink.family(committed_family);
      if (const auto& committed = meminfo->committed_as) sink.sample(*committed);
    }
    SingleValues::read(procfs_, sysctls, errors).write(sink);
    sink.family(randomization_family);
    const auto randomization =
        read_state(procfs_, "sys/kernel/randomize_va_space", errors, randomization_of);
    if (randomization) write_states(sink, "mode", randomization_modes, *randomization);
  }

 private:
  const procfs::Tree& procfs_;
};

}  // namespace

std::unique_ptr<Collector> make_overcommit_collector(const Trees& trees, const CollectorOptions&) {
  return std::make_unique<OvercommitCollector>(trees.procfs);
}

}  // namespace memory_exporter
