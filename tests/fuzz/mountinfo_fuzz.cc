#include "collectors/procfs/mountinfo.h"

#include <algorithm>
#include <string>

#include "tests/fuzz/pieces.h"

using namespace memory_exporter;

namespace {

std::string printed(const procfs::Mount& mount) {
  std::string line = std::to_string(mount.device_major) + ':' + std::to_string(mount.device_minor);
  for (const auto part : {mount.root, mount.point}) line.append(" ").append(part);
  line.append(" rw - ").append(mount.type).append(" source ").append(mount.super_options);
  return line;
}

/// Each item between two commas is an option, and no part of one is.
void require_right_options(std::string_view options) {
  const auto all = ',' + std::string(options) + ',';
  for (const std::string_view option : {"memory", "rw", "cpu"}) {
    fuzz::require(procfs::has_option(options, option) ==
                      (all.find(',' + std::string(option) + ',') != std::string::npos),
                  "an option is a whole item");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  std::size_t mounts = 0;
  const auto skipped = procfs::for_each_mount(text, [&](const procfs::Mount& mount) {
    ++mounts;
    fuzz::require(!mount.type.empty(), "a mount has a type");
    for (const auto part : {mount.root, mount.point, mount.type, mount.super_options}) {
      fuzz::require(part.empty() || fuzz::lies_within(part, text), "it is a part of the text");
      fuzz::require(part.find_first_of(" \t\n") == std::string_view::npos, "it is one word");
    }
    require_right_options(mount.super_options);
    // The same again, in the least that a line has to have.
    const auto line = "1 2 " + printed(mount);
    procfs::Mount again;
    fuzz::require(procfs::parse_mount(line, again) && printed(again) == printed(mount),
                  "what was read reads back");
  });
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const std::size_t cut = fuzz::is_cut_short(text) ? 1 : 0;
  fuzz::require(mounts + skipped.lines == lines + cut, "every line is a mount or skipped");
  fuzz::require_same_in_pieces<procfs::MountinfoParser>(
      data, size, [](const procfs::Mount& mount, std::string_view) { return printed(mount); });
  return 0;
}
