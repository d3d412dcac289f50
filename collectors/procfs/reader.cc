#include "collectors/procfs/reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "collectors/base/text.h"

namespace memory_exporter::procfs {
namespace {

/// Same layout as the kernel's struct linux_dirent64; glibc's dirent64 has it too.
using KernelEntry = struct dirent64;

/// Makes a call again that a signal has interrupted: a network filesystem's open can be.
template <typename Call>
auto uninterrupted(Call&& call) {
  while (true) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

/// Calls `visit(name, entry)` for each entry of an open directory; 0 or the errno.
template <typename Visit>
int for_each_entry(SystemCalls& calls, int directory, Visit&& visit) {
  alignas(KernelEntry) std::array<char, 32 * 1024> block;
  while (true) {
    const auto got =
        uninterrupted([&] { return calls.getdents64(directory, block.data(), block.size()); });
    if (got < 0) return errno;
    if (got == 0) return 0;
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const KernelEntry*>(block.data() + at);
      visit(std::string_view(entry->d_name), *entry);
      at += entry->d_reclen;
    }
  }
}

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ESRCH:
    case ENOTDIR:
    case ENODEV:      // a cgroup that was removed between open and read
    case EOPNOTSUPP:  // a file of a feature that was switched off at boot (PSI)
      return ErrorKind::vanished;
    case EACCES:
    case EPERM:
      return ErrorKind::denied;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorKind::exhausted;
    default:
      return ErrorKind::io;
  }
}

}  // namespace

Error error_of(int error_number, std::string path) {
  return Error{kind_of(error_number), std::generic_category().message(error_number),
               std::move(path)};
}

void Buffer::grow(std::size_t size, std::size_t keep) {
  if (size <= capacity_) return;
  const auto larger = std::max({size, capacity_ * 2, initial_size});
  auto bytes = std::make_unique_for_overwrite<char[]>(larger);
  if (keep > 0) std::memcpy(bytes.get(), bytes_.get(), keep);
  bytes_ = std::move(bytes);
  capacity_ = larger;
}

Result<Tree> Tree::open(std::string path, std::shared_ptr<SystemCalls> calls) {
  FileDescriptor directory(uninterrupted(
      [&] { return calls->openat(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!directory.valid()) {
    return error_of(errno, path);
  }
  return Tree(std::move(path), std::make_shared<const FileDescriptor>(std::move(directory)),
              std::move(calls));
}

Tree Tree::absent(std::string path) {
  return Tree(std::move(path), nullptr, kernel_calls());
}

Tree Tree::duplicate() const {
  return Tree(path_, directory_, calls_);
}

Error Tree::error_for(const char* relative, int error_number) const {
  return error_of(error_number, path_ + '/' + relative);
}

/// The buffer has grown for nothing.
Error Tree::too_large(const char* relative, std::string_view what, Buffer& buffer) const {
  buffer = Buffer();
  return in_file(malformed(std::string(what)), path_ + '/' + relative);
}

Result<FileDescriptor> Tree::open_file(const char* relative) const {
  if (!present()) return error_for(relative, ENOENT);
  return open_at(relative, 0);
}

Result<FileDescriptor> Tree::open_at(const char* relative, int flags) const {
  FileDescriptor file(
      uninterrupted([&] { return calls_->openat(fd(), relative, O_RDONLY | O_CLOEXEC | flags); }));
  if (!file.valid()) return error_for(relative, errno);
  return file;
}

Result<std::size_t> Tree::read_some(const FileDescriptor& file, const char* relative,
                                    Buffer& buffer, std::size_t size) const {
  buffer.grow(size + 1, size);
  const auto got = uninterrupted(
      [&] { return calls_->read(file.get(), buffer.data() + size, buffer.capacity() - size); });
  if (got < 0) return error_for(relative, errno);
  return static_cast<std::size_t>(got);
}

Result<std::string_view> Tree::read(const char* relative, Buffer& buffer) const {
  const auto file = open_file(relative);
  if (!file) return file.error();
  std::size_t size = 0;
  while (true) {
    const auto got = read_some(*file, relative, buffer, size);
    if (!got) return got.error();
    if (*got == 0) return std::string_view(buffer.data(), size);
    size += *got;
    if (size >= largest_text) return too_large(relative, "too large: 16 MiB or more", buffer);
  }
}

Status Tree::read_in_pieces(const char* relative, Buffer& buffer, const Consume& consume,
                            std::uint64_t most) const {
  const auto file = open_file(relative);
  if (!file) return file.error();
  std::size_t size = 0;
  std::uint64_t total = 0;
  while (true) {
    const auto got = read_some(*file, relative, buffer, size);
    if (!got) return got.error();
    size += *got;
    total += *got;
    if (total > most) return too_large(relative, "too large: it does not end", buffer);
    const bool last = *got == 0;
    const auto taken = consume(std::string_view(buffer.data(), size), last);
    if (!taken) return in_file(taken.error(), path_ + '/' + relative);
    if (last) return Done{};
    size -= *taken;
    if (size >= largest_entry) return too_large(relative, "an entry of 1 MiB or more", buffer);
    std::memmove(buffer.data(), buffer.data() + *taken, size);
  }
}

Result<std::vector<std::string>> Tree::list(const char* relative) const {
  return list_if(relative, [](int, std::string_view, unsigned char) { return true; });
}

Result<std::vector<std::string>> Tree::list_directories(const char* relative) const {
  return list_if(relative, [this](int parent, std::string_view name, unsigned char type) {
    if (type != DT_UNKNOWN) return type == DT_DIR;
    struct stat status {};  // a file system that does not tell: ask for each
    const int told = uninterrupted(
        [&] { return calls_->fstatat(parent, name.data(), &status, AT_SYMLINK_NOFOLLOW); });
    return told == 0 ? S_ISDIR(status.st_mode) : kind_of(errno) != ErrorKind::vanished;
  });
}

template <typename Wanted>
Result<std::vector<std::string>> Tree::list_if(const char* relative, Wanted&& wanted) const {
  if (!present()) return error_for(relative, ENOENT);
  const auto directory = open_at(relative, O_DIRECTORY);
  if (!directory) return directory.error();
  std::vector<std::string> names;
  const auto keep = [&](std::string_view name, const KernelEntry& entry) {
    if (name == "." || name == "..") return;
    if (wanted(directory->get(), name, entry.d_type)) names.emplace_back(name);
  };
  const int failed = for_each_entry(*calls_, directory->get(), keep);
  if (failed != 0) return error_for(relative, failed);
  return names;
}

Result<std::string> Tree::read_link(const char* relative) const {
  if (!present()) return error_for(relative, ENOENT);
  std::array<char, 4096> target;
  const auto size = uninterrupted(
      [&] { return calls_->readlinkat(fd(), relative, target.data(), target.size()); });
  if (size < 0) return error_for(relative, errno);
  return std::string(target.data(), static_cast<std::size_t>(size));
}

Result<FileId> Tree::file_id(const char* relative) const {
  if (!present()) return error_for(relative, ENOENT);
  struct statx found {};
  constexpr int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
  const int told =
      uninterrupted([&] { return calls_->statx(fd(), relative, flags, STATX_INO, &found); });
  if (told != 0) return error_for(relative, errno);
  return FileId{makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino};
}

Result<bool> Tree::exists(const char* relative) const {
  if (!present()) return false;
  struct stat found {};
  const int told =
      uninterrupted([&] { return calls_->fstatat(fd(), relative, &found, AT_SYMLINK_NOFOLLOW); });
  if (told == 0) return true;
  auto error = error_for(relative, errno);
  if (error.kind == ErrorKind::vanished) return false;
  return error;
}

bool Tree::is_mounted_over(const char* name) const {
  if (!present()) return false;
  constexpr int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  struct statx found {};
  struct statx root {};
  if (calls_->statx(fd(), name, flags, STATX_TYPE, &found) != 0) return false;
  if (calls_->statx(fd(), "", flags | AT_EMPTY_PATH, STATX_TYPE, &root) != 0) return false;
  return found.stx_dev_major != root.stx_dev_major || found.stx_dev_minor != root.stx_dev_minor;
}

Status Tree::list_processes(std::vector<ListedProcess>& processes) const {
  processes.clear();
  if (!present()) return error_for("", ENOENT);
  // A descriptor of its own: the read position of the shared one would be shared between threads.
  const auto directory = open_at(".", O_DIRECTORY);
  if (!directory) return directory.error();
  const auto keep = [&](std::string_view name, const KernelEntry& entry) {
    const auto pid = to_number<pid_t>(name);
    if (pid && *pid > 0) processes.push_back({*pid, std::uint64_t{entry.d_ino}});
  };
  const int failed = for_each_entry(*calls_, directory->get(), keep);
  if (failed != 0) return error_for("", failed);
  return Done{};
}

}  // namespace memory_exporter::procfs
