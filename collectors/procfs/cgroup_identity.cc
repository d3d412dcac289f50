#include "collectors/procfs/cgroup_identity.h"

#include <algorithm>
#include <cstddef>

#include "collectors/procfs/cgroup.h"

namespace memory_exporter::procfs {
namespace {

using std::string_view;

constexpr std::size_t container_digits = 64;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}
bool are_hex(string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_hex);
}
bool are_digits(string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool cut_front(string_view& text, string_view front) {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}
bool cut_back(string_view& text, string_view back) {
  if (!text.ends_with(back)) return false;
  text.remove_suffix(back.size());
  return true;
}

/// What stands between two texts, at least a byte; else empty.
string_view between(string_view text, string_view front, string_view back) {
  return cut_front(text, front) && cut_back(text, back) ? text : string_view();
}

/// Takes the next segment of a path off the front; empty at the end.
string_view take_segment(string_view& path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

string_view next_segment(string_view path) {
  return take_segment(path);
}

/// systemd puts a '_' in front of a unit that the kernel might take for a file of its own
/// (cpu.service) or that begins with one (cg_escape).
string_view unit_of(string_view segment) {
  cut_front(segment, "_");
  return segment;
}

bool has_type(string_view segment, string_view type) {
  return segment.size() > type.size() && segment.ends_with(type);
}

/// Takes slices off the front, and then the unit behind the last of them, which nothing may
/// separate.
struct Placed {
  string_view slice;
  string_view unit;
};
Placed take_unit(string_view& path) {
  Placed placed;
  while (has_type(next_segment(path), ".slice")) placed.slice = unit_of(take_segment(path));
  const auto next = next_segment(path);
  if (has_type(next, ".service") || has_type(next, ".scope")) {
    placed.unit = unit_of(take_segment(path));
  }
  return placed;
}

/// Below it, names are a user's choice.
bool is_user_manager(string_view segment) {
  return are_digits(between(segment, "user@", ".service"));
}

/// The front of a segment "PREFIX-<64 hex digits>.scope" and the digits; none: no such segment.
struct HexName {
  string_view prefix;  ///< without the '-' or ':' behind it
  string_view digits;
};
HexName hex_name(string_view segment) {
  cut_back(segment, ".scope");
  if (segment.size() < container_digits) return {};
  const auto digits = segment.substr(segment.size() - container_digits);
  if (!are_hex(digits)) return {};
  segment.remove_suffix(container_digits);
  if (segment.empty()) return {{}, digits};
  if (segment.size() < 2 || (segment.back() != '-' && segment.back() != ':')) return {};
  // Where runc is told a cgroup in systemd's way without systemd: "<slice>:<prefix>:<id>".
  const bool joined = segment.back() == ':';
  segment.remove_suffix(1);
  if (joined) segment.remove_prefix(segment.rfind(':') + 1);
  return {segment, digits};
}

/// 8-4-4-4-12 hex digits, as the API server makes them, or 32 together: the hash of a manifest.
std::size_t uid_size(string_view text) {
  constexpr std::size_t hash_size = 32;
  constexpr std::size_t uuid_size = 36;
  const auto is_uuid_byte = [&](std::size_t i) {
    const bool divides = i == 8 || i == 13 || i == 18 || i == 23;
    return divides ? text[i] == '-' || text[i] == '_' : is_hex(text[i]);
  };
  std::size_t size = 0;
  while (size < uuid_size && size < text.size() && is_uuid_byte(size)) ++size;
  if (size == uuid_size) return size;
  return text.size() >= hash_size && are_hex(text.substr(0, hash_size)) ? hash_size : 0;
}

/// The uid in "pod<uid>", "kubepods-burstable-pod<uid>.slice" and "...slice:cri-containerd:<id>".
string_view pod_in(string_view segment) {
  segment = segment.substr(0, segment.find(':'));
  cut_back(segment, ".slice");
  const auto dash = segment.rfind("-pod");
  if (dash != string_view::npos) segment.remove_prefix(dash + 1);
  if (!cut_front(segment, "pod")) return {};
  return uid_size(segment) == segment.size() ? segment : string_view();
}

/// Whether a segment has a word, as "kubepods-besteffort.slice" has both of its.
bool has_word(string_view segment, string_view word) {
  const auto divides = [](char c) { return c == '-' || c == '.' || c == ':'; };
  for (auto at = segment.find(word); at != string_view::npos; at = segment.find(word, at + 1)) {
    const auto end = at + word.size();
    if ((at == 0 || divides(segment[at - 1])) && (end == segment.size() || divides(segment[end]))) {
      return true;
    }
  }
  return false;
}

/// A name that is no hex id.
struct Name {
  string_view text;
  bool escaped = false;
  bool counts_for_users = false;
};

/// "machine-qemu\x2d1\x2dvm1.scope": the name behind the driver and the number of the start.
string_view libvirt_name(string_view segment) {
  auto rest = between(segment, "machine-", ".scope");
  if (!cut_front(rest, "qemu\\x2d") && !cut_front(rest, "lxc\\x2d")) return {};
  const auto end = rest.find("\\x2d");
  if (end == string_view::npos || !are_digits(rest.substr(0, end))) return {};
  return rest.substr(end + 4);
}

/// "qemu-1-vm1.libvirt-qemu", below /machine where libvirt has no systemd.
string_view libvirt_name_without_systemd(string_view segment) {
  auto name = segment;
  if (!cut_back(name, ".libvirt-qemu") && !cut_back(name, ".libvirt-lxc")) return {};
  auto rest = name;
  if (!cut_front(rest, "qemu-") && !cut_front(rest, "lxc-")) return name;
  const auto dash = rest.find('-');
  return dash != string_view::npos && are_digits(rest.substr(0, dash)) ? rest.substr(dash + 1)
                                                                       : name;
}

/// Where a segment stands: those in front of it.
struct Place {
  string_view parent;
  string_view grandparent;
};

/// The payload beside systemd-nspawn's supervisor, in the machine's unit or scope.
Name nspawn_name(string_view segment, const Place& place) {
  if (segment != "payload") return {};
  auto name = between(place.parent, "systemd-nspawn@", ".service");
  if (name.empty()) name = between(place.parent, "machine-", ".scope");
  return {name, true, true};
}

string_view job_name(string_view segment, const Place& place) {
  if (!segment.starts_with("job_") || segment.size() == 4) return {};
  if (place.parent.ends_with("slurmstepd.scope")) return segment;
  const bool below_slurm = place.grandparent == "slurm" || place.grandparent.starts_with("slurm_");
  return below_slurm && place.parent.starts_with("uid_") ? segment : string_view();
}

/// In the tree's own folder, or by the kind of its CPUs one level deeper.
string_view nomad_name(string_view segment, const Place& place) {
  const auto is_part = [](string_view folder) {
    return folder == "share" || folder == "reserve" || folder == "share.slice" ||
           folder == "reserve.slice";
  };
  const auto folder = is_part(place.parent) ? place.grandparent : place.parent;
  if (folder == "nomad") return is_part(segment) ? string_view() : segment;
  if (folder == "nomad.slice") return between(segment, "", ".scope");
  return {};
}

Name other_name(string_view segment, const Place& place) {
  auto rest = segment;
  if (cut_front(rest, "lxc.payload.") && !rest.empty()) return {rest, false, true};
  if (place.parent == "lxc.payload") return {segment, false, true};
  if (const auto name = nspawn_name(segment, place); !name.text.empty()) return name;
  if (place.parent == "lxc") return {segment};
  if (const auto name = libvirt_name(segment); !name.empty()) return {name, true};
  if (const auto name = libvirt_name_without_systemd(segment); !name.empty()) return {name};
  if (place.parent == "qemu.slice") return {between(segment, "", ".scope")};
  if (const auto name = nomad_name(segment, place); !name.empty()) return {name};
  return {job_name(segment, place)};
}

/// Goes through a path once, and keeps the innermost of everything.
class InnermostFinder {
 public:
  explicit InnermostFinder(CgroupIdentity& identity) : identity_(identity) {}

  void look_at(string_view segment) {
    in_user_manager_ = in_user_manager_ || is_user_manager(segment);
    look_for_pod(segment);
    look_for_container(segment);
    place_ = {segment, place_.parent};
  }

 private:
  bool believes(bool shape_counts_for_users) const {
    return !in_user_manager_ || shape_counts_for_users;
  }

  void look_for_pod(string_view segment) {
    best_effort_ = best_effort_ || has_word(segment, "besteffort");
    burstable_ = burstable_ || has_word(segment, "burstable");
    kubepods_ = kubepods_ || has_word(segment, "kubepods");
    const auto uid = pod_in(segment);
    // A user may run a whole node in a container of his own, but no pod of this node.
    if (uid.empty() || (in_user_manager_ && !in_users_container_)) return;
    identity_.pod = uid;
    identity_.qos = best_effort_ ? "besteffort"
                    : burstable_ ? "burstable"
                    : kubepods_  ? "guaranteed"
                                 : string_view();
  }

  void look_for_container(string_view segment) {
    if (const auto found = hex_name(segment); !found.digits.empty()) {
      if (is_container(found)) enter({found.digits, false, true}, true);
      return;
    }
    const auto name = other_name(segment, place_);
    if (!name.text.empty() && believes(name.counts_for_users)) enter(name, false);
  }

  bool is_container(const HexName& name) const {
    if (name.prefix == "conmon" || name.prefix.ends_with("-conmon")) return false;
    if (name.prefix.empty()) {
      // Without systemd podman's pods are bare ids, and its containers are not.
      if (place_.parent == "libpod_parent") return false;
      return believes(place_.parent == "libpod" || place_.parent == "docker");
    }
    return believes(name.prefix == "docker" || name.prefix == "libpod" ||
                    name.prefix == "libpod-payload");
  }

  void enter(const Name& name, bool is_hex_id) {
    in_users_container_ = in_users_container_ || in_user_manager_;
    best_effort_ = burstable_ = kubepods_ = false;
    if (has_hex_id_ && !is_hex_id) return;
    has_hex_id_ = is_hex_id;
    identity_.container = name.text;
    identity_.container_is_escaped = name.escaped;
  }

  CgroupIdentity& identity_;
  Place place_;
  bool in_user_manager_ = false;
  bool in_users_container_ = false;  ///< of one below the user's manager
  bool has_hex_id_ = false;
  /// Whether the word stands between the last container and here.
  bool best_effort_ = false, burstable_ = false, kubepods_ = false;
};

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Undoes systemd-escape(1): "\x2d" is '-'. What is no such escape stays.
std::string unescape_unit(string_view escaped) {
  std::string text;
  text.reserve(escaped.size());
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    const auto code = escaped.substr(i, 4);
    if (code.size() == 4 && code.starts_with("\\x") && hex_value(code[2]) >= 0 &&
        hex_value(code[3]) >= 0) {
      text += static_cast<char>(hex_value(code[2]) * 16 + hex_value(code[3]));
      i += 3;
    } else {
      text += escaped[i];
    }
  }
  return text;
}

}  // namespace

std::string CgroupIdentity::container_id() const {
  return container_is_escaped ? unescape_unit(container) : std::string(container);
}

std::string CgroupIdentity::pod_uid() const {
  std::string uid(pod);
  std::replace(uid.begin(), uid.end(), '_', '-');
  return uid;
}

CgroupIdentity identity_of_path(std::string_view path) {
  CgroupIdentity identity;
  cut_back(path, " (deleted)");  // the kernel's word for a cgroup of v2 that is gone
  while (lies_outside_namespace(path)) path.remove_prefix(3);
  auto rest = path;
  const auto system = take_unit(rest);
  identity.slice = system.slice;
  identity.unit = system.unit;
  if (is_user_manager(system.unit)) identity.user_unit = take_unit(rest).unit;
  InnermostFinder finder(identity);
  for (auto segment = take_segment(path); !segment.empty(); segment = take_segment(path)) {
    finder.look_at(segment);
  }
  return identity;
}

CgroupIdentity cgroup_identity(const CgroupPaths& paths) {
  const auto of_memory = identity_of_path(paths.memory);
  if (!of_memory.container.empty()) return of_memory;
  const auto of_systemd = identity_of_path(paths.systemd);
  if (!of_systemd.container.empty()) return of_systemd;
  if (paths.unified.data() != paths.memory.data()) {
    const auto of_unified = identity_of_path(paths.unified);
    if (!of_unified.container.empty()) return of_unified;
  }
  if (!of_systemd.unit.empty()) return of_systemd;
  const bool says_nothing = of_memory == CgroupIdentity();
  return says_nothing ? of_systemd : of_memory;
}

}  // namespace memory_exporter::procfs
