#pragma once

#include <cstdint>
#include <string_view>

#include "collectors/base/text.h"
#include "collectors/procfs/lines.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// What is needed of one line of /proc/PID/mountinfo (kernel: fs/proc_namespace.c, show_mountinfo;
/// proc_pid_mountinfo(5)). Readable without privileges.
struct Mount {
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string_view root;   ///< escaped; what of the filesystem is mounted, of a cgroup as we see it
  std::string_view point;  ///< escaped; where, from the process's own root
  std::string_view type;   ///< the filesystem's, such as tmpfs
  std::string_view super_options;  ///< of a cgroup of v1 with its controllers; may be empty
};

/// "36 35 98:0 /root /mount rw,noatime master:1 - ext3 /dev/sda1 rw": the optional fields before
/// the dash vary in number. False for any other form. Views point into `line`.
bool parse_mount(std::string_view line, Mount& mount);

/// Whether a comma-separated list of options has `option` as a whole item.
bool has_option(std::string_view options, std::string_view option);

/// Calls `visit(const Mount&)` for every mount. A line of another form is skipped, and so is one
/// that the text ends within, whose type may have lost letters. There may be none at all: a process
/// sees the mounts below its root only, which chroot(2) can set below the last of them.
template <typename Visit>
Skipped for_each_mount(std::string_view text, Visit&& visit) {
  if (text.empty()) return {};
  Mount mount;
  return for_each_line(text, "\"id parent major:minor root mount ... - type source\"",
                       [&](std::string_view line) {
                         if (!parse_mount(line, mount)) return false;
                         visit(static_cast<const Mount&>(mount));
                         return true;
                       });
}

/// Reads mountinfo piece by piece: whoever owns a mount namespace may fill it with 100,000 mounts
/// (fs.mount-max) of long names.
class MountinfoParser {
 public:
  /// Calls `visit(const Mount&)` for each whole line of `text` and returns the bytes it took; the
  /// rest belongs in front of the next piece. Malformed, with its line, where a line has another
  /// form; `last`: nothing follows, so a rest is malformed too.
  template <typename Visit>
  Result<std::size_t> parse(std::string_view text, bool last, Visit&& visit) {
    constexpr const char* form = "expected \"id parent major:minor root mount ... - type source\"";
    return take_whole_lines(text, last, line_, form, [&](std::string_view line) {
      if (!parse_mount(line, mount_)) return false;
      visit(static_cast<const Mount&>(mount_));
      return true;
    });
  }

 private:
  Mount mount_;
  int line_ = 0;
};

}  // namespace memory_exporter::procfs
