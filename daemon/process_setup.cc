#include "daemon/process_setup.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>

#include "collectors/base/printable.h"

namespace memory_exporter {
namespace {

/// One heap for all threads: the arenas that glibc would give to each of the server's threads keep
/// more memory than all they ever hold. And what is large goes back to the kernel when it is freed:
/// left to itself, glibc would keep a reply's worth of memory from one scrape to the next.
void set_up_heap() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 128 * 1024);
}

/// Were 0, 1 or 2 closed, the next file or connection would get that number, and the log or the
/// metrics would be written into it. The root directory stands in: it is always there, and writing
/// to it fails as writing to nothing does.
void fill_standard_descriptors() {
  int descriptor = 0;
  while (descriptor >= 0 && descriptor <= STDERR_FILENO) descriptor = ::open("/", O_RDONLY);
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

/// A machine's usual 1,024 are as many as a few hundred clients and a tree of cgroups may take.
/// More than this many nobody needs here.
void raise_descriptor_limit() {
  constexpr rlim_t enough = 65'536;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough) return;
  limit.rlim_cur = std::min(limit.rlim_max, enough);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// The usual 8 MiB for each of our threads would be most of a limited address space (ulimit -v).
/// They use some tens of KiB.
void set_thread_stack_size() {
  constexpr std::size_t enough = std::size_t{1} << 20;
  pthread_attr_t attributes;
  if (::pthread_attr_init(&attributes) != 0) return;
  ::pthread_attr_setstacksize(&attributes, enough);
  ::pthread_setattr_default_np(&attributes);
  ::pthread_attr_destroy(&attributes);
}

/// Nothing that this process were made to start gets more privileges than it has, by no file's
/// owner or capabilities.
void give_up_new_privileges() {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

bool is_shortage(const std::exception& failed) {
  const auto* of_system = dynamic_cast<const std::system_error*>(&failed);
  return dynamic_cast<const std::bad_alloc*>(&failed) != nullptr ||
         (of_system != nullptr && of_system->code() == std::errc::resource_unavailable_try_again);
}

/// An exception that nobody catches. Where the machine gave neither memory nor a thread, that is
/// said, and a service manager starts the exporter again; anything else is a bug, for which a core
/// is worth having.
[[noreturn]] void end_without_resources() {
  try {
    if (std::current_exception()) std::rethrow_exception(std::current_exception());
  } catch (const std::exception& failed) {
    if (is_shortage(failed)) {
      complain(reason(failed));
      ::_exit(EXIT_FAILURE);
    }
  } catch (...) {
    std::abort();
  }
  std::abort();
}

}  // namespace

void set_up_process() {
  std::set_terminate(end_without_resources);
  give_up_new_privileges();
  set_up_heap();
  fill_standard_descriptors();
  raise_descriptor_limit();
  set_thread_stack_size();
}

void complain(const std::string& message) {
  const auto line = "memory_exporter: " + printable(message, 2000) + '\n';
  pollfd wanted{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&wanted, 1, 1000) != 1 || (wanted.revents & POLLOUT) == 0) return;
  // No longer than PIPE_BUF: it does not block where something can be written.
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

std::string reason(const std::exception& failed) {
  if (!is_shortage(failed)) return failed.what();
  if (dynamic_cast<const std::bad_alloc*>(&failed) != nullptr) {
    return "not enough memory: raise its limit (ulimit -v, MemoryMax=)";
  }
  return "cannot start a thread: raise the limit of threads or memory (ulimit -u, ulimit -v, "
         "TasksMax=)";
}

}  // namespace memory_exporter
