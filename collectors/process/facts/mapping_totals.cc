#include "collectors/process/facts/mapping_totals.h"

namespace memory_exporter::process {
namespace {

using procfs::SmapsEntry;

constexpr std::string_view deleted_suffix = " (deleted)";

/// Whether a mapping of this region can be a deleted file, and not memory that never had a name.
bool maps_files(Region region) {
  switch (region) {
    case Region::text:
    case Region::rodata:
    case Region::data:
    case Region::lib_text:
    case Region::lib_data:
    case Region::file:
      return true;
    default:
      return false;
  }
}

void add(RegionFigures& sum, const RegionFigures& figures) {
  sum.mappings += figures.mappings;
  sum.virtual_size += figures.virtual_size;
  add_known(sum.resident, figures.resident);
  add_known(sum.pss, figures.pss);
  add_known(sum.uss, figures.uss);
  add_known(sum.swap, figures.swap);
}

}  // namespace

std::string_view to_string(Region region) {
  switch (region) {
    case Region::text:
      return "text";
    case Region::rodata:
      return "rodata";
    case Region::data:
      return "data";
    case Region::heap:
      return "heap";
    case Region::stack:
      return "stack";
    case Region::anon:
      return "anon";
    case Region::named_anon:
      return "named_anon";
    case Region::lib_text:
      return "lib_text";
    case Region::lib_data:
      return "lib_data";
    case Region::file:
      return "file";
    case Region::shmem:
      return "shmem";
    case Region::hugetlb:
      return "hugetlb";
    case Region::device:
      return "device";
    case Region::vdso:
      return "vdso";
    case Region::vvar:
      return "vvar";
    case Region::vsyscall:
      return "vsyscall";
  }
  return {};
}

const RegionFigures& MappingTotals::operator[](Region region) const {
  static constexpr RegionFigures none;
  const auto place = places_[static_cast<std::size_t>(region)];
  return place == 0 ? none : figures_[place - 1u];
}

RegionFigures& MappingTotals::operator[](Region region) {
  auto& place = places_[static_cast<std::size_t>(region)];
  if (place == 0) {
    figures_.emplace_back();
    place = static_cast<std::uint8_t>(figures_.size());
  }
  return figures_[place - 1u];
}

void MappingTotals::add(const SmapsEntry& entry, Region region) {
  const auto size = entry.vma.size();
  process::add((*this)[region], RegionFigures{.mappings = 1,
                                              .virtual_size = size,
                                              .resident = entry.memory.resident,
                                              .pss = entry.memory.pss,
                                              .uss = entry.memory.uss(),
                                              .swap = entry.memory.swap});
  if (maps_files(region) && entry.vma.path.ends_with(deleted_suffix)) deleted_files += size;
  if (entry.vma.writable && entry.vma.executable) writable_executable += size;
}

void MappingTotals::add(const MappingTotals& other) {
  for (const auto region : regions) {
    if (other[region].mappings > 0) process::add((*this)[region], other[region]);
  }
  deleted_files += other.deleted_files;
  writable_executable += other.writable_executable;
}

void MappingTotals::clear() {
  places_ = {};
  figures_.clear();
  deleted_files = {};
  writable_executable = {};
}

}  // namespace memory_exporter::process
