#include "daemon/view/landing_page.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <optional>

#include "collectors/base/printable.h"

namespace memory_exporter {
namespace {

using process::Group;

constexpr std::size_t most_groups = 20;
constexpr std::size_t most_shown = 4096;  ///< bytes of a name

/// As HTML shows it: what would turn or hide the text around it is written out.
void append_html(std::string& out, std::string_view text) {
  for (const char c : printable(text, most_shown)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

std::string size_text(OptionalBytes size) {
  if (!size) return "–";
  constexpr std::array<std::string_view, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(size->value);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, units[unit]);
}

/// The groups that hold the most memory: by PSS, and by RSS where PSS is not known.
std::vector<const Group*> top_groups(const process::Snapshot& snapshot) {
  std::vector<const Group*> groups;
  for (const auto& group : snapshot.groups) groups.push_back(&group);
  const auto weight = [](const Group* group) {
    const auto& totals = group->totals;
    return totals.memory.pss.value_or(totals.status.resident.value_or(Bytes{}));
  };
  const auto count = std::min(groups.size(), most_groups);
  std::partial_sort(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(count),
                    groups.end(), [&](const Group* a, const Group* b) {
                      return weight(a) != weight(b) ? weight(a) > weight(b) : a->key < b->key;
                    });
  groups.resize(count);
  return groups;
}

void append_groups(std::string& out, const process::Snapshot& snapshot) {
  const auto groups = top_groups(snapshot);
  out += fmt::format("<h2>Memory by group</h2>\n<p>The {} largest of {}, at the last scrape.</p>\n",
                     groups.size(), snapshot.groups.size());
  out += "<table>\n<tr>";
  for (const auto* dimension : snapshot.group_by) {
    out.append("<th>").append(dimension->name) += "</th>";
  }
  out += "<th>processes</th><th>PSS</th><th>USS</th><th>RSS</th><th>swap</th></tr>\n";
  for (const auto* group : groups) {
    out += "<tr>";
    for (const auto& value : group->key) {
      out += "<td>";
      append_html(out, value);
      out += "</td>";
    }
    const auto& totals = group->totals;
    for (const auto& cell :
         {std::to_string(totals.processes), size_text(totals.memory.pss), size_text(totals.uss),
          size_text(totals.status.resident), size_text(totals.status.swap)}) {
      out.append("<td class=\"n\">").append(cell) += "</td>";
    }
    out += "</tr>\n";
  }
  out += "</table>\n";
}

}  // namespace

std::string landing_page_html(const LandingPage& page) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<title>memory_exporter</title>\n<style>\n"
      "body { font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em }\n"
      "table { border-collapse: collapse }\n"
      "th, td { padding: .15em .8em; text-align: left; border-bottom: 1px solid #ddd }\n"
      ".n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }\n"
      "</style>\n</head>\n<body>\n<h1>memory_exporter</h1>\n"
      "<p>Who uses this machine's memory, and what kind of memory is it? Version ";
  append_html(out, page.version);
  out += ".</p>\n<ul>\n<li><a href=\"";
  append_html(out, page.telemetry_path);
  out +=
      "\">Metrics</a></li>\n<li><a href=\"/-/healthy\">Healthy</a></li>\n"
      "<li><a href=\"/-/ready\">Ready</a></li>\n</ul>\n<p>Collectors: ";
  for (std::size_t i = 0; i < page.collectors.size(); ++i) {
    if (i > 0) out += ", ";
    append_html(out, page.collectors[i]);
  }
  if (page.collectors.empty()) out += "none";
  out += ".</p>\n";
  if (page.snapshot != nullptr && !page.snapshot->groups.empty())
    append_groups(out, *page.snapshot);
  out += "</body>\n</html>\n";
  return out;
}

}  // namespace memory_exporter
