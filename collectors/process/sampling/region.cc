#include "collectors/process/sampling/region.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace memory_exporter::process {
namespace {

using procfs::SmapsEntry;
using procfs::Vma;

constexpr std::string_view deleted_suffix = " (deleted)";

/// One mapping and where it lies.
struct Place {
  const SmapsEntry& entry;
  const RegionClassifier::Below& below;
  const RegionContext& context;
  bool of_program;  ///< a mapping of the program's file

  const Vma& vma() const { return entry.vma; }
  std::string_view path() const { return entry.vma.path; }
  bool begins(std::string_view with) const { return path().starts_with(with); }
  bool is_file() const { return begins("/"); }
  bool adjoins() const { return below.end == vma().start; }
  bool same_file_as_below() const { return vma().inode != 0 && vma().file() == below.file; }
  /// Memory for variables: private, anonymous, written, not run.
  bool is_plain_anon() const {
    return path().empty() && !vma().shared && vma().writable && !vma().executable;
  }
};

/// "libc.so.6", "module.so", "libc.so.6;5f3a (deleted)": ".so" at the end or before a version.
bool is_library_name(std::string_view path) {
  if (path.ends_with(deleted_suffix)) path.remove_suffix(deleted_suffix.size());
  if (const auto slash = path.rfind('/'); slash != path.npos) path.remove_prefix(slash + 1);
  const auto at = path.rfind(".so");
  if (at == path.npos) return false;
  const auto behind = path.substr(at + 3);
  return behind.empty() ||
         (behind.size() > 1 && behind[0] == '.' && behind[1] >= '0' && behind[1] <= '9');
}

/// The bss follows the last mapping of the program's file. (Without a randomised address space the
/// heap begins where the bss ends, and kernels that merge the two print [heap] for both.)
bool program_bss(const Place& place) {
  return place.is_plain_anon() && place.adjoins() &&
         (place.below.region == Region::data || place.below.region == Region::rodata);
}

/// The bss of a library follows its data. The kernel merges it with anonymous memory that happens
/// to lie directly above, so a large one is mostly that: of 204 libraries measured in Chromium,
/// JVM, Node and others none had more than 360 KiB of bss, and merged neighbours of 1 MiB were
/// there.
bool library_bss(const Place& place) {
  constexpr Bytes largest{1 << 20};
  return place.is_plain_anon() && place.adjoins() && place.below.region == Region::lib_data &&
         place.below.writable && place.vma().size() <= largest;
}

/// A thread's stack lies upon a guard without access: of 4 KiB by glibc (64 KiB on arm64), 8 KiB by
/// musl, 16 KiB by the JVM. Where the kernel marks stacks, that and the mark tell them exactly (143
/// of 143 in Chromium, JVM, Node and Go); without the mark, allocators with guards of their own
/// look alike, and a size of whole 64 KiB, with or without the guard, has to tell stacks from most
/// of those. Stacks without a guard mapping (MADV_GUARD_INSTALL, glibc 2.42 on 6.13) count as anon.
bool thread_stack(const Place& place) {
  constexpr Bytes largest_guard{64 << 10};
  constexpr std::uint64_t granule = 64 << 10;
  if (!place.is_plain_anon() || !place.adjoins() || !place.below.guard ||
      place.below.size > largest_guard) {
    return false;
  }
  if (place.context.stacks_are_marked) return place.entry.has_flag("nh");
  const auto size = place.vma().size();
  return size.value % granule == 0 || (size + place.below.size).value % granule == 0;
}

bool is_shared_memory(const Place& place) {
  return place.begins("[anon_shmem:") || place.begins("/memfd:") || place.begins("/secretmem") ||
         place.begins("/SYSV") || place.begins("/dev/shm/") ||
         (place.begins("/dev/zero") && place.vma().shared);
}

bool is_device(const Place& place) {
  const auto path = place.path();
  const bool kernel_object = !path.empty() && path.front() != '/' && path.front() != '[';
  return kernel_object || place.begins("/dev/") || place.begins("/dmabuf:") ||
         place.begins("/[aio]") || place.entry.has_flag("io") || place.entry.has_flag("pf");
}

struct Rule {
  Region region;
  bool (*applies)(const Place& place);
};

/// The first rule that applies decides.
constexpr Rule rules[] = {
    {Region::vsyscall, [](const Place& p) { return p.vma().is_gate(); }},
    {Region::vvar, [](const Place& p) { return p.begins("[vvar"); }},
    {Region::heap, [](const Place& p) { return p.path() == "[heap]"; }},
    {Region::stack, [](const Place& p) { return p.begins("[stack"); }},
    {Region::named_anon, [](const Place& p) { return p.begins("[anon:"); }},
    {Region::text, [](const Place& p) { return p.of_program && p.vma().executable; }},
    {Region::data, [](const Place& p) { return p.of_program && p.vma().writable; }},
    {Region::rodata, [](const Place& p) { return p.of_program; }},
    {Region::hugetlb,
     [](const Place& p) { return p.entry.has_flag("ht") || p.begins("/anon_hugepage"); }},
    {Region::shmem, is_shared_memory},
    {Region::vdso, [](const Place& p) { return p.begins("["); }},
    // A private mapping of /dev/zero is anonymous memory by another way.
    {Region::anon, [](const Place& p) { return p.begins("/dev/zero"); }},
    {Region::device, is_device},
    {Region::lib_text, [](const Place& p) { return p.is_file() && p.vma().executable; }},
    {Region::lib_data, [](const Place& p) { return p.is_file() && is_library_name(p.path()); }},
    {Region::lib_data,
     [](const Place& p) {
       return p.is_file() && p.same_file_as_below() &&
              (p.below.region == Region::lib_text || p.below.region == Region::lib_data);
     }},
    {Region::file, [](const Place& p) { return p.is_file(); }},
    {Region::data, program_bss},
    {Region::lib_data, library_bss},
    {Region::stack, thread_stack},
    {Region::anon, [](const Place&) { return true; }},
};

}  // namespace

std::string as_printed_in_maps(std::string_view path) {
  std::string printed;
  for (const char c : path) {
    if (c == '\n') {
      printed += "\\012";
    } else {
      printed += c;
    }
  }
  return printed;
}

Result<bool> kernel_marks_stacks(const procfs::Tree& procfs) {
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* page = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (page == MAP_FAILED) return procfs::error_of(errno, procfs.path() + "/self/smaps");
  const auto address = reinterpret_cast<std::uintptr_t>(page);
  bool marked = false;
  procfs::Buffer buffer;
  procfs::SmapsParser parser;
  const auto look = [&](std::string_view text, bool last) {
    return parser.parse(text, last, [&](const SmapsEntry& entry) {
      if (entry.vma.start <= address && address < entry.vma.end) marked = entry.has_flag("nh");
    });
  };
  const auto read = procfs.read_in_pieces("self/smaps", buffer, look);
  ::munmap(page, size);
  if (!read) return read.error();
  return marked;
}

bool RegionClassifier::is_of_program(const Vma& vma) {
  if (!vma.path.starts_with('/')) return false;
  if (!program_) {
    const bool found = context_.executable.empty()
                           ? vma.offset == 0 && vma.inode != 0 && !vma.shared
                           : vma.path == context_.executable;
    if (found) program_ = vma.file();
  }
  return program_ == vma.file();
}

Region RegionClassifier::next(const SmapsEntry& entry) {
  const auto& vma = entry.vma;
  const Place place{entry, below_, context_, is_of_program(vma)};
  const auto* rule = std::find_if(std::begin(rules), std::end(rules),
                                  [&](const Rule& r) { return r.applies(place); });
  below_ = {.end = vma.end,
            .size = vma.size(),
            .region = rule->region,
            .writable = vma.writable,
            .guard = vma.path.empty() && !vma.shared && !vma.accessible(),
            .file = vma.file()};
  return rule->region;
}

}  // namespace memory_exporter::process
