// Names of processes and cgroups on the page: whatever they are, the page has the same tags as one
// with harmless names, and shows what they are.
#include <fuzzer/FuzzedDataProvider.h>

#include <map>
#include <string>
#include <vector>

#include "collectors/base/printable.h"
#include "daemon/view/landing_page.h"
#include "tests/fuzz/shown.h"

using namespace memory_exporter;

namespace {

/// A page as a browser takes it apart: its tags, and the text between them.
struct Taken {
  std::string tags;
  std::vector<std::string> texts;
};

std::string unescaped(std::string_view text) {
  static const std::map<std::string, char, std::less<>> entities = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&#39;", '\''}};
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '&') {
      out += text[at];
      continue;
    }
    const auto end = text.find(';', at);
    fuzz::require(end != std::string_view::npos, "an entity has its end");
    const auto entity = entities.find(text.substr(at, end - at + 1));
    fuzz::require(entity != entities.end(), "an & begins an entity");
    out += entity->second;
    at = end;
  }
  return out;
}

Taken taken_apart(std::string_view page) {
  Taken taken;
  while (!page.empty()) {
    const auto open = std::min(page.find('<'), page.size());
    const auto text = page.substr(0, open);
    // Style sheets have quotes of their own, but this one has none either.
    fuzz::require(text.find_first_of(">\"") == std::string_view::npos, "signs are escaped");
    taken.texts.push_back(unescaped(text));
    page.remove_prefix(open);
    if (page.empty()) break;
    const auto close = page.find('>');
    fuzz::require(close != std::string_view::npos, "a tag has its end");
    taken.tags += page.substr(0, close + 1);
    taken.tags += '\n';
    page.remove_prefix(close + 1);
  }
  return taken;
}

using Keys = std::vector<process::GroupKey>;

std::string page_of(const Keys& keys) {
  process::Snapshot snapshot;
  snapshot.group_by = process::default_group_by();
  for (const auto& key : keys) {
    snapshot.groups.push_back({key, {}});
    // In their order: the largest come first.
    snapshot.groups.back().totals.memory.pss = Bytes{(keys.size() - snapshot.groups.size()) << 20};
  }
  return landing_page_html({"1.2.3", "/metrics", {"process"}, &snapshot});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  Keys keys(input.ConsumeIntegralInRange<std::size_t>(1, 25));
  Keys harmless(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (int part = 0; part < 2; ++part) {
      keys[i].push_back(input.ConsumeRandomLengthString());
      harmless[i].push_back("name" + std::to_string(i));
    }
  }
  const auto html = page_of(keys);
  for (std::string_view rest = html; !rest.empty();) {
    const auto code_point = fuzz::take_code_point(rest);
    fuzz::require(code_point.has_value(), "the page is UTF-8");
    fuzz::require(*code_point == '\n' || !fuzz::is_harmful(*code_point), "nothing turns the text");
  }
  const auto page = taken_apart(html);
  const auto expected = taken_apart(page_of(harmless));
  fuzz::require(page.tags == expected.tags, "no name opens or closes a tag");
  fuzz::require(page.texts.size() == expected.texts.size(), "each text has its place");
  for (std::size_t i = 0; i < page.texts.size(); ++i) {
    const auto& text = expected.texts[i];
    if (!text.starts_with("name") || text.find_first_not_of("0123456789", 4) != text.npos ||
        text.size() == 4) {
      fuzz::require(page.texts[i] == text, "only names change");
      continue;
    }
    const auto& key = keys[std::stoul(text.substr(4))];
    fuzz::require(
        page.texts[i] == printable(key[0], 4096) || page.texts[i] == printable(key[1], 4096),
        "a name shows itself");
  }
  return 0;
}
