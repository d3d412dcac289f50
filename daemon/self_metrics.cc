#include "daemon/self_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <ctime>

#include "collectors/procfs/boot_time.h"
#include "collectors/procfs/stat.h"
#include "collectors/procfs/status.h"
#include "daemon/version.h"

namespace memory_exporter {
namespace {

enum Index : std::size_t {
  build_info,
  collector_duration,
  collector_success,
  collector_timeouts,
  processes,
  sharing_unknown,
  groups_folded,
  read_errors,
  pss_reads,
  pss_read_seconds,
  pss_cpu_seconds,
  pss_budget_seconds,
  pss_longest_read,
  pss_deferred,
  pss_tier,
  file_reads,
  file_read_cpu_seconds,
  file_longest_read,
  file_deferred,
  hung_readers,
  sampling_paused,
  reader_start_failures,
  scrapes_in_flight,
  http_requests,
  reload_successful,
  reload_success_time,
  log_lines_dropped,
  cpu_seconds,
  resident_memory,
  virtual_memory,
  open_fds,
  max_fds,
  start_time,
  family_count,
};

constexpr std::array<Family, family_count> table = {{
    {"memory_exporter_build_info", MetricType::gauge,
     "Always 1; the labels say which version of the exporter this is and what compiled it."},
    {"memory_exporter_collector_duration_seconds", MetricType::gauge,
     "Time this scrape spent in a collector; the first one that reads processes includes the "
     "refresh of the process table and the wait for PSS samples."},
    {"memory_exporter_collector_success", MetricType::gauge,
     "0 where the collector read nothing of use, was not done by the deadline, or the exporter's "
     "own "
     "descriptors or memory ran out, else 1: what alone could not be read is absent."},
    {"memory_exporter_collector_timeouts_total", MetricType::counter,
     "Scrapes in which the collector was not done by the deadline, or was not run because an "
     "earlier run of it still hangs."},
    {"memory_exporter_processes", MetricType::gauge,
     "Processes in procfs by what is known of them: PSS measured, pending, denied, or unsupported "
     "by the kernel, or stuck in a read that hangs; kernel threads and zombies have no memory of "
     "their own."},
    {"memory_exporter_processes_sharing_unknown", MetricType::gauge,
     "Forked processes counted in full whose memory may be another process's as well: kcmp(2) may "
     "not compare them, and /proc/PID/status has the same figures for both."},
    {"memory_exporter_groups_folded", MetricType::gauge,
     "Groups with processes that are counted in the group other, because there are more of them "
     "than the configuration's max_groups."},
    {"memory_exporter_read_errors_total", MetricType::counter,
     "Reads of a file of a process or of the system that failed, and lines of another form, by the "
     "file's name and the kind of failure; vanished is normal, the process had just ended."},
    {"memory_exporter_pss_reads_total", MetricType::counter,
     "Samples of PSS taken, from /proc/PID/smaps_rollup or pagemap."},
    {"memory_exporter_pss_read_seconds_total", MetricType::counter,
     "Wall time inside the reads behind samples of PSS; while one runs, its target's mmap waits."},
    {"memory_exporter_pss_cpu_seconds_total", MetricType::counter,
     "CPU time that sampling PSS has used."},
    {"memory_exporter_pss_budget_seconds_total", MetricType::counter,
     "CPU time that --pss.cpu-budget and --pss.burst have granted to reads of processes."},
    {"memory_exporter_pss_longest_read_seconds", MetricType::gauge,
     "The longest that one read behind a sample of PSS has taken in one go since the start."},
    {"memory_exporter_pss_deferred_processes", MetricType::gauge,
     "Processes whose PSS was due for a sample and is left for a later scrape."},
    {"memory_exporter_pss_tier", MetricType::gauge,
     "1 for how the exporter's privileges let it walk giants: rollup, /proc/PID/smaps_rollup in "
     "one "
     "read; pagemap, /proc/PID/pagemap and /proc/kpagecount in small parts that stall nobody."},
    {"memory_exporter_file_reads_total", MetricType::counter,
     "Reads of a file that is read of every process now and then: limits, with maps; smaps."},
    {"memory_exporter_file_read_cpu_seconds_total", MetricType::counter,
     "CPU time that reading such a file has used; beside that of PSS."},
    {"memory_exporter_file_longest_read_seconds", MetricType::gauge,
     "The longest that one such read has taken in one go since the start."},
    {"memory_exporter_file_deferred_processes", MetricType::gauge,
     "Processes of which such a file was due to be read and is left for a later scrape."},
    {"memory_exporter_hung_readers", MetricType::gauge,
     "Reads of a process that have not come back for two seconds, by the lane that waits for them; "
     "each holds a thread."},
    {"memory_exporter_sampling_paused", MetricType::gauge,
     "1 where a lane reads no process at all, because every thread that it may have hangs or none "
     "can be started; else 0."},
    {"memory_exporter_reader_start_failures_total", MetricType::counter,
     "Threads for reads of processes that the system did not start, by lane."},
    {"memory_exporter_scrapes_in_flight", MetricType::gauge,
     "Scrapes being answered at this moment, this one included."},
    {"memory_exporter_http_requests_total", MetricType::counter,
     "HTTP requests answered, by status code."},
    {"memory_exporter_config_last_reload_successful", MetricType::gauge,
     "1 where the configuration was good when it was last read, 0 where it was refused and the one "
     "before it is still in force."},
    {"memory_exporter_config_last_reload_success_timestamp_seconds", MetricType::gauge,
     "When a good configuration was last read, in seconds since the epoch."},
    {"memory_exporter_log_lines_dropped_total", MetricType::counter,
     "Lines of the exporter's log that were left out because standard error did not take them."},
    {"process_cpu_seconds_total", MetricType::counter,
     "User and system CPU time of the exporter itself; clock_gettime, CLOCK_PROCESS_CPUTIME_ID."},
    {"process_resident_memory_bytes", MetricType::gauge,
     "Resident memory of the exporter itself; /proc/self/status VmRSS."},
    {"process_virtual_memory_bytes", MetricType::gauge,
     "Virtual memory of the exporter itself; /proc/self/stat vsize."},
    {"process_open_fds", MetricType::gauge,
     "Open file descriptors of the exporter itself; entries in /proc/self/fd."},
    {"process_max_fds", MetricType::gauge,
     "Most file descriptors that the exporter itself may open; getrlimit, RLIMIT_NOFILE."},
    {"process_start_time_seconds", MetricType::gauge,
     "When the exporter itself was started, in seconds since the epoch; /proc/self/stat starttime "
     "after /proc/stat btime."},
}};

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

double unix_time() {
  return seconds(std::chrono::system_clock::now().time_since_epoch());
}

std::string name_of(Index index) {
  return std::string(table[index].name);
}
std::string help_of(Index index) {
  return std::string(table[index].help);
}

/// Nothing where /proc/stat or /proc/self/stat does not say.
std::optional<double> start_time_of_self(const procfs::Tree& procfs) {
  procfs::Buffer buffer;
  const auto of_machine = procfs.read("stat", buffer);
  if (!of_machine) return std::nullopt;
  const auto boot = procfs::parse_boot_time(*of_machine);
  if (!boot) return std::nullopt;
  const auto of_self = procfs.read("self/stat", buffer);
  if (!of_self) return std::nullopt;
  const auto stat = procfs::parse_stat(*of_self);
  if (!stat) return std::nullopt;
  const auto ticks_a_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return static_cast<double>(*boot) + static_cast<double>(stat->start_time) / ticks_a_second;
}

void write_processes(const process::ProcessCounts& counts, MetricSink& sink) {
  sink.family(table[processes]);
  sink.sample({{"state", "measured"}}, counts.measured);
  sink.sample({{"state", "pending"}}, counts.pending);
  if (!counts.hidden) sink.sample({{"state", "denied"}}, counts.denied);
  sink.sample({{"state", "stuck"}}, counts.stuck);
  sink.sample({{"state", "unsupported"}}, counts.unsupported);
  sink.sample({{"state", "kernel"}}, counts.kernel);
  sink.sample({{"state", "zombie"}}, counts.zombie);
  sink.family(table[sharing_unknown]);
  sink.sample(counts.sharing_unknown);
}

void write_sampling(const process::SamplingCost& cost, MetricSink& sink) {
  const auto write = [&](Index index, Value value) {
    sink.family(table[index]);
    sink.sample(value);
  };
  write(pss_reads, cost.reads);
  write(pss_read_seconds, cost.read_seconds);
  write(pss_cpu_seconds, cost.cpu_seconds);
  write(pss_budget_seconds, cost.budget_seconds);
  write(pss_longest_read, cost.longest_read_seconds);
  write(pss_deferred, cost.deferred);
}

void write_readings(std::span<const process::FileReadingCost> readings, MetricSink& sink) {
  const auto write = [&](Index index, auto process::SamplingCost::*figure) {
    sink.family(table[index]);
    for (const auto& [file, cost] : readings) sink.sample({{"file", file}}, cost.*figure);
  };
  write(file_reads, &process::SamplingCost::reads);
  write(file_read_cpu_seconds, &process::SamplingCost::cpu_seconds);
  write(file_longest_read, &process::SamplingCost::longest_read_seconds);
  write(file_deferred, &process::SamplingCost::deferred);
}

void write_readers(std::span<const process::LaneReaders> lanes, MetricSink& sink) {
  const auto write = [&](Index index, auto process::LaneReaders::*figure) {
    sink.family(table[index]);
    for (const auto& readers : lanes) {
      sink.sample({{"lane", readers.lane}}, std::uint64_t{readers.*figure});
    }
  };
  write(hung_readers, &process::LaneReaders::hung);
  write(sampling_paused, &process::LaneReaders::paused);
  write(reader_start_failures, &process::LaneReaders::start_failures);
}

void write_tier(process::PssTier tier, MetricSink& sink) {
  sink.family(table[pss_tier]);
  for (const auto each : {process::PssTier::rollup, process::PssTier::pagemap}) {
    sink.sample({{"tier", process::to_string(each)}}, each == tier);
  }
}

}  // namespace

std::span<const Family> self_families() {
  return table;
}

SelfMetrics::SelfMetrics(procfs::Tree procfs, const Log* log)
    : procfs_(std::move(procfs)), log_(log), start_time_seconds_(start_time_of_self(procfs_)) {
  const auto gauge = [this](Index index, const prometheus::Labels& labels = {}) {
    auto& family =
        prometheus::BuildGauge().Name(name_of(index)).Help(help_of(index)).Register(registry_);
    return &family.Add(labels);
  };
  gauge(build_info, {{"version", std::string(version())}, {"compiler", std::string(compiler())}})
      ->Set(1);
  scrapes_in_flight_ = gauge(scrapes_in_flight);
  reload_successful_ = gauge(reload_successful);
  reload_success_time_ = gauge(reload_success_time);
  requests_ = &prometheus::BuildCounter()
                   .Name(name_of(http_requests))
                   .Help(help_of(http_requests))
                   .Register(registry_);
  configuration_loaded(true);
}

bool SelfMetrics::may_trace() const {
  procfs::Buffer buffer;
  const auto text = procfs_.read("self/status", buffer);
  if (!text) return true;
  constexpr std::string_view key = "\nCapEff:\t";
  const auto at = text->find(key);
  if (at == std::string_view::npos) return true;
  const auto* digits = text->data() + at + key.size();
  std::uint64_t effective = 0;
  if (std::from_chars(digits, text->data() + text->size(), effective, 16).ec != std::errc{}) {
    return true;
  }
  constexpr int cap_sys_ptrace = 19;
  constexpr int cap_perfmon = 38;
  return ((effective >> cap_sys_ptrace) & 1) != 0 || ((effective >> cap_perfmon) & 1) != 0;
}

void SelfMetrics::count_request(int status_code) {
  requests_->Add({{"code", std::to_string(status_code)}}).Increment();
}

void SelfMetrics::configuration_loaded(bool good) {
  reload_successful_->Set(good ? 1 : 0);
  if (good) reload_success_time_->Set(unix_time());
}

void SelfMetrics::write(std::span<const CollectorRun> runs, const process::Snapshot* snapshot,
                        MetricSink& sink) {
  write_runs(runs, sink);
  if (snapshot != nullptr) write_processes(snapshot->counts, sink);
  write_read_errors(snapshot, sink);
  if (snapshot != nullptr) {
    sink.family(table[groups_folded]);
    sink.sample(snapshot->groups_folded);
    write_sampling(snapshot->sampling, sink);
    write_tier(snapshot->tier, sink);
    write_readings(snapshot->readings, sink);
    write_readers(snapshot->readers, sink);
  }
  write_registry(sink);
  sink.family(table[log_lines_dropped]);
  sink.sample(log_ == nullptr ? 0 : log_->dropped());
  write_own_process(sink);
}

void SelfMetrics::write_runs(std::span<const CollectorRun> runs, MetricSink& sink) {
  sink.family(table[collector_duration]);
  for (const auto& run : runs) sink.sample({{"collector", run.name}}, seconds(run.duration));
  sink.family(table[collector_success]);
  for (const auto& run : runs) sink.sample({{"collector", run.name}}, run.ok ? 1 : 0);
  sink.family(table[collector_timeouts]);
  const std::lock_guard lock(mutex_);
  for (const auto& run : runs) {
    auto& timeouts = timeouts_[std::string(run.name)];
    if (run.timed_out) ++timeouts;
    sink.sample({{"collector", run.name}}, timeouts);
  }
}

/// Files of processes and of the system can have the same name. Their sum must not fall from one
/// scrape to the next, whatever the scrapes ask for and whichever snapshot they have.
void SelfMetrics::write_read_errors(const process::Snapshot* snapshot, MetricSink& sink) {
  auto totals = read_errors_.totals();
  {
    const std::lock_guard lock(mutex_);
    if (snapshot != nullptr) {
      for (const auto& [key, count] : snapshot->read_errors) {
        auto& most = of_processes_[key];
        most = std::max(most, count);
      }
    }
    for (const auto& [key, count] : of_processes_) totals[key] += count;
  }
  sink.family(table[read_errors]);
  for (const auto& [key, count] : totals) {
    sink.sample({{"file", key.file}, {"reason", to_string(key.reason)}}, count);
  }
}

void SelfMetrics::write_registry(MetricSink& sink) const {
  for (const auto& family : registry_.Collect()) {
    const auto* known = std::find_if(
        table.begin(), table.end(), [&](const Family& entry) { return entry.name == family.name; });
    assert(known != table.end());
    sink.family(*known);
    for (const auto& metric : family.metric) {
      std::vector<Label> labels;
      for (const auto& label : metric.label) labels.push_back({label.name, label.value});
      sink.sample(labels,
                  known->type == MetricType::counter ? metric.counter.value : metric.gauge.value);
    }
  }
}

void SelfMetrics::write_own_process(MetricSink& sink) const {
  const auto write = [&](Index index, Value value) {
    sink.family(table[index]);
    sink.sample(value);
  };
  std::timespec cpu{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
    write(cpu_seconds, static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) / 1e9);
  }
  procfs::Buffer buffer;
  if (const auto text = procfs_.read("self/status", buffer)) {
    const auto status = procfs::parse_status(*text);
    if (status && status->resident) write(resident_memory, *status->resident);
  }
  if (const auto text = procfs_.read("self/stat", buffer)) {
    if (const auto stat = procfs::parse_stat(*text)) write(virtual_memory, stat->virtual_size);
  }
  // The descriptor that lists the directory is in the list, and is closed again.
  if (const auto fds = procfs_.list("self/fd")) write(open_fds, fds->size() - 1);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    write(max_fds, std::uint64_t{limit.rlim_cur});
  }
  if (start_time_seconds_) write(start_time, *start_time_seconds_);
}

}  // namespace memory_exporter
