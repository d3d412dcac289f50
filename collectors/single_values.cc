#include "collectors/single_values.h"

#include <algorithm>

#include "collectors/procfs/single_value.h"

namespace memory_exporter {

Value plain_number(std::uint64_t number) {
  return number;
}
Value bytes_from_bytes(std::uint64_t number) {
  return Bytes{number};
}
Value bytes_from_kib(std::uint64_t number) {
  return Bytes::from_kib(std::min(number, UINT64_MAX / 1024));
}
Value ratio_from_percent(std::uint64_t number) {
  return static_cast<double>(number) / 100;
}
Value seconds_from_milliseconds(std::uint64_t number) {
  return static_cast<double>(number) / 1000;
}

Result<SingleValues> SingleValues::read(const procfs::Tree& tree,
                                        std::span<const SingleValue> rows) {
  SingleValues values(rows);
  for (const auto& row : rows) {
    const auto number = read_number(tree, row.path);
    if (!number) return number.error();
    values.numbers_.push_back(*number);
  }
  return values;
}

void SingleValues::write(MetricSink& sink) const {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    sink.family(rows_[i].family);
    if (numbers_[i]) sink.sample(rows_[i].value(*numbers_[i]));
  }
}

IfPresent<std::uint64_t> read_number(const procfs::Tree& tree, const std::string& path) {
  procfs::Buffer buffer;
  return read_file(tree, path.c_str(), buffer, procfs::parse_single_value);
}

IfPresent<std::uint64_t> read_state(const procfs::Tree& tree, const std::string& path,
                                    std::size_t states) {
  const auto state = read_number(tree, path);
  if (state && *state && **state >= states) {
    return in_file(malformed("expected a number below " + std::to_string(states), 1),
                   tree.path() + '/' + path);
  }
  return state;
}

}  // namespace memory_exporter
