#include "daemon/exposition/negotiation.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto header = fuzz::as_text(data, size);
  const auto answer = exposition::negotiate_format(header);
  const bool text = answer.format == exposition::Format::text;
  fuzz::require(answer.content_type.starts_with(text ? "text/plain; " : "application/openmetrics"),
                "the content type is the format's");

  // What is named first and likes nothing better than itself gets its wish.
  const auto first = "application/openmetrics-text;version=1.0.0," + std::string(header);
  const auto second = exposition::negotiate_format(first);
  fuzz::require(second.format == exposition::Format::open_metrics, "the first of equals wins");

  fuzz::require(!exposition::accepts_gzip("identity;q=1,gzip;q=0.9," + std::string(header)) ||
                    header.find_first_of("gGiI*") != std::string_view::npos,
                "only a mention of gzip or identity changes what was said of them");
  return 0;
}
