#include "collectors/procfs/filesystem.h"

#include <linux/magic.h>
#include <sys/statfs.h>

namespace memory_exporter::procfs {
namespace {

bool is_mounted(const Tree& tree, long magic) {
  struct statfs status {};
  return tree.present() && ::fstatfs(tree.fd(), &status) == 0 && status.f_type == magic;
}

}  // namespace

bool is_procfs(const Tree& tree) {
  return is_mounted(tree, PROC_SUPER_MAGIC);
}

bool is_cgroup2(const Tree& tree) {
  return is_mounted(tree, CGROUP2_SUPER_MAGIC);
}

}  // namespace memory_exporter::procfs
