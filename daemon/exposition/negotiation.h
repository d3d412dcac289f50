#pragma once

#include <string_view>

#include "daemon/exposition/encoder.h"

namespace memory_exporter::exposition {

/// A format, and the Content-Type header that goes with it.
struct MediaType {
  Format format;
  std::string_view content_type;
};

/// What to answer to an Accept header (RFC 9110, section 12.5.1; empty: there was none). The most
/// specific range that names a format gives its q-value; the format with the highest q-value wins,
/// then the one that was named more specifically, then the one that was named first, then text.
/// OpenMetrics 0.0.1, which older scrapers ask for, is the same bytes as 1.0.0 under its own
/// version, for gauges and counters differ in nothing.
///
/// Never refuses: where nothing offered is acceptable, or the header makes no sense, the answer is
/// text 0.0.4, which every scraper reads. A malformed element is as if it were not there.
MediaType negotiate_format(std::string_view accept);

/// Whether to compress with gzip, by the Accept-Encoding header (RFC 9110, section 12.5.3; empty:
/// there was none, and the reply is sent as it is). False where the client likes identity better.
bool accepts_gzip(std::string_view accept_encoding);

}  // namespace memory_exporter::exposition
