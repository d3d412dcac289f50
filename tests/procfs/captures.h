#pragma once

#include <stdexcept>
#include <string>

#include "collectors/procfs/reader.h"

namespace memory_exporter::procfs {

/// A file of tests/procfs/captures, such as "linux-6.12/smaps"; throws where it is missing.
inline std::string capture(const std::string& path) {
  const auto tree = Tree::open(MEMORY_EXPORTER_CAPTURES);
  if (!tree) throw std::runtime_error(tree.error().message());
  Buffer buffer;
  const auto text = tree->read(path.c_str(), buffer);
  if (!text) throw std::runtime_error(text.error().message());
  return std::string(*text);
}

}  // namespace memory_exporter::procfs
