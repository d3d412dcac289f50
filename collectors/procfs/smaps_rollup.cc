#include "collectors/procfs/smaps_rollup.h"

#include "collectors/procfs/keyed.h"

namespace memory_exporter::procfs {
namespace {

struct Field {
  std::string_view key;
  std::optional<Bytes> SmapsRollup::*member;
};

constexpr Field fields[] = {
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

}  // namespace

Result<SmapsRollup> parse_smaps_rollup(std::string_view text) {
  SmapsRollup rollup;
  KeyedRows<Field> rows(fields);
  // The header line ("55bf... ---p 00000000 00:00 0 [rollup]") has a colon in its device number
  // and no known key before it.
  const auto walked = for_each_keyed_line(text, [&](std::string_view key, std::string_view value) {
    const auto* field = rows.find(key);
    if (field == nullptr) return true;
    std::optional<Bytes> amount;
    if (!read_kib(value, amount)) return false;
    auto& sum = rollup.*(field->member);
    if (sum && amount && *sum + *amount < *sum) return false;
    add_known(sum, amount);
    return true;
  });
  if (!walked) return walked.error();
  return rollup;
}

void add(SmapsRollup& sum, const SmapsRollup& rollup) {
  for (const auto& field : fields) add_known(sum.*(field.member), rollup.*(field.member));
}

}  // namespace memory_exporter::procfs
