#pragma once

#include <cstdint>
#include <optional>

#include "collectors/base/bytes.h"

namespace memory_exporter::procfs {

/// The most memory or swap that a machine can hold. RAM: the widest physical addresses that Linux
/// knows are those of riscv64, 56 bits (x86-64 and arm64 have 52, sparc64 and s390 53). Swap: some
/// 30 areas of at most 2^32 pages (a swap area's header counts them in 32 bits) of at most 64 KiB
/// are less than 2^53.
inline constexpr Bytes most_memory{std::uint64_t{1} << 56};

/// The most address space, and the most that can be promised. One process has 2^56 bytes at most
/// (x86-64 and riscv64 with five levels of page tables), the kernel as much, but promises add up
/// over processes and an operator may allow any number. So the bound is what a figure that wrapped
/// below 0 looks like: 2^64 less a little, or 2^63 where the kernel shifted a signed number.
inline constexpr Bytes most_address_space{std::uint64_t{1} << 62};

/// An amount that the kernel printed, or nothing where no machine can have it: some kernels print a
/// difference that wrapped below 0 (VmLib before 4.15, SwapFree of emulations), as it was or
/// divided to kB. Such a figure is one that nobody knows, not a file that nobody can read.
constexpr OptionalBytes plausible(Bytes amount, Bytes most = most_memory) {
  if (amount > most) return std::nullopt;
  return amount;
}

/// The same of kB.
constexpr OptionalBytes plausible_kib(std::uint64_t kib, Bytes most = most_memory) {
  if (kib > most.value / 1024) return std::nullopt;
  return Bytes::from_kib(kib);
}

/// No page of any machine is smaller, so no more pages than of these fit into one.
inline constexpr Bytes smallest_page{4096};

/// The same of a count of pages, which stays one: some counters of pages have been seen below 0,
/// that is, near 2^64 (resv_hugepages, HugePages_Rsvd, nr_* of a kernel without SMP). No page has
/// the size 0.
constexpr std::optional<std::uint64_t> plausible_count(std::uint64_t pages,
                                                       Bytes size = smallest_page) {
  if (size == Bytes{} || pages > most_memory.value / size.value) return std::nullopt;
  return pages;
}

/// The same of what may be unknown already.
constexpr OptionalBytes plausible(OptionalBytes amount) {
  return amount ? plausible(*amount) : amount;
}
constexpr std::optional<std::uint64_t> plausible_count(std::optional<std::uint64_t> pages,
                                                       Bytes size = smallest_page) {
  return pages ? plausible_count(*pages, size) : pages;
}

/// The same as bytes.
constexpr OptionalBytes plausible_pages(std::uint64_t pages, Bytes size) {
  if (!plausible_count(pages, size)) return std::nullopt;
  return Bytes{pages * size.value};
}

}  // namespace memory_exporter::procfs
