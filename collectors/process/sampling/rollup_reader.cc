#include "collectors/process/sampling/rollup_reader.h"

#include <utility>

#include "collectors/process/table/pid_path.h"

namespace memory_exporter::process {

std::optional<Result<MemoryWalk>> RollupReader::read(const WalkRequest& request, WalkControl&) {
  const auto pid = request.id.pid;
  const auto thread = request.memory_thread;
  auto text = procfs_.read(PidPath(pid, thread, "smaps_rollup").c_str(), buffer_);
  if (!text && text.error().kind == ErrorKind::vanished) {
    // Missing because the process is, or because the kernel is old: then smaps is there.
    auto smaps = procfs_.read(PidPath(pid, thread, "smaps").c_str(), buffer_);
    if (smaps) text = std::move(smaps);
  }
  if (!text) return text.error();
  auto rollup = procfs::parse_smaps_rollup(*text);
  if (!rollup) return rollup.error();
  return MemoryWalk{*rollup, rollup->uss(), {}};
}

}  // namespace memory_exporter::process
