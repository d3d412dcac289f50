#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace memory_exporter {

/// Label values come from bytes that a process chose (comm, cmdline) or that a file system allows
/// (cgroups, swap files), and Prometheus refuses a whole scrape for one that is not UTF-8.

/// The longest value a label may have.
inline constexpr std::size_t max_label_size = 512;

/// `bytes` as a label value: valid UTF-8 of at most max_label_size bytes, and no two names become
/// one.
///
/// Valid UTF-8 that fits stays as it is. Any other name is repaired, cut between code points where
/// it is too long, and ends in '~' and 16 hex digits of a hash over all of `bytes`. So does a name
/// that already ends like that: nobody can take the label of another by spelling it out. Hence a
/// label is not to be made of a label.
///
/// The same bytes give the same label on every machine and in every version. Control characters
/// stay: they are text, and each place that prints a label escapes what it must. To be called
/// before a group key is built, and by every family whose label is a name from outside.
std::string valid_label(std::string_view bytes);

}  // namespace memory_exporter
