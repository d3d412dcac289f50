#include "daemon/exporter.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "collectors/cgroup_namespace.h"
#include "collectors/procfs/cgroup.h"
#include "config/config_file.h"
#include "daemon/exposition/encoder.h"
#include "daemon/exposition/negotiation.h"
#include "daemon/start_checks.h"
#include "daemon/time_to_answer.h"
#include "daemon/version.h"
#include "daemon/view/landing_page.h"

namespace memory_exporter {
namespace {

using Clock = SnapshotSource::Clock;

/// Whether --once reads the captured files of another machine, which stand in one folder: such a
/// capture need not have both trees.
bool is_part_of_a_capture(const Options& options, const std::string& path) {
  const auto folder = [](const std::string& tree) { return tree.substr(0, tree.rfind('/') + 1); };
  return options.once && folder(options.procfs) == folder(options.sysfs) &&
         folder(path) == folder(options.sysfs) &&
         (procfs::Tree::open(options.procfs).ok() || procfs::Tree::open(options.sysfs).ok());
}

/// A tree that was asked for must be there. One that was not is there on every ordinary machine,
/// but not in every container.
Result<procfs::Tree> open_tree(const Options& options, const std::string& flag,
                               const std::string& path, bool asked_for, Log& log) {
  auto tree = procfs::Tree::open(path);
  if (tree) return tree;
  const auto message = flag + ": " + tree.error().message();
  const bool missing = tree.error().kind == ErrorKind::vanished;
  if (!asked_for) return procfs::Tree::absent(path);
  if (missing && is_part_of_a_capture(options, path)) {
    log.warn("a part of the capture is not there: what it tells is absent", {{"error", message}});
    return procfs::Tree::absent(path);
  }
  return Error{tree.error().kind, message, {}, 0};
}

Result<Trees> open_trees(const Options& options, Log& log) {
  const Options usual;
  auto procfs = open_tree(options, "--path.procfs", options.procfs, true, log);
  if (!procfs) return procfs.error();
  auto sysfs = open_tree(options, "--path.sysfs", options.sysfs, options.sysfs != usual.sysfs, log);
  if (!sysfs) return sysfs.error();
  auto rootfs =
      open_tree(options, "--path.rootfs", options.rootfs, options.rootfs != usual.rootfs, log);
  if (!rootfs) return rootfs.error();
  return Trees{std::move(*procfs), std::move(*sysfs), std::move(*rootfs)};
}

procfs::Tree own_procfs() {
  auto tree = procfs::Tree::open("/proc");
  return tree ? std::move(*tree) : procfs::Tree::absent("/proc");
}

process::Options monitor_options(const Options& options, const config::Settings& settings) {
  auto monitor = config::process_options(settings);
  if (options.once && monitor.pss_mode != process::PssMode::off) {
    monitor.pss_mode = process::PssMode::exact;
  }
  return monitor;
}

/// Process groups are to have the cgroups' names that the collector cgroup gives them.
process::Options with_looks(const std::shared_ptr<const Trees>& trees,
                            const std::shared_ptr<TaskRunner>& looks, process::Options options) {
  options.find_cgroups = [trees] { return find_cgroups(*trees, ::getpid()); };
  options.may_hang = [looks](const char* name, std::chrono::nanoseconds patience,
                             std::function<void()> work) {
    return looks->run({name, std::move(work)}, Clock::now() + patience) ==
           TaskRunner::Outcome::done;
  };
  return options;
}

/// Whether the kernel named the cgroup from inside our cgroup namespace, and nobody could tell what
/// its path is from the root.
bool lies_outside(const process::Group& group, const process::GroupBy& dimensions) {
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    if (!dimensions[i]->needs_cgroup) continue;
    if (procfs::lies_outside_namespace(group.key[i])) return true;
  }
  return false;
}

/// At the start. 10,000 processes take half a second.
constexpr std::chrono::seconds longest_first_look{5};

/// In less time a collection may leave out what it would have waited for.
std::chrono::nanoseconds enough_time(const process::Options& options) {
  constexpr std::chrono::seconds for_the_rest{1};
  if (options.pss_mode == process::PssMode::exact) return std::chrono::nanoseconds::max();
  return 2 * std::min(options.pss_wait, longest_time) + for_the_rest;
}

SharedReplies::Settings sharing(std::chrono::nanoseconds share, const process::Options& options) {
  constexpr std::chrono::milliseconds for_the_rest{500};
  return {share, enough_time(options), std::min(options.pss_wait, longest_time) + for_the_rest};
}

/// What the new settings change that the monitor was made with and keeps.
std::vector<std::string> keys_for_a_restart(const config::Settings& before,
                                            const config::Settings& after) {
  const auto old_options = config::process_options(before);
  const auto new_options = config::process_options(after);
  std::vector<std::string> keys;
  if (old_options.group_by != new_options.group_by) keys.emplace_back("group_by");
  for (const auto& setting : config::pss_settings()) {
    if (setting.text(old_options) == setting.text(new_options)) continue;
    keys.push_back("pss." + std::string(setting.key));
  }
  return keys;
}

}  // namespace

Result<config::Settings> load_settings(const Options& options) {
  if (options.config_file.empty()) return options.settings;
  auto file = config::load_file(options.config_file);
  if (!file) return file.error();
  return config::overlay(options.settings, std::move(*file));
}

Result<std::unique_ptr<Exporter>> Exporter::make(const Options& options,
                                                 const config::Settings& settings, Log& log) {
  auto trees = open_trees(options, log);
  if (!trees) return trees.error();
  return std::unique_ptr<Exporter>(new Exporter(options, settings, std::move(*trees), log));
}

Exporter::Processes::Processes(Trees opened, process::Options options)
    : trees(std::make_shared<const Trees>(std::move(opened))),
      monitor_(trees->procfs, with_looks(trees, looks_, std::move(options))) {}

Result<SnapshotSource::Snapshot> Exporter::Processes::collect(
    SnapshotSource::Clock::time_point deadline) {
  const std::lock_guard lock(mutex_);
  auto snapshot = monitor_.collect(deadline, extras_);
  if (!snapshot) return snapshot;
  const auto& counts = (*snapshot)->counts;
  const auto found = counts.measured + counts.pending + counts.denied + counts.stuck +
                     counts.unsupported + (*snapshot)->groups.size();
  if (trim_.due(found)) ::malloc_trim(0);
  return snapshot;
}

Exporter::Exporter(Options options, config::Settings settings, Trees trees, Log& log)
    : options_(std::move(options)),
      log_(log),
      processes_(
          std::make_shared<Processes>(std::move(trees), monitor_options(options_, settings))),
      source_([processes =
                   processes_](Clock::time_point deadline) { return processes->collect(deadline); },
              {options_.scrape_share, enough_time(monitor_options(options_, settings))}),
      collecting_{processes_->trees},
      self_(own_procfs(), &log_),
      warnings_(log, processes_->trees->procfs.path()),
      expositions_({sharing(options_.scrape_share, monitor_options(options_, settings)),
                    options_.max_requests, options_.max_reply_bytes},
                   [this](const Selection& selection, Clock::time_point deadline,
                          MetricSink& sink) { return scrape_into(selection, deadline, sink); }),
      router_(endpoints(), Hosts(options_.allowed_hosts)),
      settings_(std::move(settings)),
      collectors_{make_collectors(*processes_->trees, settings_.collectors,
                                  options_.disable_default_collectors),
                  0} {
  processes_->set_extras(extras_of(*collectors_.set));
}

Status Exporter::prepare() {
  const auto active = collectors().set;
  look_at_trees(active);
  const bool read_processes =
      std::any_of(active->begin(), active->end(),
                  [](const ActiveCollector& entry) { return entry.reads_processes; });
  if (read_processes) {
    if (auto looked = look_at_processes(); !looked) return looked;
  }
  ready_ = true;
  log_.info("ready");
  return Done{};
}

Clock::time_point Exporter::first_look_until() const {
  return Clock::now() + std::min<Clock::duration>(longest_first_look, options_.scrape_timeout);
}

/// A file that hangs keeps nobody from being served what does not.
void Exporter::look_at_trees(const std::shared_ptr<const CollectorSet>& active) {
  const auto look = [active, trees = processes_->trees, log = &log_] {
    warn_of_silent_collectors(*active, *trees, *log);
  };
  const auto outcome = collecting_.runner.run({"start", look}, first_look_until());
  if (outcome != TaskRunner::Outcome::done) {
    log_.warn(
        "a file in the trees hangs, and what lies behind it will be absent",
        {{"procfs", processes_->trees->procfs.path()}, {"sysfs", processes_->trees->sysfs.path()}});
  }
}

/// What start-up can already tell the operator about the processes.
Status Exporter::look_at_processes() {
  struct Look {
    std::shared_ptr<Processes> processes;
    std::optional<Result<SnapshotSource::Snapshot>> snapshot{};
  };
  const auto look = std::make_shared<Look>(Look{processes_});
  const auto outcome =
      collecting_.runner.run({"processes at the start",
                              [look] { look->snapshot = look->processes->collect_status_only(); }},
                             first_look_until());
  if (outcome != TaskRunner::Outcome::done) {
    log_.warn("a file of a process hangs: processes are absent until it answers",
              {{"path", processes_->trees->procfs.path()}});
    return Done{};
  }
  const auto& snapshot = *look->snapshot;
  if (!snapshot) {
    return Error{snapshot.error().kind, "--path.procfs: " + snapshot.error().message(), {}, 0};
  }
  warn_of_missing_processes((*snapshot)->counts);
  warn_of_cgroups_outside(**snapshot);
  source_.set_last(*snapshot);
  return Done{};
}

void Exporter::warn_of_missing_processes(const process::ProcessCounts& counts) {
  const auto found = counts.measured + counts.pending + counts.denied + counts.stuck +
                     counts.unsupported + counts.kernel + counts.zombie;
  const auto& path = processes_->trees->procfs.path();
  if (found == 0) log_.warn("no process found: is this a procfs?", {{"path", path}});
  if (counts.hidden) {
    log_.warn("processes of other users are hidden (hidepid)",
              {{"needs", "CAP_SYS_PTRACE"}, {"path", path}});
  } else if (monitor_options(options_, settings_).pss_mode != process::PssMode::off &&
             !self_.may_trace()) {
    log_.warn("PSS and USS of other users' processes will be missing",
              {{"needs", "CAP_SYS_PTRACE"}});
  }
}

void Exporter::warn_of_cgroups_outside(const process::Snapshot& snapshot) {
  const auto outside = [&](const process::Group& group) {
    return lies_outside(group, snapshot.group_by);
  };
  if (std::any_of(snapshot.groups.begin(), snapshot.groups.end(), outside)) {
    log_.warn("cgroups outside the exporter's own cgroup namespace are named relative to it (/..)",
              {{"needs", "the host's cgroups in --path.sysfs"},
               {"path", processes_->trees->sysfs.path()}});
  }
}

std::string Exporter::once() {
  const auto never = Clock::now() + std::chrono::hours(24 * 365);
  const auto all = select(collectors().set, {}, {});
  look_at_trees(all->collectors);
  std::string out;
  exposition::Encoder encoder(exposition::Format::text, out);
  const auto collect = [this](Clock::time_point deadline) {
    auto snapshot = processes_->collect(deadline);
    if (snapshot) {
      warn_of_missing_processes((*snapshot)->counts);
      warn_of_cgroups_outside(**snapshot);
      warnings_.look_at(**snapshot);
    }
    return snapshot;
  };
  scrape(*all, collect, never, collecting_, self_, log_, encoder);
  encoder.finish();
  return out;
}

Status Exporter::reload() {
  auto settings = load_settings(options_);
  if (settings && allow_reload_) {
    if (const auto allowed = allow_reload_(*settings); !allowed) settings = allowed.error();
  }
  self_.configuration_loaded(settings.ok());
  if (!settings) {
    log_.error("configuration refused, the one before it stays in force",
               {{"error", settings.error().message()}});
    return settings.error();
  }
  const std::lock_guard lock(mutex_);
  for (const auto& key : keys_for_a_restart(settings_, *settings)) {
    log_.warn("changed in the configuration, in force after a restart", {{"key", key}});
  }
  if (settings_.collectors != settings->collectors) {
    settings_.collectors = settings->collectors;
    collectors_ = {make_collectors(*processes_->trees, settings_.collectors,
                                   options_.disable_default_collectors),
                   collectors_.generation + 1};
    processes_->set_extras(extras_of(*collectors_.set));
  }
  if (settings_.max_groups != settings->max_groups) {
    settings_.max_groups = settings->max_groups;
    processes_->set_max_groups(config::process_options(settings_).max_groups);
  }
  log_.info("configuration read", {{"file", options_.config_file}});
  return Done{};
}

bool Exporter::stop() {
  stopping_ = true;
  ready_ = false;
  const bool collectors_ended = collecting_.runner.stop();
  const bool looks_ended = processes_->stop();
  return source_.stop() && collectors_ended && looks_ended;
}

HttpReply Exporter::handle(const HttpRequest& request) {
  auto reply = router_.answer(request);
  self_.count_request(reply.status);
  return reply;
}

/// The first row of a path counts: the metrics may be at "/".
std::vector<Endpoint> Exporter::endpoints() {
  using Names = Endpoint::Names;
  return {
      {options_.telemetry_path,
       {"GET", "HEAD"},
       Names::any,
       [this](const HttpRequest& request) { return metrics(request); }},
      {"/-/healthy",
       {"GET", "HEAD"},
       Names::any,
       [](const HttpRequest&) { return plain_reply(200, "healthy"); }},
      {"/-/ready", {"GET", "HEAD"}, Names::any, [this](const HttpRequest&) { return ready(); }},
      {"/-/reload",
       {"POST"},
       Names::known,
       [this](const HttpRequest&) { return reload_request(); }},
      {"/", {"GET", "HEAD"}, Names::known, [this](const HttpRequest&) { return landing_page(); }},
  };
}

HttpReply Exporter::metrics(const HttpRequest& request) {
  const auto in_flight = self_.scrape_in_flight();
  const auto start = Clock::now();
  const auto active = collectors();
  auto selection =
      select(active.set, request.parameter("collect[]"), request.parameter("exclude[]"));
  if (!selection) return plain_reply(400, selection.error().what);

  const auto media = exposition::negotiate_format(request.header("Accept"));
  const bool gzip = exposition::accepts_gzip(request.header("Accept-Encoding"));
  const auto timeout = timeout_from(request.header("X-Prometheus-Scrape-Timeout-Seconds"))
                           .value_or(options_.scrape_timeout);
  const auto deadline = deadline_after(start, time_for_scrape(timeout));
  auto body = expositions_.get(
      {std::move(*selection), active.generation, media.format, gzip, {deadline, request.crowded}});
  if (stopping_) return plain_reply(503, "the exporter is stopping");
  if (!body && body.error().kind == ErrorKind::exhausted) return busy_reply(body.error().what);
  if (!body) return plain_reply(500, body.error().what);

  HttpReply reply;
  reply.content_type = media.content_type;
  reply.headers.emplace_back("Vary", "Accept, Accept-Encoding");
  if (gzip) reply.headers.emplace_back("Content-Encoding", "gzip");
  reply.body = std::move(*body);
  log_.debug(
      "scrape",
      {{"bytes", std::to_string(reply.body->size())},
       {"milliseconds",
        std::to_string(
            std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count())}});
  return reply;
}

Expositions::Outcome Exporter::scrape_into(const Selection& selection, Clock::time_point deadline,
                                           MetricSink& sink) {
  Expositions::Outcome outcome{Clock::time_point::max()};
  const auto processes = [&](Clock::time_point until) -> Result<SnapshotSource::Snapshot> {
    const auto taken = source_.get(until);
    if (taken) {
      outcome.collected = taken->ended;
      warnings_.look_at(*taken->snapshot);
      return taken->snapshot;
    }
    if (taken.error().kind == ErrorKind::timeout) outcome.whole = false;
    return taken.error();
  };
  scrape(selection, processes, deadline, collecting_, self_, log_, sink);
  outcome.collected = std::min(outcome.collected, Clock::now());
  return outcome;
}

HttpReply Exporter::landing_page() const {
  LandingPage page;
  const auto active = collectors().set;
  for (const auto& entry : *active) page.collectors.push_back(entry.collector->name());
  const auto snapshot = source_.last();
  page.version = version();
  page.telemetry_path = options_.telemetry_path;
  page.snapshot = snapshot.get();
  HttpReply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.body = std::make_shared<const std::string>(landing_page_html(page));
  return reply;
}

HttpReply Exporter::ready() const {
  return ready_ ? plain_reply(200, "ready")
                : plain_reply(503, "not ready: the first collection is not done");
}

HttpReply Exporter::reload_request() {
  if (!options_.enable_lifecycle || !reload_request_) {
    return plain_reply(403, "reloading over HTTP is off: start with --web.enable-lifecycle");
  }
  const auto reloaded = reload_request_();
  return reloaded ? plain_reply(200, "reloaded") : plain_reply(500, reloaded.error().message());
}

Exporter::ActiveCollectors Exporter::collectors() const {
  const std::lock_guard lock(mutex_);
  return collectors_;
}

}  // namespace memory_exporter
