#include "collectors/process/sampling/mappings_reader.h"

#include "collectors/process/sampling/smaps_walk.h"
#include "collectors/process/table/pid_path.h"

namespace memory_exporter::process {

/// 5 us, a fiftieth of reading the smaps of a small process: not asked where it is not needed.
Result<std::string> MappingsReader::executable_of(const ReadRequest& request) const {
  const auto link =
      procfs_.read_link(PidPath(request.id.pid, request.memory_thread, "exe").c_str());
  if (!link) return link.error();
  return as_printed_in_maps(*link);
}

Result<MappingsFound> MappingsReader::read(const ReadRequest& request, ReadControl& control) {
  if (!stacks_are_marked_) {
    const auto marked = kernel_marks_stacks(procfs_);
    if (marked) {
      stacks_are_marked_ = *marked;
    } else if (marked.error().kind != ErrorKind::vanished) {
      return marked.error();  // what it would tell without is not what it tells next time
    }
  }
  const auto link = request.program ? Result<std::string>(std::string()) : executable_of(request);
  std::optional<ErrorKind> link_failed;
  if (!link && link.error().kind != ErrorKind::vanished) link_failed = link.error().kind;
  if (link_failed == ErrorKind::exhausted) return link.error();
  const std::string executable = link ? *link : std::string();

  totals_.clear();
  bool any = false;
  bool complete = true;
  RegionClassifier classifier({executable, request.program, stacks_are_marked_.value_or(false)});
  const PidPath path(request.id.pid, request.memory_thread, "smaps");
  const auto done = for_each_mapping(procfs_, path.c_str(), buffer_, control,
                                     [&](const procfs::SmapsEntry& entry) {
                                       totals_.add(entry, classifier.next(entry));
                                       any = true;
                                       complete = complete && entry.unknown.none();
                                     });
  if (!done) return done.error();
  if (!any) return Error{ErrorKind::vanished, "no mappings", {}, 0};  // its memory has gone
  if (!complete) {
    return in_file(malformed("a figure that no machine can hold"), path.c_str());
  }
  // A guess is not kept: who may not read the link does not see every exec either.
  const bool certain = request.program || !executable.empty();
  return MappingsFound{totals_, certain ? classifier.program() : std::nullopt, link_failed};
}

}  // namespace memory_exporter::process
