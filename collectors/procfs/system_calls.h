#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>

namespace memory_exporter::procfs {

/// The kernel calls that files are read by, each under its own name and with its own conventions:
/// -1 and errno where it fails. Tests put others in their place, which fail as told.
///
/// A virtual call adds some 2 ns to calls of which the quickest takes 100. A descriptor is closed
/// by its owner, without this: nothing is done about a close that fails.
class SystemCalls {
 public:
  virtual ~SystemCalls() = default;

  virtual int openat(int directory, const char* path, int flags);
  virtual ssize_t read(int file, void* to, std::size_t size);
  virtual ssize_t pread(int file, void* to, std::size_t size, off_t offset);
  virtual ssize_t getdents64(int directory, void* to, std::size_t size);
  virtual ssize_t readlinkat(int directory, const char* path, char* to, std::size_t size);
  virtual int fstatat(int directory, const char* path, struct stat* to, int flags);
  virtual int statx(int directory, const char* path, int flags, unsigned mask, struct statx* to);
  virtual int ioctl(int file, unsigned long request, void* argument);
};

/// The kernel's own.
const std::shared_ptr<SystemCalls>& kernel_calls();

}  // namespace memory_exporter::procfs
