#pragma once

#include <spdlog/fmt/fmt.h>

#include <cstdint>
#include <optional>
#include <string>

#include "tests/support/temp_tree.h"

namespace memory_exporter::process {

/// One process as /proc shows it. The defaults are those of a small healthy one.
struct FakeProcess {
  int pid = 1;
  std::string comm = "app";
  char state = 'S';
  int ppid = 1;
  std::uint64_t flags = 0x400000;
  std::uint64_t minor_faults = 100;
  std::uint64_t major_faults = 1;
  std::uint64_t threads = 1;
  std::uint64_t start_time = 1000;
  std::uint64_t start_code = 4096;
  std::uint64_t start_stack = 8192;
  std::uint64_t peak_kib = 11000;
  std::uint64_t anon_kib = 300;
  std::uint64_t file_kib = 700;
  std::uint64_t swap_kib = 0;
  std::uint64_t pss_anon_kib = 300;
  std::uint64_t pss_file_kib = 350;
  /// Without them, status does not tell whether it has run.
  std::optional<std::uint64_t> switches = std::nullopt;
  std::string cgroup = "0::/app.slice\n";
  bool has_memory = true;
  bool has_rollup = true;

  std::string stat() const {
    return fmt::format(
        "{} ({}) {} {} 1 1 0 -1 {} {} 0 {} 0 5 6 0 0 20 0 {} 0 {} {} 250 "
        "18446744073709551615 "
        "{} 5000 {} 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        pid, comm, state, ppid, flags, minor_faults, major_faults, threads, start_time,
        has_memory ? 10240000 : 0, has_memory ? start_code : 0, has_memory ? start_stack : 0);
  }

  std::string status() const {
    auto text = fmt::format("Name:\t{}\nState:\t{} (any)\nPPid:\t{}\nUid:\t0\t0\t0\t0\n", comm,
                            state, ppid);
    if (has_memory) {
      text += fmt::format(
          "VmPeak:\t {} kB\nVmSize:\t   10000 kB\nVmHWM:\t    2000 kB\nVmRSS:\t {} kB\n"
          "RssAnon:\t {} kB\nRssFile:\t {} kB\nRssShmem:\t 0 kB\nVmPTE:\t 40 kB\nVmSwap:\t {} kB\n",
          peak_kib, anon_kib + file_kib, anon_kib, file_kib, swap_kib);
    }
    text += fmt::format("Threads:\t{}\n", threads);
    if (switches) {
      text +=
          fmt::format("voluntary_ctxt_switches:\t{}\nnonvoluntary_ctxt_switches:\t5\n", *switches);
    }
    return text;
  }

  std::string rollup() const {
    return fmt::format(
        "00400000-7fff0b0a7000 ---p 00000000 00:00 0                          [rollup]\n"
        "Rss: {} kB\nPss: {} kB\nPss_Anon: {} kB\nPss_File: {} kB\nPss_Shmem: 0 kB\n"
        "Shared_Clean: 0 kB\nShared_Dirty: 0 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: {} kB\n"
        "Swap: {} kB\nSwapPss: {} kB\n",
        anon_kib + file_kib, pss_anon_kib + pss_file_kib, pss_anon_kib, pss_file_kib, pss_anon_kib,
        swap_kib, swap_kib);
  }

  void write(const memory_exporter::testing::TempTree& procfs) const {
    const auto folder = std::to_string(pid) + "/";
    procfs.write(folder + "stat", stat());
    procfs.write(folder + "status", status());
    procfs.write(folder + "cgroup", cgroup);
    if (has_rollup) procfs.write(folder + "smaps_rollup", rollup());
  }
};

}  // namespace memory_exporter::process
