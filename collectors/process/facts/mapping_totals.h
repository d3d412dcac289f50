#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "collectors/base/bytes.h"
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
