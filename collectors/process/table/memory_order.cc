#include "collectors/process/table/memory_order.h"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>

#include "collectors/base/text.h"

namespace memory_exporter::process {
namespace {

/// status lists a process's pids from the procfs's namespace down to its own: one of them alone
/// says that the two are the same. (Before 4.1 there is no such line.)
bool has_one_pid(std::string_view status) {
  constexpr std::string_view key = "\nNSpid:";
  const auto at = status.find(key);
  if (at == std::string_view::npos) return true;
  auto pids = status.substr(at + key.size());
  pids = pids.substr(0, pids.find('\n'));
  return !take_word(pids).empty() && take_word(pids).empty();
}

/// The number behind "self" alone would do, but for a namespace where we happen to have the same
/// one.
Result<bool> shows_our_pids(const procfs::Tree& procfs) {
  const auto self = procfs.read_link("self");
  if (!self) return self.error();
  if (*self != std::to_string(::getpid())) return false;
  procfs::Buffer buffer;
  const auto status = procfs.read("self/status", buffer);
  if (!status) return status.error();
  return has_one_pid(*status);
}

}  // namespace

MemoryOrder compare_memory_by_kcmp(pid_t a, pid_t b) {
  switch (::syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0)) {
    case 0:
      return MemoryOrder::same;
    case 1:
      return MemoryOrder::before;
    case 2:
      return MemoryOrder::after;
    default:
      return MemoryOrder::unknown;
  }
}

CompareMemory memory_comparison_for(const procfs::Tree& procfs) {
  // Found out when it is first asked, and again while our own descriptors run out.
  return [tree = procfs.duplicate(), ours = std::optional<bool>()](pid_t a, pid_t b) mutable {
    if (!ours) {
      const auto shown = shows_our_pids(tree);
      if (!shown && shown.error().kind == ErrorKind::exhausted) return MemoryOrder::unknown;
      ours = shown && *shown;
    }
    return *ours ? compare_memory_by_kcmp(a, b) : MemoryOrder::unknown;
  };
}

}  // namespace memory_exporter::process
