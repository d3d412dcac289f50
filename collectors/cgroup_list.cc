#include "collectors/cgroup_list.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace memory_exporter {
namespace {

constexpr std::size_t most_waiting_bytes = std::size_t{4} << 20;

/// A parent before its children and siblings by their bytes: '/' comes before all else.
bool in_tree_order(const std::string& a, const std::string& b) {
  const auto rank = [](char c) { return c == '/' ? 0 : 1 + static_cast<unsigned char>(c); };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [&](char x, char y) { return rank(x) < rank(y); });
}

/// Goes down level by level, so that what is left out lies deepest.
class Listing {
 public:
  Listing(const CgroupHierarchy& hierarchy, const CgroupSettings& settings, ReadErrors& errors)
      : hierarchy_(hierarchy), settings_(settings), errors_(errors) {}

  void run(const std::function<bool()>& out_of_time) {
    std::vector<std::string> level = {""};
    take("/");
    for (unsigned depth = 0; depth < settings_.depth && !level.empty(); ++depth) {
      std::vector<std::string> next;
      waiting_bytes_ = 0;
      for (const auto& path : level) {
        if (out_of_time()) return;
        add_children(path, next);
      }
      level = std::move(next);
    }
  }

  CgroupList finish() {
    std::sort(list_.paths.begin(), list_.paths.end(), in_tree_order);
    return std::move(list_);
  }

 private:
  void add_children(const std::string& path, std::vector<std::string>& level) {
    auto children = hierarchy_.tree->list_directories((hierarchy_.root + path).c_str());
    if (!children) return errors_.add("cgroup", children.error());
    std::sort(children->begin(), children->end());
    for (const auto& child : *children) {
      auto whole = path + '/' + child;
      take(whole);
      waiting_bytes_ += sizeof whole + whole.size();
      if (waiting_bytes_ <= most_waiting_bytes) level.push_back(std::move(whole));
    }
  }

  void take(const std::string& path) {
    if (!selected(hierarchy_.kernel_path(path))) return;
    if (list_.paths.size() < settings_.max) {
      list_.paths.push_back(path);
    } else {
      ++list_.left_out;
    }
  }

  bool selected(const std::string& path) const {
    if (settings_.include && !settings_.include->matches(path)) return false;
    return !settings_.exclude || !settings_.exclude->matches(path);
  }

  const CgroupHierarchy& hierarchy_;
  const CgroupSettings& settings_;
  ReadErrors& errors_;
  std::size_t waiting_bytes_ = 0;
  CgroupList list_;
};

}  // namespace

CgroupList list_cgroups(const CgroupHierarchy& hierarchy, const CgroupSettings& settings,
                        ReadErrors& errors, const std::function<bool()>& out_of_time) {
  Listing listing(hierarchy, settings, errors);
  listing.run(out_of_time);
  return listing.finish();
}

}  // namespace memory_exporter
