#pragma once

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/base/file_descriptor.h"
#include "collectors/base/result.h"
#include "collectors/procfs/system_calls.h"

namespace memory_exporter::procfs {

/// Bytes that outlive one read and are reused by the next. Grows to the largest file it has held
/// (pages it never touched cost nothing) and is not cleared, but after a file that was too large.
class Buffer {
 public:
  static constexpr std::size_t initial_size = 16 * 1024;

  char* data() { return bytes_.get(); }
  std::size_t capacity() const { return capacity_; }
  /// Grows to at least `size`; the first `keep` bytes survive.
  void grow(std::size_t size, std::size_t keep);

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
};

/// The error for an errno met on a file.
Error error_of(int error_number, std::string path);

/// Which file it is, whatever it is called.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  auto operator<=>(const FileId&) const = default;
};

/// A process as the root of a procfs lists it. The kernel makes the inode when it first lists or
/// opens /proc/PID and gives it up with the process, or earlier where memory is short: the same
/// inode is the same process, another one says nothing (kernel: fs/proc/base.c, proc_fill_cache).
struct ListedProcess {
  pid_t pid = 0;
  std::uint64_t inode = 0;
  auto operator<=>(const ListedProcess&) const = default;
};

/// One directory tree (--path.procfs, --path.sysfs, --path.rootfs) and the only way into it. Paths
/// are relative and opened beneath a directory fd taken once, so the tree cannot be swapped under
/// a running exporter. Const and safe to share between threads; the buffer is the caller's.
///
/// Every read goes to end of file: a kernel seq_file gives a page at a time and short reads are
/// normal. A file that does not end within the bounds below is malformed, whoever serves it (FUSE,
/// a pipe, a mount table that its owner filled). Cost: one openat, the reads (the last returns 0),
/// one close.
class Tree {
 public:
  /// What read() holds of a file, the largest: /proc/zoneinfo of 2,000 CPUs has 6 MiB, status of a
  /// process in 65,536 groups 0.7 MiB.
  static constexpr std::size_t largest_text = 16 << 20;
  /// What read_in_pieces() holds of one, the largest entry: a mount's line has 30 KiB at most.
  static constexpr std::size_t largest_entry = 1 << 20;
  /// Where read_in_pieces() gives up: the smaps of 6 million mappings.
  static constexpr std::uint64_t most_in_pieces = std::uint64_t{4} << 30;

  /// Fails where the path is not a directory that can be opened.
  static Result<Tree> open(std::string path, std::shared_ptr<SystemCalls> calls = kernel_calls());
  /// A tree that is not there: every read says vanished (a container without /sys).
  static Tree absent(std::string path);

  /// The same tree behind the same descriptor, for an owner that may outlive this one.
  Tree duplicate() const;

  const std::string& path() const { return path_; }
  bool present() const { return directory_ != nullptr; }
  int fd() const { return present() ? directory_->get() : -1; }
  /// What everything below it is read by.
  const std::shared_ptr<SystemCalls>& calls() const { return calls_; }

  /// The file's whole text, valid until the buffer's next use. Errors name the full path. One of
  /// largest_text or more is malformed, and the buffer gives its memory back.
  Result<std::string_view> read(const char* relative, Buffer& buffer) const;

  /// Takes whole entries off the front of a text and returns their bytes. `last`: the file ends
  /// here, and so must the last entry.
  using Consume = std::function<Result<std::size_t>(std::string_view text, bool last)>;

  /// The file piece by piece, for what is too large to hold (a smaps may have 45 MB): after each
  /// read, for which the kernel hands out a page or so, `consume` gets the bytes that it has not
  /// taken yet. The buffer stays at its first size as long as an entry fits. Ends with the first
  /// error, of reading or of `consume`, which then names the file. An entry of largest_entry, or
  /// more than `most` bytes, is malformed.
  Status read_in_pieces(const char* relative, Buffer& buffer, const Consume& consume,
                        std::uint64_t most = most_in_pieces) const;

  /// The names in a directory, without "." and "..", in the kernel's order ("." : the root itself).
  Result<std::vector<std::string>> list(const char* relative) const;

  /// The same for its sub-directories alone; symbolic links are not followed. What
  /// cannot be told from one is among them: who reads below it meets the error, and counts it.
  Result<std::vector<std::string>> list_directories(const char* relative) const;

  /// Where a symbolic link points. Of /proc/PID/exe the kernel prints the path that it has in its
  /// own books: the filesystem that the file lies on is not asked.
  Result<std::string> read_link(const char* relative) const;

  /// The file behind a path, symbolic links followed (/proc/PID/exe: the executable itself, about
  /// 1.5 us), as the kernel knows it. The filesystem is not asked (AT_STATX_DONT_SYNC), because a
  /// dead NFS or FUSE server never answers; an error before kernel 4.11, which cannot be told so.
  Result<FileId> file_id(const char* relative) const;

  /// Whether another file system's file is mounted over a name in the root, as lxcfs does over
  /// /proc/meminfo; false where that cannot be told. Does not wait for the file system; about 1 us.
  bool is_mounted_over(const char* name) const;
  /// Whether there is such a file, a symbolic link itself; an error where that cannot be told.
  /// About 1 us.
  Result<bool> exists(const char* relative) const;

  /// The names in the root that are all digits: the processes of a procfs, appended to `processes`
  /// (cleared first). Cost: getdents64 over a kept descriptor, about 0.3 us a process.
  Status list_processes(std::vector<ListedProcess>& processes) const;

  /// A file to read by offset, for those that are not read to their end.
  Result<FileDescriptor> open_file(const char* relative) const;

 private:
  Result<FileDescriptor> open_at(const char* relative, int flags) const;
  Error error_for(const char* relative, int error_number) const;
  Error too_large(const char* relative, std::string_view what, Buffer& buffer) const;
  /// Reads once behind the first `size` bytes of the buffer, growing it where it is full; the bytes
  /// got, 0 at the end of the file.
  Result<std::size_t> read_some(const FileDescriptor& file, const char* relative, Buffer& buffer,
                                std::size_t size) const;

  Tree(std::string path, std::shared_ptr<const FileDescriptor> directory,
       std::shared_ptr<SystemCalls> calls)
      : path_(std::move(path)), directory_(std::move(directory)), calls_(std::move(calls)) {}

  template <typename Wanted>
  Result<std::vector<std::string>> list_if(const char* relative, Wanted&& wanted) const;

  std::string path_;
  std::shared_ptr<const FileDescriptor> directory_;
  std::shared_ptr<SystemCalls> calls_;
};

}  // namespace memory_exporter::procfs
