#include "collectors/procfs/mountinfo.h"

#include <algorithm>
#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  std::size_t mounts = 0;
  const auto skipped = procfs::for_each_mount(text, [&](const procfs::Mount& mount) {
    ++mounts;
    fuzz::require(!mount.type.empty() && fuzz::lies_within(mount.type, text),
                  "a type is a part of the text");
    fuzz::require(mount.type.find_first_of(" \t\n") == std::string_view::npos,
                  "a type is one word");
    // The same again, in the least that a line has to have.
    const auto line = "1 2 " + std::to_string(mount.device_major) + ':' +
                      std::to_string(mount.device_minor) + " / / rw - " + std::string(mount.type);
    procfs::Mount again;
    fuzz::require(procfs::parse_mount(line, again) && again.device_major == mount.device_major &&
                      again.device_minor == mount.device_minor && again.type == mount.type,
                  "what was read reads back");
  });
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const std::size_t cut = fuzz::is_cut_short(text) ? 1 : 0;
  fuzz::require(mounts + skipped.lines == lines + cut, "every line is a mount or skipped");
  return 0;
}
