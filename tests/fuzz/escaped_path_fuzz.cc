// A path as the kernel prints it, and one as it is.
#include "collectors/procfs/escaped_path.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

/// What the kernel does with a path that it prints among words (fs/seq_file.c, mangle_path).
std::string as_printed(std::string_view path) {
  std::string printed;
  for (const char c : path) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\\') {
      printed += '\\';
      for (const int shift : {6, 3, 0}) printed += static_cast<char>('0' + ((c >> shift) & 7));
    } else {
      printed += c;
    }
  }
  return printed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto printed = as_printed(text);
  fuzz::require(printed.find_first_of(" \t\n") == std::string::npos, "a printed path is one word");
  fuzz::require(procfs::unescape_path(printed) == text, "every path reads back");
  const auto path = procfs::unescape_path(text);
  const auto escapes = text.size() - path.size();
  fuzz::require(path.size() <= text.size() && escapes % 3 == 0, "an escape is four bytes for one");
  fuzz::require(text.find('\\') != std::string_view::npos || path == text,
                "without a backslash nothing changes");
  return 0;
}
