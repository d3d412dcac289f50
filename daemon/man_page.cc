// Prints the manual page memory_exporter(1), made from the table of flags while building.
#include <cstdio>
#include <string>
#include <string_view>

#include "config/rows.h"
#include "daemon/version.h"

namespace memory_exporter {
namespace {

/// Text as troff takes it: no line of it can be a request.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '-') {
      out += "\\-";
    } else if (c == '\\') {
      out += "\\e";
    } else if ((c == '.' || c == '\'') && out.empty()) {
      out += "\\&";
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string options_section() {
  std::string out = ".SH OPTIONS\n";
  std::string_view group;
  for (const auto& row : config::rows()) {
    if (row.flag.empty()) continue;
    if (row.group != group) {
      group = row.group;
      out += ".SS " + escaped(group) + '\n';
    }
    out += ".TP\n.B " + escaped(row.flag);
    if (!row.placeholder.empty()) out += "\\fR=\\fI" + escaped(row.placeholder) + "\\fR";
    out += '\n' + escaped(row.help) + ".\n";
    const auto value = config::default_of(row);
    if (!value.empty()) out += "Default: " + escaped(value) + ".\n";
  }
  return out;
}

std::string page() {
  std::string out = ".TH MEMORY_EXPORTER 1 \"\" \"memory_exporter ";
  out += version();
  out +=
      "\"\n.SH NAME\nmemory_exporter \\- Prometheus exporter for the memory of processes and of "
      "the machine\n.SH SYNOPSIS\n.B memory_exporter\n[\\fB\\-\\-flag\\fR=\\fIvalue\\fR]...\n"
      ".SH DESCRIPTION\n"
      "Serves over HTTP who uses this machine's memory, and what kind of memory it is, for "
      "Prometheus to collect: proportional (PSS), unique (USS) and resident memory, swap and "
      "page faults of processes, added up by name and cgroup, and the machine's own figures.\n"
      ".PP\n"
      "Without privileges, PSS and USS of other users' processes are missing; with the "
      "capability CAP_SYS_PTRACE they are there. Capabilities that the settings do not need are "
      "dropped at the start.\n";
  out += options_section();
  out +=
      ".SH SIGNALS\n"
      ".TP\n.B SIGHUP\nReads the configuration file again: all that it says is in force at the "
      "next collection. A file with a mistake, or that needs a capability which was dropped at the "
      "start, changes nothing.\n"
      ".TP\n.BR SIGTERM ,\\  SIGINT\nAnswer the requests under way and end, within two "
      "seconds.\n"
      ".SH EXIT STATUS\n"
      ".TP\n.B 0\nIt did what it was asked, or was ended by a signal above.\n"
      ".TP\n.B 1\nIt could not start or run.\n"
      ".TP\n.B 2\nA flag or the configuration is wrong.\n"
      ".PP\nEvery failure is one line on standard error that names the flag, or the file, the "
      "line, the column and the key.\n"
      ".SH SEE ALSO\n.BR prometheus (1),\n.BR proc (5),\n.BR capabilities (7)\n";
  return out;
}

}  // namespace
}  // namespace memory_exporter

int main() {
  const auto text = memory_exporter::page();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
