#include "daemon/selection.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "collectors/base/printable.h"
#include "config/suggest.h"

namespace memory_exporter {
namespace {

Result<std::vector<bool>> named(const CollectorSet& collectors,
                                const std::vector<std::string>& names, std::string_view parameter) {
  std::vector<std::string_view> known;
  for (const auto& active : collectors) known.push_back(active.collector->name());
  std::vector<bool> found(collectors.size());
  for (const auto& name : names) {
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end()) {
      return malformed(std::string(parameter) + ": no collector of this name is on: " +
                       in_quotes(name) + config::did_you_mean(name, known));
    }
    found[static_cast<std::size_t>(at - known.begin())] = true;
  }
  return found;
}

}  // namespace

Result<Selection> select(std::shared_ptr<const CollectorSet> collectors,
                         const std::vector<std::string>& collect,
                         const std::vector<std::string>& exclude) {
  if (!collect.empty() && !exclude.empty()) {
    return malformed("collect[] and exclude[] do not go together: give one of the two");
  }
  const bool excluding = collect.empty();
  auto found = excluding ? named(*collectors, exclude, "exclude[]")
                         : named(*collectors, collect, "collect[]");
  if (!found) return found.error();
  if (excluding) found->flip();
  return Selection{std::move(collectors), std::move(*found)};
}

}  // namespace memory_exporter
