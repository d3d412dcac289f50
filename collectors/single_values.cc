#include "collectors/single_values.h"

#include "collectors/procfs/plausible.h"
#include "collectors/procfs/single_value.h"

namespace memory_exporter {

namespace {

template <typename Optional>
std::optional<Value> value_of(const Optional& figure) {
  if (!figure) return std::nullopt;
  return Value(*figure);
}

}  // namespace

std::optional<Value> plain_number(std::uint64_t number) {
  return Value(number);
}
std::optional<Value> page_count(std::uint64_t number) {
  return value_of(procfs::plausible_count(number));
}
std::optional<Value> bytes_from_bytes(std::uint64_t number) {
  return value_of(procfs::plausible(Bytes{number}, procfs::most_address_space));
}
std::optional<Value> bytes_from_kib(std::uint64_t number) {
  return value_of(procfs::plausible_kib(number, procfs::most_address_space));
}
std::optional<Value> ratio_from_percent(std::uint64_t number) {
  return Value(static_cast<double>(number) / 100);
}
std::optional<Value> seconds_from_milliseconds(std::uint64_t number) {
  return Value(static_cast<double>(number) / 1000);
}

SingleValues SingleValues::read(const procfs::Tree& tree, std::span<const SingleValue> rows,
                                ReadErrors& errors) {
  SingleValues values(rows);
  for (const auto& row : rows) values.numbers_.push_back(read_number(tree, row.path, errors));
  return values;
}

void SingleValues::write(MetricSink& sink) const {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    sink.family(rows_[i].family);
    if (!numbers_[i]) continue;
    if (const auto value = rows_[i].value(*numbers_[i])) sink.sample(*value);
  }
}

std::optional<std::uint64_t> read_number(const procfs::Tree& tree, const FileName& file,
                                         ReadErrors& errors) {
  procfs::Buffer buffer;
  return read_file(tree, file, buffer, errors, procfs::parse_single_value);
}

std::optional<std::size_t> read_state(const procfs::Tree& tree, const FileName& file,
                                      ReadErrors& errors,
                                      std::optional<std::size_t> (*state_of)(std::int64_t)) {
  procfs::Buffer buffer;
  return read_file(tree, file, buffer, errors, [&](std::string_view text) -> Result<std::size_t> {
    const auto number = procfs::parse_signed_value(text);
    if (!number) return number.error();
    const auto state = state_of(*number);
    if (!state) return malformed("no state has the number " + std::to_string(*number), 1);
    return *state;
  });
}

}  // namespace memory_exporter
