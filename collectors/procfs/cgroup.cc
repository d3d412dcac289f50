#include "collectors/procfs/cgroup.h"

#include "collectors/base/text.h"

namespace memory_exporter::procfs {
namespace {

/// "hierarchy:controllers:path". Only the first two colons divide; the path may have its own.
struct Line {
  std::string_view hierarchy;
  std::string_view controllers;
  std::string_view path;
};

std::optional<Line> split(std::string_view text) {
  const auto first = text.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = text.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const Line line{text.substr(0, first), text.substr(first + 1, second - first - 1),
                  text.substr(second + 1)};
  if (!to_number(line.hierarchy) || !line.path.starts_with('/')) return std::nullopt;
  return line;
}

/// Whether a comma-separated list has it as a whole item ("name=memory" is a named hierarchy that
/// controls nothing).
bool has_controller(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const auto comma = controllers.find(',');
    if (controllers.substr(0, comma) == wanted) return true;
    if (comma == std::string_view::npos) return false;
    controllers.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace

bool lies_outside_namespace(std::string_view path) {
  return path.starts_with("/..") && (path.size() == 3 || path[3] == '/');
}

Result<std::optional<std::string_view>> memory_cgroup(std::string_view text, Skipped* skipped) {
  if (!text.empty() && text.back() != '\n') return malformed("the last line is cut short");
  std::optional<std::string_view> unified;
  Skipped odd;
  bool may_be_memory = false;
  for (int number = 1; !text.empty(); ++number) {
    const auto whole = take_line(text);
    const auto line = split(whole);
    if (!line) {
      odd.add(number, "\"hierarchy:controllers:/path\"");
      may_be_memory = may_be_memory || whole.find("memory") != std::string_view::npos;
      if (skipped != nullptr) *skipped = odd;
      continue;
    }
    if (has_controller(line->controllers, "memory")) return std::optional(line->path);
    if (line->hierarchy == "0" && line->controllers.empty()) unified = line->path;
  }
  if (odd && (may_be_memory || !unified)) return odd.error();
  return unified;
}

CgroupPaths cgroup_paths(std::string_view text) {
  CgroupPaths paths;
  while (!text.empty()) {
    const auto line = split(take_line(text));
    if (!line) continue;
    if (line->hierarchy == "0" && line->controllers.empty()) paths.unified = line->path;
    if (has_controller(line->controllers, "name=systemd")) paths.systemd = line->path;
    if (paths.memory.empty() && has_controller(line->controllers, "memory")) {
      paths.memory = line->path;
    }
  }
  if (paths.memory.empty()) paths.memory = paths.unified;
  return paths;
}

std::string cgroup_in_tree(std::string_view path, std::string_view namespace_root) {
  auto above = namespace_root;
  auto below = path;
  while (lies_outside_namespace(below)) {
    if (above.empty()) return std::string(path);
    above = above.substr(0, above.rfind('/'));
    below.remove_prefix(3);
  }
  if (below == "/") below = {};
  if (above.empty() && below.empty()) return "/";
  return std::string(above).append(below);
}

}  // namespace memory_exporter::procfs
