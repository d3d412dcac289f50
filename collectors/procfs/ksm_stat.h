#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/base/result.h"

namespace memory_exporter::procfs {

/// /proc/PID/ksm_stat (kernel 6.1: fs/proc/base.c, proc_pid_ksm_stat): what same-page merging does
/// for one process. Readable by its owner and with CAP_DAC_READ_SEARCH; about 3 us to read. A
/// process without memory has an empty file.
struct KsmStat {
  std::optional<std::uint64_t> rmap_items;     ///< ksm_rmap_items: bookkeeping entries
  std::optional<std::uint64_t> zero_pages;     ///< ksm_zero_pages: merged with the zero page (6.6)
  std::optional<std::uint64_t> merging_pages;  ///< ksm_merging_pages: merged with others (6.4)
  std::optional<std::int64_t> process_profit;  ///< ksm_process_profit: bytes saved less the cost of
                                               ///< the bookkeeping; may be negative (6.4)
  std::optional<bool> merge_any;               ///< ksm_merge_any: prctl(PR_SET_MEMORY_MERGE)
  std::optional<bool> mergeable;               ///< ksm_mergeable: some mapping is MADV_MERGEABLE
};

/// Unknown lines are passed over. Malformed, with its line: a known one without its value, and a
/// number at the very end (it may have lost digits; the kernel leaves the newline out only behind
/// the last yes or no).
Result<KsmStat> parse_ksm_stat(std::string_view text);

}  // namespace memory_exporter::procfs
