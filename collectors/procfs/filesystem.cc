#include "collectors/procfs/filesystem.h"

#include <linux/magic.h>
#include <sys/statfs.h>

namespace memory_exporter::procfs {

bool is_procfs(const Tree& tree) {
  struct statfs status {};
  return tree.present() && ::fstatfs(tree.fd(), &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

}  // namespace memory_exporter::procfs
