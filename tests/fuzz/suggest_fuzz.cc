// What was written and, on the lines behind it, what there is.
#include "config/suggest.h"

#include <algorithm>
#include <string>
#include <vector>

#include "collectors/base/text.h"
#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = fuzz::as_text(data, size);
  const auto name = take_line(text);
  std::vector<std::string_view> candidates;
  while (!text.empty() && candidates.size() < 30) candidates.push_back(take_line(text));
  const auto near = config::nearest(name, candidates);
  const bool among = std::find(candidates.begin(), candidates.end(), name) != candidates.end();
  fuzz::require(!among || near || name.size() > 80, "a name is near to itself");
  const auto hint = config::did_you_mean(name, candidates);
  fuzz::require(hint.empty() == !near, "there is a hint where there is something near");
  if (!near) return 0;
  fuzz::require(std::find(candidates.begin(), candidates.end(), *near) != candidates.end(),
                "what is near is one of the candidates");
  const auto longer = std::max(name.size(), near->size());
  const auto shorter = std::min(name.size(), near->size());
  fuzz::require(longer - shorter <= std::max<std::size_t>(1, name.size() / 3),
                "at most a third of the letters differ");
  return 0;
}
