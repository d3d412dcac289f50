// Names of folders in sysfs: prefix, suffix and name, a line each.
#include "collectors/sysfs_list.h"

#include <string>

#include "collectors/base/text.h"
#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = fuzz::as_text(data, size);
  const auto prefix = take_line(text);
  const auto suffix = take_line(text);
  const auto number = number_between(text, prefix, suffix);
  std::string digits;
  if (text.starts_with(prefix)) digits = text.substr(prefix.size());
  const bool has_both = digits.ends_with(suffix) && text.starts_with(prefix);
  if (has_both) digits.resize(digits.size() - suffix.size());
  const bool all_digits =
      !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
  const auto first = std::min(digits.find_first_not_of('0'), digits.size());
  const auto plain = digits.substr(first);
  const bool fits = plain.size() < 20 || (plain.size() == 20 && plain <= "18446744073709551615");
  const bool as_the_kernel_writes_it = digits == "0" || digits == plain;
  fuzz::require(number.has_value() == (has_both && all_digits && as_the_kernel_writes_it && fits),
                "a name has a number where it has the form");
  if (!number) return 0;
  fuzz::require(std::to_string(*number) == (plain.empty() ? "0" : plain), "it is that number");
  return 0;
}
