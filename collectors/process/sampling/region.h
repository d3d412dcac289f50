#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/process/facts/mapping_totals.h"
#include "collectors/procfs/reader.h"
#include "collectors/procfs/smaps.h"

namespace memory_exporter::process {

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
Result<bool> kernel_marks_stacks(const procfs::Tree& procfs);

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

}  // namespace memory_exporter::process
