#include "daemon/exposition/negotiation.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <tuple>

namespace memory_exporter::exposition {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

/// Takes the text up to the next `separator` that is not within a quoted string.
std::string_view take_part(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t n = 0;
  for (; n < text.size(); ++n) {
    if (quoted && text[n] == '\\') {
      ++n;
    } else if (text[n] == '"') {
      quoted = !quoted;
    } else if (text[n] == separator && !quoted) {
      break;
    }
  }
  const auto part = text.substr(0, n);
  text.remove_prefix(std::min(n + 1, text.size()));
  return trimmed(part);
}

/// A q-value in thousandths; nothing where it does not have the form 0[.ddd] or 1[.000]. Digits
/// beyond the third, which some clients send, are dropped.
std::optional<int> parse_quality(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  int quality = (text[0] - '0') * 1000;
  if (text.size() == 1) return quality;
  if (text[1] != '.') return std::nullopt;
  int weight = 100;
  for (const char digit : text.substr(2)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    quality += (digit - '0') * weight;
    weight /= 10;
  }
  return quality <= 1000 ? std::optional(quality) : std::nullopt;
}

/// One element of either header: what is named, and how much it is liked.
struct Element {
  std::string_view name;
  std::string_view version;  ///< the media type parameter
  int quality = 1000;        ///< q, in thousandths
};

std::optional<Element> parse_element(std::string_view text) {
  Element element{take_part(text, ';'), {}};
  if (element.name.empty()) return std::nullopt;
  while (!text.empty()) {
    auto value = take_part(text, ';');
    const auto name = take_part(value, '=');
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (same_ignoring_case(name, "version")) {
      element.version = value;
    } else if (same_ignoring_case(name, "q")) {
      const auto quality = parse_quality(value);
      if (!quality) return std::nullopt;
      element.quality = *quality;
    }
  }
  return element;
}

/// Calls `visit` for every well-formed element of a comma-separated header.
template <typename Visit>
void for_each_element(std::string_view header, Visit&& visit) {
  while (!header.empty()) {
    if (const auto element = parse_element(take_part(header, ','))) visit(*element);
  }
}

/// What this exporter can answer, the safest first.
struct Offer {
  std::string_view group;  ///< the range that stands for all of its kind
  std::string_view type;
  std::string_view version;
  bool is_default_version;  ///< meant where a range names no version
  MediaType answer;
};

constexpr std::array<Offer, 3> offers = {{
    {"text/*",
     "text/plain",
     "0.0.4",
     true,
     {Format::text, "text/plain; version=0.0.4; charset=utf-8"}},
    {"application/*",
     "application/openmetrics-text",
     "1.0.0",
     true,
     {Format::open_metrics, "application/openmetrics-text; version=1.0.0; charset=utf-8"}},
    {"application/*",
     "application/openmetrics-text",
     "0.0.1",
     false,
     {Format::open_metrics, "application/openmetrics-text; version=0.0.1; charset=utf-8"}},
}};

/// How closely a range names an offer: 0 not at all, 4 with its version.
int specificity(const Element& range, const Offer& offer) {
  if (same_ignoring_case(range.name, offer.type)) {
    if (range.version.empty()) return offer.is_default_version ? 3 : 0;
    return range.version == offer.version ? 4 : 0;
  }
  if (same_ignoring_case(range.name, offer.group)) return 2;
  return range.name == "*/*" ? 1 : 0;
}

/// How well an offer does against the header, by the range that names it most closely.
struct Rank {
  int quality = 0;
  int specificity = 0;
  int position = 0;

  bool operator<(const Rank& other) const {
    return std::tuple(quality, specificity, -position) <
           std::tuple(other.quality, other.specificity, -other.position);
  }
};

Rank rank(const Offer& offer, std::string_view accept) {
  Rank best;
  int position = 0;
  for_each_element(accept, [&](const Element& range) {
    const auto closeness = specificity(range, offer);
    if (closeness > best.specificity) best = {range.quality, closeness, position};
    ++position;
  });
  return best;
}

}  // namespace

MediaType negotiate_format(std::string_view accept) {
  auto answer = offers.front().answer;
  Rank best;
  for (const auto& offer : offers) {
    const auto rank_of_offer = rank(offer, accept);
    if (rank_of_offer.quality > 0 && best < rank_of_offer) {
      best = rank_of_offer;
      answer = offer.answer;
    }
  }
  return answer;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<int> gzip;
  std::optional<int> identity;
  std::optional<int> any;
  for_each_element(accept_encoding, [&](const Element& coding) {
    if (same_ignoring_case(coding.name, "gzip") || same_ignoring_case(coding.name, "x-gzip")) {
      gzip = coding.quality;
    } else if (same_ignoring_case(coding.name, "identity")) {
      identity = coding.quality;
    } else if (coding.name == "*") {
      any = coding.quality;
    }
  });
  const int gzip_quality = gzip.value_or(any.value_or(0));
  return gzip_quality > 0 && gzip_quality >= identity.value_or(0);
}

}  // namespace memory_exporter::exposition
