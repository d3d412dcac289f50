#include "daemon/exposition/compress.h"

#include <libdeflate.h>

#include <cassert>
#include <new>

namespace memory_exporter::exposition {
namespace {

/// The quickest level. The next one up takes a third more time for a tenth fewer bytes, and three
/// times the memory (docs/decisions.md).
constexpr int level = 1;

}  // namespace

void GzipCompressor::Free::operator()(libdeflate_compressor* compressor) const {
  libdeflate_free_compressor(compressor);
}

GzipCompressor::GzipCompressor() : compressor_(libdeflate_alloc_compressor(level)) {
  if (!compressor_) throw std::bad_alloc();
}

std::string_view GzipCompressor::compress(std::string_view text) {
  const auto bound = libdeflate_gzip_compress_bound(compressor_.get(), text.size());
  if (bound > capacity_) {
    buffer_.reset();  // before the new one: both are large
    capacity_ = 0;
    buffer_ = std::make_unique_for_overwrite<char[]>(bound);
    capacity_ = bound;
  }
  const auto size = libdeflate_gzip_compress(compressor_.get(), text.data(), text.size(),
                                             buffer_.get(), capacity_);
  assert(size > 0 && "gzip always fits its bound");
  return {buffer_.get(), size};
}

}  // namespace memory_exporter::exposition
