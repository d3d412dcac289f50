#pragma once

#include <cstdint>
#include <string_view>

#include "collectors/base/result.h"
#include "collectors/base/text.h"

namespace memory_exporter::procfs {

/// What is needed of one line of /proc/PID/mountinfo (kernel: fs/proc_namespace.c, show_mountinfo;
/// proc_pid_mountinfo(5)). Readable without privileges.
struct Mount {
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string_view type;  ///< the filesystem's, such as tmpfs
};

/// "36 35 98:0 /root /mount rw,noatime master:1 - ext3 /dev/sda1 rw": the optional fields before
/// the dash vary in number. False for any other form.
bool parse_mount(std::string_view line, Mount& mount);

/// Calls `visit(const Mount&)` for every mount. Malformed, with its line, where a line has another
/// form; so is a text that ends within a line, whose last type may have lost letters.
template <typename Visit>
Status for_each_mount(std::string_view text, Visit&& visit) {
  if (ends_within_line(text)) return malformed("the last line is cut short");
  Mount mount;
  for (int number = 1; !text.empty(); ++number) {
    if (!parse_mount(take_line(text), mount)) {
      return malformed("expected \"id parent major:minor root mount ... - type source\"", number);
    }
    visit(static_cast<const Mount&>(mount));
  }
  return Done{};
}

}  // namespace memory_exporter::procfs
