#include "daemon/exporter.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "collectors/cgroup_namespace.h"
#include "collectors/procfs/cgroup.h"
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
bool is_part_of_a_capture(const config::Settings& settings, const std::string& path) {
  const auto folder = [](const std::string& tree) { return tree.substr(0, tree.rfind('/') + 1); };
  return settings.once && folder(settings.procfs) == folder(settings.sysfs) &&
         folder(path) == folder(settings.sysfs) &&
         (procfs::Tree::open(settings.procfs).ok() || procfs::Tree::open(settings.sysfs).ok());
}

/// A tree that was asked for must be there. One that was not is there on every ordinary machine,
/// but not in every container.
Result<procfs::Tree> open_tree(const config::Settings& settings, const std::string& flag,
                               const std::string& path, bool asked_for, Log& log) {
  auto tree = procfs::Tree::open(path);
  if (tree) return tree;
  const auto message = flag + ": " + tree.error().message();
  const bool missing = tree.error().kind == ErrorKind::vanished;
  if (!asked_for) return procfs::Tree::absent(path);
  if (missing && is_part_of_a_capture(settings, path)) {
    log.warn("a part of the capture is not there: what it tells is absent", {{"error", message}});
    return procfs::Tree::absent(path);
  }
  return Error{tree.error().kind, message, {}, 0};
}

Result<Trees> open_trees(const config::Settings& settings, Log& log) {
  const config::Settings usual;
  auto procfs = open_tree(settings, "--path.procfs", settings.procfs, true, log);
  if (!procfs) return procfs.error();
  auto sysfs =
      open_tree(settings, "--path.sysfs", settings.sysfs, settings.sysfs != usual.sysfs, log);
  if (!sysfs) return sysfs.error();
  auto rootfs =
      open_tree(settings, "--path.rootfs", settings.rootfs, settings.rootfs != usual.rootfs, log);
  if (!rootfs) return rootfs.error();
  return Trees{std::move(*procfs), std::move(*sysfs), std::move(*rootfs)};
}

procfs::Tree own_procfs() {
  auto tree = procfs::Tree::open("/proc");
  return tree ? std::move(*tree) : procfs::Tree::absent("/proc");
}

/// Process groups are to have the cgroups' names that the collector cgroup gives them.
process::MonitorOptions looks_of(const std::shared_ptr<const Trees>& trees,
                                 const std::shared_ptr<TaskRunner>& looks) {
  process::MonitorOptions options;
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
std::chrono::nanoseconds enough_time(const process::Settings& settings) {
  constexpr std::chrono::seconds for_the_rest{1};
  if (settings.pss_mode == process::PssMode::exact) return std::chrono::nanoseconds::max();
  return 2 * std::min(settings.pss_wait, longest_time) + for_the_rest;
}

SharedReplies::Options sharing(const config::Settings& settings) {
  constexpr std::chrono::milliseconds for_the_rest{500};
  return {settings.scrape_share, enough_time(settings.process),
          std::min(settings.process.pss_wait, longest_time) + for_the_rest};
}

}  // namespace

Result<std::unique_ptr<Exporter>> Exporter::make(const config::Settings& settings, Log& log,
                                                 Load load) {
  auto trees = open_trees(settings, log);
  if (!trees) return trees.error();
  return std::unique_ptr<Exporter>(new Exporter(settings, std::move(*trees), log, std::move(load)));
}

Exporter::Processes::Processes(Trees opened, const process::Settings& settings)
    : trees(std::make_shared<const Trees>(std::move(opened))),
      monitor_(trees->procfs, settings, &Clock::now, looks_of(trees, looks_)) {}

void Exporter::Processes::use(std::shared_ptr<const process::Settings> settings,
                              process::Extras extras) {
  const std::lock_guard lock(wishes_mutex_);
  settings_ = std::move(settings);
  extras_ = extras;
}

Result<SnapshotSource::Snapshot> Exporter::Processes::collect(
    SnapshotSource::Clock::time_point deadline) {
  const std::lock_guard lock(mutex_);
  auto [settings, extras] = [this] {
    const std::lock_guard wishes(wishes_mutex_);
    return std::pair(settings_, extras_);
  }();
  auto snapshot = monitor_.collect(deadline, extras, std::move(settings));
  if (!snapshot) return snapshot;
  const auto& counts = (*snapshot)->counts;
  const auto found = counts.measured + counts.pending + counts.denied + counts.stuck +
                     counts.unsupported + (*snapshot)->groups.size();
  if (trim_.due(found)) ::malloc_trim(0);
  return snapshot;
}

Exporter::Exporter(const config::Settings& settings, Trees trees, Log& log, Load load)
    : start_(settings),
      log_(log),
      load_(std::move(load)),
      processes_(std::make_shared<Processes>(std::move(trees), settings.process)),
      source_([processes = processes_](Clock::time_point deadline) {
        return processes->collect(deadline);
      }),
      collecting_{processes_->trees},
      self_(own_procfs(), &log_),
      warnings_(log, processes_->trees->procfs.path()),
      expositions_({sharing(settings), settings.max_requests, settings.max_reply_bytes},
                   [this](const Selection& selection, Clock::time_point deadline,
                          MetricSink& sink) { return scrape_into(selection, deadline, sink); }),
      router_(endpoints(), Hosts(settings.allowed_hosts)) {
  use(settings);
}

/// Swaps the settings, and tells all who go by them.
void Exporter::use(config::Settings settings) {
  // Who asks once wants all there is.
  if (settings.once && settings.process.pss_mode != process::PssMode::off) {
    settings.process.pss_mode = process::PssMode::exact;
  }
  const auto shared = std::make_shared<const config::Settings>(std::move(settings));
  auto collectors = make_collectors(*processes_->trees, *shared);
  const std::lock_guard lock(mutex_);
  processes_->use({shared, &shared->process}, extras_of(*collectors));
  source_.use({shared->scrape_share, enough_time(shared->process)});
  expositions_.use(sharing(*shared));
  in_force_ = {shared, std::move(collectors), in_force_.generation + 1};
}

Status Exporter::prepare() {
  const auto active = in_force().collectors;
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
  return Clock::now() + std::min<Clock::duration>(longest_first_look, start_.scrape_timeout);
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
  } else if (in_force().settings->process.pss_mode != process::PssMode::off && !self_.may_trace()) {
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
  const auto all = select(in_force().collectors, {}, {});
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
  auto settings = load_ ? load_() : Result<config::Settings>(start_);
  self_.configuration_loaded(settings.ok());
  if (!settings) {
    log_.error("configuration refused, the one before it stays in force",
               {{"error", settings.error().message()}});
    return settings.error();
  }
  use(std::move(*settings));
  log_.info("configuration read", {{"file", start_.config_file}});
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
      {start_.telemetry_path,
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
  const auto active = in_force();
  auto selection =
      select(active.collectors, request.parameter("collect[]"), request.parameter("exclude[]"));
  if (!selection) return plain_reply(400, selection.error().what);

  const auto media = exposition::negotiate_format(request.header("Accept"));
  const bool gzip = exposition::accepts_gzip(request.header("Accept-Encoding"));
  const auto timeout = timeout_from(request.header("X-Prometheus-Scrape-Timeout-Seconds"))
                           .value_or(start_.scrape_timeout);
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
  const auto active = in_force().collectors;
  for (const auto& entry : *active) page.collectors.push_back(entry.collector->name());
  const auto snapshot = source_.last();
  page.version = version();
  page.telemetry_path = start_.telemetry_path;
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
  if (!start_.enable_lifecycle || !reload_request_) {
    return plain_reply(403, "reloading over HTTP is off: start with --web.enable-lifecycle");
  }
  const auto reloaded = reload_request_();
  return reloaded ? plain_reply(200, "reloaded") : plain_reply(500, reloaded.error().message());
}

Exporter::InForce Exporter::in_force() const {
  const std::lock_guard lock(mutex_);
  return in_force_;
}

}  // namespace memory_exporter
