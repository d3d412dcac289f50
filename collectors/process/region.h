#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/procfs/bytes.h"
#include "collectors/procfs/reader.h"
#include "collectors/procfs/smaps.h"

namespace memory_exporter::process {

/// What a mapping is there for. Every mapping has exactly one region, so that the regions of a
/// process add up to its VmSize ([vsyscall] lies outside it) and to its smaps_rollup.
enum class Region {
  text,        ///< the program's code
  rodata,      ///< the program's read-only mappings: constants, and what was relocated (RELRO)
  data,        ///< the program's variables, zero-initialised ones (bss) included
  heap,        ///< brk(2): what small malloc() blocks of the main thread come from
  stack,       ///< of the main thread, and of threads where they can be told (see thread_stack())
  anon,        ///< other private anonymous memory: large malloc() blocks, JIT code, GC heaps
  named_anon,  ///< the same, named with prctl(PR_SET_VMA_ANON_NAME)
  lib_text,    ///< code of any other file
  lib_data,    ///< the rest of a library: constants, variables, bss
  file,        ///< any other file; files on a tmpfs too, which only the kernel can tell
  shmem,       ///< shared anonymous memory, memfd, System V and POSIX shared memory
  hugetlb,     ///< pages of a hugetlb pool
  device,      ///< a driver's memory: /dev/..., dma-buf, the rings of perf, io_uring and aio
  vdso,        ///< code the kernel lends ([vdso]), and its other special mappings ([uprobes])
  vvar,        ///< the data of [vdso]
  vsyscall,    ///< a legacy page of x86-64, outside the address space that VmSize counts
};

inline constexpr std::array regions = {
    Region::text,     Region::rodata, Region::data,       Region::heap,
    Region::stack,    Region::anon,   Region::named_anon, Region::lib_text,
    Region::lib_data, Region::file,   Region::shmem,      Region::hugetlb,
    Region::device,   Region::vdso,   Region::vvar,       Region::vsyscall,
};

/// As in the label `region`.
std::string_view to_string(Region region);

/// What classification needs to know beyond the mappings themselves.
struct RegionContext {
  /// The program as maps prints it: as_printed_in_maps() of /proc/PID/exe. Empty where the link
  /// cannot be read (with CAP_PERFMON smaps can be, but not the link): then the first file that is
  /// mapped from its beginning is taken for the program. Where the loader was run by name
  /// (ld-linux.so PROGRAM), the kernel calls the loader the program, and so does this.
  std::string_view executable;
  /// The program's file, where an earlier look at the same program has found it; spares the link.
  std::optional<procfs::MappedFile> program{};
  /// Whether this kernel marks MAP_STACK mappings, as kernel_marks_stacks() finds out.
  bool stacks_are_marked = false;
};

/// A link's target as maps prints the same file: with newlines as "\012".
std::string as_printed_in_maps(std::string_view path);

/// Whether the kernel shows the flag "nh" on mappings made with MAP_STACK, as all thread stacks of
/// glibc, musl and the JVM are (6.7 and later, where transparent huge pages are built in). Finds
/// out by mapping a page and looking it up in /proc/self/smaps; to be asked once. False where that
/// file is not this process's.
bool kernel_marks_stacks(const procfs::Tree& procfs);

/// Gives each mapping of one process its region, in the order of their addresses: as smaps prints
/// them. Keeps nothing of a mapping but what it means for its upper neighbour. Costs about 20 ns.
class RegionClassifier {
 public:
  /// The context's views must outlive the classifier.
  explicit RegionClassifier(const RegionContext& context)
      : context_(context), program_(context.program) {}

  /// Entries without flags (from maps) do, with less to go by: hugetlb and device memory are then
  /// known by their names only.
  Region next(const procfs::SmapsEntry& entry);

  /// The program's file, once a mapping of it has been seen.
  const std::optional<procfs::MappedFile>& program() const { return program_; }

  /// What is kept of the mapping below: bss and thread stacks are known by what they lie upon.
  struct Below {
    std::uint64_t end = 0;
    Bytes size;
    Region region = Region::anon;
    bool writable = false;
    bool guard = false;  ///< private anonymous memory without access
    procfs::MappedFile file;
  };

 private:
  bool is_of_program(const procfs::Vma& vma);

  RegionContext context_;
  std::optional<procfs::MappedFile> program_;
  Below below_;
};

/// The sums of one region. A figure that the kernel does not print stays absent.
struct RegionFigures {
  std::uint64_t mappings = 0;
  Bytes virtual_size;
  OptionalBytes resident;
  OptionalBytes pss;  ///< lacks up to 1 KiB a mapping, as smaps prints it
  OptionalBytes uss;
  OptionalBytes swap;
};

/// The sums over the mappings of a process, or of many. Keeps room for the regions that there are:
/// a process has ten of them or so, and there may be thousands of processes.
class MappingTotals {
 public:
  /// Size of mappings of files that are gone from their directory: they keep the disk space and the
  /// old code until the process restarts. Shared memory, which never had a name, is not in it.
  Bytes deleted_files;
  Bytes writable_executable;  ///< size of mappings that are both: JIT code, or an attack

  /// Of a region that it does not have: no mappings.
  const RegionFigures& operator[](Region region) const;
  RegionFigures& operator[](Region region);

  void add(const procfs::SmapsEntry& entry, Region region);
  void add(const MappingTotals& other);
  /// Forgets all sums; their room stays.
  void clear();

 private:
  /// Where the figures of a region are, counted from 1; 0: nowhere.
  std::array<std::uint8_t, regions.size()> places_{};
  std::vector<RegionFigures> figures_;
};

}  // namespace memory_exporter::process
