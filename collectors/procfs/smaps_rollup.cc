#include "collectors/procfs/smaps_rollup.h"

#include <iterator>

#include "collectors/procfs/keyed.h"
#include "collectors/procfs/plausible.h"
#include "collectors/procfs/smaps_fields.h"

namespace memory_exporter::procfs {
namespace {

bool add(OptionalBytes& sum, const OptionalBytes& amount) {
  if (sum && amount && *sum + *amount < *sum) return false;
  add_known(sum, amount);
  return true;
}

/// Without these a walk has told nothing that a group could be charged with.
bool is_essential(const SmapsField& field) {
  return field.member == &SmapsRollup::resident || field.member == &SmapsRollup::pss;
}

}  // namespace

Result<SmapsRollup> parse_smaps_rollup(std::string_view text, Skipped* skipped) {
  SmapsRollup rollup;
  SmapsFieldSet unknown;
  KeyedRows<SmapsField> rows(smaps_fields);
  bool any_known = false;
  // The header line ("55bf... ---p 00000000 00:00 0 [rollup]") has a colon in its device number
  // and no known key before it.
  const auto walked =
      for_each_keyed_line(text, [&](std::string_view key, std::string_view value, int number) {
        const auto* field = rows.find(key);
        if (field == nullptr || field->member == nullptr) return true;
        any_known = true;
        OptionalBytes amount;
        if (!read_kib(value, amount)) {
          if (is_essential(*field)) return false;
          if (skipped != nullptr) skipped->add(number, "\"N kB\"");
        }
        auto& sum = rollup.*(field->member);
        add_known(sum, amount);
        // A sum without one of its entries would be too small.
        if (!amount || !plausible(*sum)) {
          unknown.set(static_cast<std::size_t>(field - std::begin(smaps_fields)));
        }
        return true;
      });
  if (!walked) return walked.error();
  if (!any_known && !text.empty()) return malformed("no figure of memory in it");
  leave_absent(rollup, unknown);
  return rollup;
}

void leave_absent(SmapsRollup& sum, const SmapsFieldSet& fields) {
  for (std::size_t i = 0; i < std::size(smaps_fields); ++i) {
    if (fields[i] && smaps_fields[i].member != nullptr) (sum.*(smaps_fields[i].member)).reset();
  }
}

bool add_known(SmapsRollup& sum, const SmapsRollup& mapping) {
  bool all = true;
  for (const auto& field : smaps_fields) {
    if (field.member != nullptr) all &= add(sum.*(field.member), mapping.*(field.member));
  }
  return all;
}

void add_complete(SmapsRollup& sum, const SmapsRollup& rollup) {
  for (const auto& field : smaps_fields) {
    if (field.member != nullptr) add_complete(sum.*(field.member), rollup.*(field.member));
  }
}

}  // namespace memory_exporter::procfs
