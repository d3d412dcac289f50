#include "collectors/base/file_descriptor.h"

#include <unistd.h>

namespace memory_exporter {

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace memory_exporter
