#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "daemon/exporter.h"
#include "daemon/flags.h"
#include "daemon/http/http_server.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/version.h"

namespace memory_exporter {
namespace {

constexpr int fine = 0;
constexpr int failed = 1;
constexpr int misused = 2;

/// Every failure to start or run is one line, whatever is in its text.
int fail(int exit_code, const std::string& message) {
  std::string line = "memory_exporter: " + message;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  line += '\n';
  std::fputs(line.c_str(), stderr);
  return exit_code;
}

int print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return fine;
  }
  return fail(failed, "standard output: cannot be written to");
}

/// The signals that the main thread waits for. Blocked before the first thread starts, so that no
/// other thread ever sees one.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, number);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }

  int wait() const {
    int number = 0;
    while (sigwait(&set_, &number) != 0) {
    }
    return number;
  }

  /// The same, or 0 when none has come by then.
  int wait_for(std::chrono::nanoseconds patience) const {
    const std::timespec time{0, patience.count()};
    const int number = sigtimedwait(&set_, nullptr, &time);
    return std::max(number, 0);
  }

 private:
  sigset_t set_{};
};

/// Reloads that HTTP clients wait for. They are done on the main thread, as SIGHUP's are.
class ReloadQueue {
 public:
  /// Asks the main thread and waits for what comes of it.
  Status request() {
    std::future<Status> result;
    {
      const std::lock_guard lock(mutex_);
      waiting_.emplace_back();
      result = waiting_.back().get_future();
    }
    ::kill(::getpid(), SIGHUP);
    if (result.wait_for(std::chrono::seconds(1)) != std::future_status::ready) {
      return Error{ErrorKind::failed, "the exporter is busy starting or stopping", {}, 0};
    }
    return result.get();
  }

  /// Answers those who have asked by now with what `reload` comes to: who asks while it runs has
  /// changed the file since, and waits for the next.
  template <typename Reload>
  void answer(Reload&& reload) {
    std::vector<std::promise<Status>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting.swap(waiting_);
    }
    const Status status = reload();
    for (auto& promise : waiting) promise.set_value(status);
  }

 private:
  std::mutex mutex_;
  std::vector<std::promise<Status>> waiting_;
};

/// Ends the process when an orderly stop takes too long: a read that hangs in the kernel cannot be
/// called back, and nothing is lost by leaving it.
void leave_after(std::chrono::milliseconds patience) {
  std::thread([patience] {
    std::this_thread::sleep_for(patience);
    std::_Exit(fine);
  }).detach();
}

/// More threads than scrapes: as many slow readers can have their replies at the same time, and
/// some threads stay free for who comes next. A thread that has served costs 28 KiB.
unsigned threads_for(unsigned max_requests) {
  constexpr unsigned beside = 16;
  constexpr unsigned least = 40;
  return std::max(least, beside + (max_requests == 0 ? most_max_requests : max_requests));
}

int serve(const Options& options, Exporter& exporter, const Signals& signals, Log& log) {
  ReloadQueue reloads;
  exporter.on_reload_request([&] { return reloads.request(); });
  HttpServer::Limits limits;
  limits.threads = threads_for(options.max_requests);
  limits.reply_bytes = options.max_reply_bytes;
  auto server =
      HttpServer::start(options.listen_addresses, limits,
                        {[&](const HttpRequest& request) { return exporter.handle(request); },
                         [&](int status) { exporter.count_refused(status); }},
                        log);
  if (!server) return fail(failed, server.error().message());
  exporter.on_shortage([running = server->get()] { running->shed(); });
  for (const auto& address : (*server)->addresses()) {
    log.info("listening", {{"address", address.text()}, {"version", std::string(version())}});
  }
  // Not on this thread: a first look that hangs in the kernel must not keep a signal waiting.
  auto prepared = std::async(std::launch::async, [&] { return exporter.prepare(); });
  bool ready = false;
  while (true) {
    const int number = ready ? signals.wait() : signals.wait_for(std::chrono::milliseconds(5));
    if (!ready && prepared.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
      if (const auto outcome = prepared.get(); !outcome) {
        return fail(failed, outcome.error().message());
      }
      notify_service_manager("READY=1");
      ready = true;
    }
    if (number == SIGHUP) reloads.answer([&] { return exporter.reload(); });
    if (number == SIGTERM || number == SIGINT) {
      log.info("stopping", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
      break;
    }
  }
  notify_service_manager("STOPPING=1");
  leave_after(std::chrono::milliseconds(1800));
  const bool stopped = exporter.stop();
  server->reset();
  if (!stopped || !ready) std::_Exit(fine);
  return fine;
}

int run(int argc, char** argv) {
  auto options = parse_flags({argv + 1, argv + argc});
  if (!options) return fail(misused, options.error().message());
  if (options->help) return print(help_text());
  if (options->version) return print("memory_exporter " + std::string(version()) + '\n');
  auto settings = load_settings(*options);
  if (!settings) {
    return fail(misused, "--config.file: " + settings.error().message());
  }
  if (options->config_check) return print(options->config_file + ": good\n");

  Log log(options->log_format, options->log_level);
  std::optional<Signals> signals;
  if (!options->once) signals.emplace();
  auto exporter = Exporter::make(*options, *settings, log);
  if (!exporter) return fail(failed, exporter.error().message());
  return options->once ? print((*exporter)->once()) : serve(*options, **exporter, *signals, log);
}

}  // namespace
}  // namespace memory_exporter

int main(int argc, char** argv) {
  // One heap for all threads: the arenas that glibc would give to each of the server's threads keep
  // more memory than all they ever hold. And what is large goes back to the kernel when it is
  // freed: left to itself, glibc would keep a reply's worth of memory from one scrape to the next.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
  mallopt(M_TRIM_THRESHOLD, 128 * 1024);
  try {
    return memory_exporter::run(argc, argv);
  } catch (const std::exception& error) {
    return memory_exporter::fail(memory_exporter::failed, error.what());
  }
}
