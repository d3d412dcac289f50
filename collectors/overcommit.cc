#include <array>
#include <optional>

#include "collectors/builtin.h"
#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/single_value.h"
#include "collectors/read_file.h"

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

/// A sysctl that is one number, and the number as Prometheus wants it.
struct Sysctl {
  Family family;
  const char* path;
  Value (*value)(std::uint64_t);
};

Value plain(std::uint64_t number) {
  return number;
}
Value percent(std::uint64_t number) {
  return static_cast<double>(number) / 100;
}
Value address(std::uint64_t number) {
  return Bytes{number};
}
/// overcommit_kbytes takes any number; what no machine can have stays at the top of the range.
Value kib(std::uint64_t number) {
  return Bytes::from_kib(std::min(number, UINT64_MAX / 1024));
}

constexpr Sysctl sysctls[] = {
    {{"memory_overcommit_ratio", gauge,
      "Share of RAM that counts into the limit, 0 where overcommit_kbytes rules; "
      "/proc/sys/vm/overcommit_ratio."},
     "sys/vm/overcommit_ratio",
     percent},
    {{"memory_overcommit_fixed_bytes", gauge,
      "RAM that counts into the limit instead of a share, 0 where overcommit_ratio rules; "
      "/proc/sys/vm/overcommit_kbytes."},
     "sys/vm/overcommit_kbytes",
     kib},
    {{"memory_overcommit_admin_reserve_bytes", gauge,
      "Kept for processes with CAP_SYS_ADMIN under the policy never; "
      "/proc/sys/vm/admin_reserve_kbytes."},
     "sys/vm/admin_reserve_kbytes",
     kib},
    {{"memory_overcommit_user_reserve_bytes", gauge,
      "Kept from any one process under the policy never, so that users can recover; "
      "/proc/sys/vm/user_reserve_kbytes."},
     "sys/vm/user_reserve_kbytes",
     kib},
    {{"memory_swappiness", gauge,
      "How readily anonymous memory is reclaimed against page cache, 0 to 200; "
      "/proc/sys/vm/swappiness."},
     "sys/vm/swappiness",
     plain},
    {{"memory_min_free_bytes", gauge,
      "Free memory the kernel keeps for itself; /proc/sys/vm/min_free_kbytes."},
     "sys/vm/min_free_kbytes",
     kib},
    {{"memory_mappings_limit", gauge,
      "Most mappings (VMAs) a process may have; /proc/sys/vm/max_map_count."},
     "sys/vm/max_map_count",
     plain},
    {{"memory_mmap_min_address_bytes", gauge,
      "Lowest address an unprivileged process may map; /proc/sys/vm/mmap_min_addr."},
     "sys/vm/mmap_min_addr",
     address},
};

/// A sysctl whose numbers, from 0, are states.
constexpr std::array<std::string_view, 3> policies = {"heuristic", "always", "never"};
constexpr std::array<std::string_view, 3> randomization_modes = {"off", "partial", "full"};

template <std::size_t... I>
constexpr auto all_families(std::index_sequence<I...>) {
  return std::array{policy_family, limit_family, committed_family, sysctls[I].family...,
                    randomization_family};
}
constexpr auto overcommit_families = all_families(std::make_index_sequence<std::size(sysctls)>());

class OvercommitCollector final : public Collector {
 public:
  explicit OvercommitCollector(const procfs::Tree& procfs) : procfs_(procfs) {}

  std::string_view name() const override { return "overcommit"; }
  std::span<const Family> families() const override { return overcommit_families; }

  Status collect(const process::Snapshot&, MetricSink& sink) const override {
    const auto policy = read_state("sys/vm/overcommit_memory", policies.size());
    if (!policy) return policy.error();
    const auto randomization =
        read_state("sys/kernel/randomize_va_space", randomization_modes.size());
    if (!randomization) return randomization.error();
    std::array<std::optional<std::uint64_t>, std::size(sysctls)> values;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto value = read_number(sysctls[i].path);
      if (!value) return value.error();
      values[i] = *value;
    }
    procfs::Buffer buffer;
    const auto meminfo = read_file(procfs_, "meminfo", buffer, procfs::parse_meminfo);
    if (!meminfo) return meminfo.error();

    write_state(sink, policy_family, "policy", policies, *policy);
    if (*meminfo) {
      sink.family(limit_family);
      if (const auto& limit = (*meminfo)->commit_limit) sink.sample(*limit);
      sink.family(committed_family);
      if (const auto& committed = (*meminfo)->committed_as) sink.sample(*committed);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      sink.family(sysctls[i].family);
      if (values[i]) sink.sample(sysctls[i].value(*values[i]));
    }
    write_state(sink, randomization_family, "mode", randomization_modes, *randomization);
    return Done{};
  }

 private:
  IfPresent<std::uint64_t> read_number(const char* path) const {
    procfs::Buffer buffer;
    return read_file(procfs_, path, buffer, procfs::parse_single_value);
  }

  IfPresent<std::uint64_t> read_state(const char* path, std::size_t states) const {
    const auto state = read_number(path);
    if (state && *state && **state >= states) {
      return in_file(malformed("expected a number below " + std::to_string(states), 1),
                     procfs_.path() + '/' + path);
    }
    return state;
  }

  static void write_state(MetricSink& sink, const Family& family, std::string_view label,
                          std::span<const std::string_view> states,
                          const std::optional<std::uint64_t>& current) {
    if (!current) return;
    sink.family(family);
    for (std::size_t i = 0; i < states.size(); ++i) {
      sink.sample({{label, states[i]}}, Value(std::uint64_t{i == *current}));
    }
  }

  const procfs::Tree& procfs_;
};

}  // namespace

std::unique_ptr<Collector> make_overcommit_collector(const Trees& trees, const CollectorOptions&) {
  return std::make_unique<OvercommitCollector>(trees.procfs);
}

}  // namespace memory_exporter
