#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/process/facts/snapshot.h"

namespace memory_exporter {

/// What the page on `/` shows.
struct LandingPage {
  std::string_view version;
  std::string_view telemetry_path;
  std::vector<std::string_view> collectors;     ///< those that are on
  const process::Snapshot* snapshot = nullptr;  ///< of the last scrape; null: none yet
};

/// The page as HTML, whole and without scripts. Names of processes and cgroups are anything that
/// somebody on this machine chose; they are escaped.
std::string landing_page_html(const LandingPage& page);

}  // namespace memory_exporter
