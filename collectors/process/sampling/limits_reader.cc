#include "collectors/process/sampling/limits_reader.h"

#include "collectors/process/table/pid_path.h"
#include "collectors/procfs/maps.h"

namespace memory_exporter::process {

std::optional<Result<LimitsFound>> LimitsReader::read(const WalkRequest& request,
                                                      WalkControl& control) {
  const auto text = procfs_.read(PidPath(request.id.pid, "limits").c_str(), buffer_);
  if (!text) return text.error();
  const auto limits = procfs::parse_limits(*text);
  if (!limits) return limits.error();
  const auto mappings = count_mappings(request, control);
  if (mappings) return LimitsFound{*limits, *mappings};
  if (mappings.error().kind == ErrorKind::denied) return LimitsFound{*limits, std::nullopt};
  return mappings.error();
}

Result<std::uint64_t> LimitsReader::count_mappings(const WalkRequest& request,
                                                   WalkControl& control) {
  const PidPath path(request.id.pid, request.memory_thread, "maps");
  std::uint64_t count = 0;
  procfs::MapsParser parser;
  const auto done =
      procfs_.read_in_pieces(path.c_str(), buffer_, [&](std::string_view text, bool last) {
        control.held();  // the kernel lets go of the lock after each page
        return parser.parse(text, last, [&](const procfs::Vma& vma) {
          if (vma.path != "[vsyscall]") ++count;  // printed, but the kernel does not count it
        });
      });
  if (!done) return done.error();
  return count;
}

}  // namespace memory_exporter::process
