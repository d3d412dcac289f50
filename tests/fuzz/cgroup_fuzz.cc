#include "collectors/procfs/cgroup.h"

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto path = procfs::memory_cgroup(text);
  if (!path || !*path) return 0;
  fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
  fuzz::require(fuzz::lies_within(**path, text), "the path is a part of the text");
  fuzz::require((*path)->starts_with('/'), "the path is absolute");
  fuzz::require((*path)->find('\n') == std::string_view::npos, "the path is within one line");
  const auto in_tree = procfs::cgroup_in_tree(**path, "/a/b");
  fuzz::require(in_tree.starts_with('/'), "its path in the tree is absolute");
  fuzz::require(procfs::cgroup_in_tree(**path, "") == **path, "the tree's own paths stay");
  return 0;
}
