#include "collectors/process/sampling/limits_reader.h"

#include "collectors/process/table/pid_path.h"
#include "collectors/procfs/maps.h"

namespace memory_exporter::process {
namespace {

template <typename Value>
bool failed_as(const Result<Value>& result, ErrorKind kind) {
  return !result && result.error().kind == kind;
}

}  // namespace

Result<LimitsFound> LimitsReader::read(const ReadRequest& request, ReadControl& control) {
  const auto limits = read_limits(request);
  if (failed_as(limits, ErrorKind::exhausted)) return limits.error();
  const auto mappings = count_mappings(request, control);
  if (failed_as(mappings, ErrorKind::exhausted)) return mappings.error();

  LimitsFound found;
  // A process has a mapping at least, or nothing runs: what lists none says nothing.
  if (mappings && *mappings > 0) found.mappings = *mappings;
  if (failed_as(limits, ErrorKind::vanished) && !found.mappings) return limits.error();
  if (limits) {
    found.limits = **limits;
    if (limits->skipped) found.limits_failed = ErrorKind::malformed;
  } else if (!failed_as(limits, ErrorKind::vanished)) {
    found.limits_failed = limits.error().kind;
  }
  if (!mappings && !failed_as(mappings, ErrorKind::vanished)) {
    found.mappings_failed = mappings.error().kind;
  }
  return found;
}

Result<procfs::Parsed<procfs::Limits>> LimitsReader::read_limits(const ReadRequest& request) {
  const auto text = procfs_.read(PidPath(request.id.pid, "limits").c_str(), buffer_);
  if (!text) return text.error();
  procfs::Skipped skipped;
  const auto limits = procfs::parse_limits(*text, &skipped);
  if (!limits) return limits.error();
  return procfs::Parsed<procfs::Limits>{*limits, skipped};
}

Result<std::uint64_t> LimitsReader::count_mappings(const ReadRequest& request,
                                                   ReadControl& control) {
  const PidPath path(request.id.pid, request.memory_thread, "maps");
  std::uint64_t count = 0;
  procfs::MapsParser parser;
  const auto done =
      procfs_.read_in_pieces(path.c_str(), buffer_, [&](std::string_view text, bool last) {
        control.held();  // the kernel lets go of the lock after each page
        return parser.parse(text, last, [&](const procfs::Vma& vma) {
          if (!vma.is_gate()) ++count;
        });
      });
  if (!done) return done.error();
  return count;
}

}  // namespace memory_exporter::process
