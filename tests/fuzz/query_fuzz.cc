// The parameters of a request: a query as it comes, and parameters that are put into one.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "daemon/http/http_message.h"
#include "daemon/selection.h"
#include "tests/fuzz/shown.h"

using namespace memory_exporter;

namespace {

using Names = std::vector<std::string>;

class Named final : public Collector {
 public:
  explicit Named(std::string_view name) : name_(name) {}
  std::string_view name() const override { return name_; }
  std::span<const Family> families() const override { return {}; }
  void collect(Collection&) const override {}

 private:
  const std::string_view name_;
};

constexpr std::array<std::string_view, 4> known = {"process", "meminfo", "swap", "pressure"};

std::shared_ptr<const CollectorSet> all_collectors() {
  auto set = std::make_shared<CollectorSet>();
  for (const auto name : known) set->push_back({std::make_unique<Named>(name)});
  return set;
}

/// By replacing one escape after the other.
std::string slowly_decoded(std::string text) {
  std::replace(text.begin(), text.end(), '+', ' ');
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto digits = text.substr(std::min(at + 1, text.size()), 2);
    const bool hex = std::strspn(digits.c_str(), "0123456789abcdefABCDEF") == 2;
    if (text[at] != '%' || !hex) continue;
    text.replace(at, 3, 1, static_cast<char>(std::stoul(digits, nullptr, 16)));
  }
  return text;
}

Names slowly_read(std::string query, std::string_view name) {
  Names values;
  query += '&';
  for (std::size_t end = 0; (end = query.find('&')) != std::string::npos;) {
    const auto pair = query.substr(0, end);
    query.erase(0, end + 1);
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    if (slowly_decoded(pair.substr(0, equals)) != name) continue;
    values.push_back(slowly_decoded(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return values;
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    char escape[4];
    std::snprintf(escape, sizeof escape, "%%%02X", static_cast<unsigned>(c) & 0xFF);
    out += escape;
  }
  return out;
}

void require_written_reads_back(FuzzedDataProvider input) {
  const auto name = input.ConsumeRandomLengthString(20);
  Names values(input.ConsumeIntegralInRange<std::size_t>(0, 4));
  HttpRequest request;
  for (auto& value : values) {
    value = input.ConsumeRandomLengthString();
    request.query += "&" + encoded(name) + '=' + encoded(value) + "&x" + encoded(name) + "=1";
  }
  fuzz::require(request.parameter(name) == values, "a parameter reads back");
}

bool has(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void require_right_selection(const Names& collect, const Names& exclude) {
  const auto selection = select(all_collectors(), collect, exclude);
  const auto is_unknown = [](const std::string& name) {
    return std::find(known.begin(), known.end(), name) == known.end();
  };
  const bool bad = (!collect.empty() && !exclude.empty()) ||
                   std::any_of(collect.begin(), collect.end(), is_unknown) ||
                   std::any_of(exclude.begin(), exclude.end(), is_unknown);
  fuzz::require(selection.ok() == !bad, "an unknown name and both lists are refused");
  if (!selection) {
    fuzz::require_shown(selection.error().what);
    fuzz::require(selection.error().what.size() <= 300, "a message has a bound");
    return;
  }
  for (std::size_t i = 0; i < known.size(); ++i) {
    const bool wanted = collect.empty() ? !has(exclude, known[i]) : has(collect, known[i]);
    fuzz::require(selection->wanted[i] == wanted, "what is asked for is selected");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  HttpRequest request;
  request.query = fuzz::as_text(data, size);
  for (const std::string_view name : {"collect[]", "exclude[]", "", "a b"}) {
    fuzz::require(request.parameter(name) == slowly_read(request.query, name),
                  "a slow reading finds the same values");
  }
  require_right_selection(request.parameter("collect[]"), request.parameter("exclude[]"));
  require_written_reads_back(FuzzedDataProvider(data, size));
  return 0;
}
