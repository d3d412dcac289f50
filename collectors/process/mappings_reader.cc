#include "collectors/process/mappings_reader.h"

#include <string>

#include "collectors/process/pid_path.h"

namespace memory_exporter::process {

std::optional<Result<MappingTotals>> MappingsReader::read(const WalkRequest& request,
                                                          WalkControl& control) {
  if (!stacks_are_marked_) stacks_are_marked_ = kernel_marks_stacks(procfs_);
  const auto pid = request.id.pid;
  const auto thread = request.memory_thread;
  const auto link = procfs_.read_link(PidPath(pid, thread, "exe").c_str());
  const std::string executable = link ? as_printed_in_maps(*link) : std::string();

  MappingTotals totals;
  bool any = false;
  RegionClassifier classifier({executable, *stacks_are_marked_});
  procfs::SmapsParser parser;
  auto run_began = Clock::now();
  const auto consume = [&](std::string_view text, bool last) {
    auto taken = parser.parse(text, last, [&](const procfs::SmapsEntry& entry) {
      totals.add(entry, classifier.next(entry));
      any = true;
    });
    if (!last && Clock::now() - run_began >= longest_run) {
      // It goes on even where the budget is spent: what has been read would be of no use, and the
      // debt is this one process.
      control.pause(pause);
      run_began = Clock::now();
    }
    return taken;
  };
  const auto done = procfs_.read_in_pieces(PidPath(pid, thread, "smaps").c_str(), buffer_, consume);
  if (!done) return done.error();
  if (!any) return Error{ErrorKind::vanished, "no mappings", {}, 0};  // its memory has gone
  return totals;
}

}  // namespace memory_exporter::process
