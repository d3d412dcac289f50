#include "collectors/procfs/system_calls.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace memory_exporter::procfs {

int SystemCalls::openat(int directory, const char* path, int flags) {
  return ::openat(directory, path, flags);
}

ssize_t SystemCalls::read(int file, void* to, std::size_t size) {
  return ::read(file, to, size);
}

ssize_t SystemCalls::pread(int file, void* to, std::size_t size, off_t offset) {
  return ::pread(file, to, size, offset);
}

ssize_t SystemCalls::getdents64(int directory, void* to, std::size_t size) {
  return ::syscall(SYS_getdents64, directory, to, size);
}

ssize_t SystemCalls::readlinkat(int directory, const char* path, char* to, std::size_t size) {
  return ::readlinkat(directory, path, to, size);
}

int SystemCalls::fstatat(int directory, const char* path, struct stat* to, int flags) {
  return ::fstatat(directory, path, to, flags);
}

int SystemCalls::statx(int directory, const char* path, int flags, unsigned mask,
                       struct statx* to) {
  return ::statx(directory, path, flags, mask, to);
}

int SystemCalls::ioctl(int file, unsigned long request, void* argument) {
  return ::ioctl(file, request, argument);
}

const std::shared_ptr<SystemCalls>& kernel_calls() {
  static const auto calls = std::make_shared<SystemCalls>();
  return calls;
}

}  // namespace memory_exporter::procfs
