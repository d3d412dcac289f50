#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace memory_exporter::process {

/// Does something that may hang in the kernel, because it reads a file of any filesystem, and says
/// whether it was done within `patience`. What was not, owns all that it uses; it may still run, or
/// never begin, and nothing of the same name begins before it is done.
using MayHang = std::function<bool(const char* name, std::chrono::nanoseconds patience,
                                   std::function<void()> work)>;

/// Waits, however long it takes.
inline bool do_and_wait(const char*, std::chrono::nanoseconds, const std::function<void()>& work) {
  work();
  return true;
}

/// What `find` returns; nothing where that takes longer. `find` can be copied, and owns all that it
/// uses.
template <typename Find>
std::optional<std::invoke_result_t<Find>> find_in_time(const MayHang& may_hang, const char* name,
                                                       std::chrono::nanoseconds patience,
                                                       Find find) {
  const auto found = std::make_shared<std::optional<std::invoke_result_t<Find>>>();
  const bool done =
      may_hang(name, patience, [found, find = std::move(find)] { found->emplace(find()); });
  if (!done) return std::nullopt;
  return std::move(*found);
}

}  // namespace memory_exporter::process
