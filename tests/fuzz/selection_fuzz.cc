#include "collectors/procfs/selection.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

std::string printed(const procfs::Selection& selection) {
  std::string line;
  for (std::size_t i = 0; i < selection.choices.size(); ++i) {
    const bool chosen = i == selection.chosen;
    line += (chosen ? "[" : "") + selection.choices[i] + (chosen ? "] " : " ");
  }
  return line + '\n';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto selection = procfs::parse_selection(text);
  if (!selection) return 0;
  fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
  fuzz::require(selection->chosen < selection->choices.size(), "what is chosen is a choice");
  for (const auto& choice : selection->choices) {
    fuzz::require(!choice.empty() && choice.find_first_of(" \t\n") == std::string::npos,
                  "a choice is one word");
  }
  const auto again = procfs::parse_selection(printed(*selection));
  fuzz::require(
      again.ok() && again->choices == selection->choices && again->chosen == selection->chosen,
      "what was read reads back");
  return 0;
}
