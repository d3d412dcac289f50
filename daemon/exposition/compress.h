#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

struct libdeflate_compressor;

namespace memory_exporter::exposition {

/// Compresses one reply after another. Keeps its tables (200 KB) and its output buffer, so that
/// after the largest reply nothing is allocated. The buffer is as large as the largest text, but
/// only the pages that compressed bytes were written to are resident. Not for two threads at once.
///
/// About 2 ms for a megabyte of exposition, to a seventh of its size.
class GzipCompressor {
 public:
  GzipCompressor();

  /// `text` as one gzip member, valid until the next call.
  std::string_view compress(std::string_view text);

 private:
  struct Free {
    void operator()(libdeflate_compressor* compressor) const;
  };

  std::unique_ptr<libdeflate_compressor, Free> compressor_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
};

}  // namespace memory_exporter::exposition
