#include "daemon/serve.h"

#include <malloc.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "daemon/background.h"
#include "daemon/http/http_server.h"
#include "daemon/notify.h"
#include "daemon/process_setup.h"
#include "daemon/version.h"

namespace memory_exporter {
namespace {

/// SIGUSR1 is our own: the start has come to its end.
sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, number);
  return set;
}

int next_signal() {
  const auto set = awaited_signals();
  int number = 0;
  while (sigwait(&set, &number) != 0) {
  }
  return number;
}

/// Ends the process when an orderly stop takes too long: a read that hangs in the kernel cannot be
/// called back, and nothing is lost by leaving it. A timer, because a thread may not be had.
void leave_after(std::chrono::milliseconds patience) {
  std::signal(SIGALRM, [](int) { ::_exit(EXIT_SUCCESS); });
  itimerval timer{};
  timer.it_value.tv_sec = patience.count() / 1000;
  timer.it_value.tv_usec = patience.count() % 1000 * 1000;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

/// More threads than scrapes: as many slow readers can have their replies at the same time, and
/// some threads stay free for who comes next. A thread that has served costs 28 KiB.
unsigned threads_for(unsigned max_requests) {
  constexpr unsigned beside = 16;
  constexpr unsigned least = 40;
  return std::max(least, beside + (max_requests == 0 ? config::most_max_requests : max_requests));
}

/// The exporter and its server: started and reloaded by one thread, stopped by another.
class Service {
 public:
  Service(const config::Settings& settings, Exporter::Load load, const Privileges& privileges,
          Log& log)
      : settings_(settings), load_(std::move(load)), privileges_(privileges), log_(log) {}

  /// Returns when the exporter is ready. `reload`: what a POST to /-/reload has done.
  Status start(std::function<Status()> reload) {
    auto exporter = Exporter::make(settings_, log_, [this] { return load(); });
    if (!exporter) return exporter.error();
    (*exporter)->on_reload_request(std::move(reload));
    auto server = start_server(**exporter);
    if (!server) return server.error();
    (*exporter)->on_shortage([running = server->get()] { running->shed(); });
    for (const auto& address : (*server)->addresses()) {
      log_.info("listening", {{"address", address.text()}, {"version", std::string(version())}});
    }
    privileges_.say(log_);
    auto* started = exporter->get();
    {
      const std::lock_guard lock(mutex_);
      exporter_ = std::move(*exporter);
      server_ = std::move(*server);
    }
    return started->prepare();
  }

  /// What reading a large file took is given back to the kernel.
  Status reload() {
    auto outcome = exporter_->reload();
    ::malloc_trim(0);
    return outcome;
  }

  /// Answers what is under way and closes the sockets, where they are open by now. False when a
  /// read hangs in the kernel.
  bool stop() {
    const std::lock_guard lock(mutex_);
    const bool stopped = !exporter_ || exporter_->stop();
    server_.reset();
    return stopped;
  }

 private:
  /// For a reload: what needs a capability that was dropped is refused.
  Result<config::Settings> load() const {
    auto wanted = load_();
    if (!wanted) return wanted;
    if (const auto allowed = privileges_.allow(*wanted); !allowed) return allowed.error();
    return wanted;
  }

  Result<std::unique_ptr<HttpServer>> start_server(Exporter& exporter) {
    HttpServer::Limits limits;
    limits.threads = threads_for(settings_.max_requests);
    limits.reply_bytes = settings_.max_reply_bytes;
    return HttpServer::start(
        settings_.listen_addresses, limits,
        {[&exporter](const HttpRequest& request) { return exporter.handle(request); },
         [&exporter](int status) { exporter.count_refused(status); }},
        log_);
  }

  const config::Settings& settings_;
  const Exporter::Load load_;
  const Privileges& privileges_;
  Log& log_;
  std::mutex mutex_;  ///< over the time at which the two below come to be
  std::unique_ptr<Exporter> exporter_;
  std::unique_ptr<HttpServer> server_;
};

/// What came of the start, for the thread that waits for signals.
class Start {
 public:
  void ended(Status outcome) {
    if (outcome) notify_service_manager("READY=1");
    const std::lock_guard lock(mutex_);
    outcome_ = std::move(outcome);
    ::kill(::getpid(), SIGUSR1);
  }

  /// Nothing as long as it may succeed.
  std::optional<Error> failure() const {
    const std::lock_guard lock(mutex_);
    return outcome_ && !*outcome_ ? std::optional(outcome_->error()) : std::nullopt;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Status> outcome_;
};

/// Waits for the signal that ends the daemon, or for a start that fails.
Status run_until_stopped(Background& background, const Start& start, Log& log) {
  while (true) {
    const int number = next_signal();
    if (const auto failure = start.failure()) return *failure;
    if (number == SIGHUP) background.ask_for_reload();
    if (number != SIGTERM && number != SIGINT) continue;
    leave_after(std::chrono::milliseconds(1800));
    log.info("stopping", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
    notify_service_manager("STOPPING=1");
    return Done{};
  }
}

}  // namespace

void block_signals() {
  const auto set = awaited_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int serve(const config::Settings& settings, Exporter::Load load, const Privileges& privileges,
          Log& log) {
  Service service(settings, std::move(load), privileges, log);
  Start start;
  Background background(
      {.start = [&] { return service.start([&] { return background.reload(); }); },
       .started = [&](Status outcome) { start.ended(std::move(outcome)); },
       .reload = [&] { return service.reload(); }});
  const auto ended = run_until_stopped(background, start, log);
  const bool stopped = service.stop();
  const bool left = background.stop();
  log.drain(std::chrono::milliseconds(200));
  if (!ended) complain(ended.error().message());
  const int code = ended ? EXIT_SUCCESS : EXIT_FAILURE;
  // Whoever hangs uses what would be destroyed here.
  if (!stopped || !left) std::_Exit(code);
  return code;
}

}  // namespace memory_exporter
