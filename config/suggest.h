#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace memory_exporter::config {

/// The candidate that `name` was probably meant to be; nothing where none is near (more than about
/// a third of the letters differ). Case does not count, and of '-', '_' and '.' one is as good as
/// another.
std::optional<std::string_view> nearest(std::string_view name,
                                        std::span<const std::string_view> candidates);

/// " (did you mean X?)", or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace memory_exporter::config
