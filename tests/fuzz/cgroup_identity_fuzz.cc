#include "collectors/procfs/cgroup_identity.h"

#include "collectors/procfs/cgroup.h"
#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto paths = procfs::cgroup_paths(text);
  const auto memory = procfs::memory_cgroup(text);
  if (memory && *memory) fuzz::require(paths.memory == **memory, "both find the same line");
  for (const auto path : {paths.memory, paths.systemd, paths.unified}) {
    if (path.empty()) continue;
    fuzz::require(fuzz::lies_within(path, text), "the path is a part of the text");
    fuzz::require(path.starts_with('/'), "the path is absolute");
  }
  const auto identity = procfs::cgroup_identity(paths);
  for (const auto part :
       {identity.unit, identity.user_unit, identity.slice, identity.container, identity.pod}) {
    if (part.empty()) continue;
    fuzz::require(fuzz::lies_within(part, text), "what is found is a part of the text");
    fuzz::require(part.find_first_of("/\n") == std::string_view::npos, "and of one segment");
  }
  fuzz::require(identity.container_id().size() <= identity.container.size(),
                "undoing escapes adds nothing");
  const auto uid = identity.pod_uid();
  fuzz::require(uid.empty() || uid.size() == 32 || uid.size() == 36, "a uid has its size");
  fuzz::require(uid.find('_') == std::string::npos, "a uid is the API server's");
  fuzz::require(identity.qos.empty() || !uid.empty(), "only a pod has a class");
  fuzz::require(identity.user_unit.empty() || identity.unit.starts_with("user@"),
                "only below a user's manager");
  return 0;
}
