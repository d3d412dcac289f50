#include "collectors/read_failures.h"

namespace memory_exporter {

void ReadErrors::add(std::string_view file, const Error& error) {
  if (error.kind == ErrorKind::vanished) return;
  ++counts_[{file, error.kind}];
  note(file, error);
}

void ReadErrors::add(std::string_view file, const procfs::Skipped& skipped, std::string_view path) {
  if (!skipped) return;
  counts_[{file, ErrorKind::malformed}] += skipped.lines;
  note(file, in_file(skipped.error(), path));
}

void ReadErrors::meet(const Error& error) {
  note({}, error);
}

void ReadErrors::take(const ReadErrors& others, std::optional<ErrorKind> unmissed) {
  for (const auto& [file, error] : others.noted_) {
    if (error.kind != unmissed) note(file, error);
  }
  for (const auto& [key, count] : others.counts_) {
    if (key.reason != unmissed) counts_[key] += count;
  }
}

void ReadErrors::note(std::string_view file, const Error& error) {
  exhausted_ = exhausted_ || error.kind == ErrorKind::exhausted;
  if (noted_.size() < most_noted) noted_.push_back({file, error});
}

std::vector<ReadErrors::Noted> ReadErrorCounts::add(const ReadErrors& errors) {
  std::vector<ReadErrors::Noted> fresh;
  const std::lock_guard lock(mutex_);
  for (const auto& noted : errors.noted()) {
    const bool known = noted.file.empty() || totals_.contains({noted.file, noted.error.kind});
    if (!known) fresh.push_back(noted);
  }
  for (const auto& [key, count] : errors.counts()) totals_[key] += count;
  return fresh;
}

ReadErrorTotals ReadErrorCounts::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

}  // namespace memory_exporter
