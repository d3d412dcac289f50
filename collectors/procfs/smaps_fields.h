#pragma once

#include <array>
#include <iterator>
#include <optional>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/procfs/smaps_rollup.h"

namespace memory_exporter::procfs {

/// A "Key:   123 kB" line of smaps and smaps_rollup and where its figure goes.
struct SmapsField {
  /// The kernel pads every key to this many characters, so that equal lengths compare at once.
  static constexpr std::size_t width = 16;

  std::string_view key;
  OptionalBytes SmapsRollup::*member;  ///< null: known, and of no use here
};

/// In the kernel's order (fs/proc/task_mmu.c, show_smap and __show_smap), so that a search that
/// starts behind the last match finds each key at once.
inline constexpr SmapsField smaps_fields[] = {
    {"Size", nullptr},
    {"KernelPageSize", nullptr},
    {"MMUPageSize", nullptr},
    {"Rss", &SmapsRollup::resident},
    {"Pss", &SmapsRollup::pss},
    {"Pss_Dirty", &SmapsRollup::pss_dirty},
    {"Pss_Anon", &SmapsRollup::pss_anon},
    {"Pss_File", &SmapsRollup::pss_file},
    {"Pss_Shmem", &SmapsRollup::pss_shmem},
    {"Shared_Clean", &SmapsRollup::shared_clean},
    {"Shared_Dirty", &SmapsRollup::shared_dirty},
    {"Private_Clean", &SmapsRollup::private_clean},
    {"Private_Dirty", &SmapsRollup::private_dirty},
    {"Referenced", &SmapsRollup::referenced},
    {"Anonymous", &SmapsRollup::anonymous},
    {"KSM", &SmapsRollup::ksm},
    {"LazyFree", &SmapsRollup::lazy_free},
    {"AnonHugePages", &SmapsRollup::anon_huge},
    {"ShmemPmdMapped", &SmapsRollup::shmem_huge},
    {"FilePmdMapped", &SmapsRollup::file_huge},
    {"Shared_Hugetlb", &SmapsRollup::shared_hugetlb},
    {"Private_Hugetlb", &SmapsRollup::private_hugetlb},
    {"Swap", &SmapsRollup::swap},
    {"SwapPss", &SmapsRollup::swap_pss},
    {"Locked", &SmapsRollup::locked},
};
static_assert(std::size(smaps_fields) <= SmapsFieldSet{}.size());

}  // namespace memory_exporter::procfs
