#include "collectors/process/sampling/rollup_reader.h"

#include "collectors/process/sampling/smaps_walk.h"
#include "collectors/process/table/pid_path.h"

namespace memory_exporter::process {

Result<MemoryFound> RollupReader::read(const ReadRequest& request, ReadControl& control) {
  const PidPath path(request.id.pid, request.memory_thread, "smaps_rollup");
  const auto text = procfs_.read(path.c_str(), buffer_);
  if (!text) {
    if (text.error().kind == ErrorKind::vanished) return add_up_smaps(request, control);
    return text.error();
  }
  procfs::Skipped skipped;
  const auto rollup = procfs::parse_smaps_rollup(*text, &skipped);
  if (!rollup) return in_file(rollup.error(), path.c_str());
  return MemoryFound{*rollup, rollup->uss(), {}, bool(skipped)};
}

Result<MemoryFound> RollupReader::add_up_smaps(const ReadRequest& request, ReadControl& control) {
  procfs::SmapsRollup sum;
  bool fits = true;
  procfs::SmapsFieldSet unknown{};
  const PidPath path(request.id.pid, request.memory_thread, "smaps");
  const auto done = for_each_mapping(procfs_, path.c_str(), buffer_, control,
                                     [&](const procfs::SmapsEntry& entry) {
                                       fits &= add_known(sum, entry.memory);
                                       unknown |= entry.unknown;
                                     });
  if (done && fits) {
    leave_absent(sum, unknown);
    return MemoryFound{sum, sum.uss(), {}};
  }
  if (done) return in_file(malformed("the figures add up to more than there can be"), path.c_str());
  if (done.error().kind == ErrorKind::vanished && lacks_both(request)) return MemoryFound{};
  return done.error();
}

/// Missing files say that the process is gone, or that the kernel has none such: then there is
/// another one.
bool RollupReader::lacks_both(const ReadRequest& request) const {
  const auto has = [&](std::string_view file) {
    return procfs_.exists(PidPath(request.id.pid, request.memory_thread, file).c_str());
  };
  const auto rollup = has("smaps_rollup");
  const auto smaps = has("smaps");
  const auto status = has("status");
  return rollup && !*rollup && smaps && !*smaps && status && *status;
}

}  // namespace memory_exporter::process
