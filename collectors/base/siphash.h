#pragma once

#include <cstdint>
#include <string_view>

namespace memory_exporter {

/// SipHash-2-4 of `bytes` (Aumasson and Bernstein, 2012) under the key of the paper's test vectors,
/// bytes 0 to 15: the same on every machine and in every version, which std::hash does not promise.
///
/// Two texts of one hash cannot be written down, as with FNV or a CRC: finding a pair takes some
/// 2^32 tries, and a second text for a given one 2^64. About 1 ns a byte.
std::uint64_t siphash(std::string_view bytes);

}  // namespace memory_exporter
