#pragma once

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::procfs {

/// The size of the pages that a procfs counts in: vmstat and zoneinfo, and zswap's stored_pages in
/// debugfs. (Everything else is in kB or bytes. The resident sets of stat and statm are in pages
/// too; they are not read.)
///
/// A procfs that a kernel serves has this machine's. Of files of another machine (--once on a
/// capture) KernelPageSize in the smaps of a process tells. Where none is there, seven amounts do
/// that stand both in kB, in meminfo, and in pages, in vmstat, read at different moments: it is the
/// power of two that most of them have as their quotient, nearly. Nothing where they do not agree
/// (lxcfs); an error where a file could not be read that might have told.
///
/// Costs a statfs, half a microsecond, and reads of smaps where no kernel serves the files. Those
/// may hang: it is for whoever has a deadline, and not for the start.
Result<OptionalBytes> page_size_of(const Tree& procfs);

}  // namespace memory_exporter::procfs
