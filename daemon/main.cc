#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>

#include "collectors/base/printable.h"
#include "config/config_file.h"
#include "daemon/exporter.h"
#include "daemon/flags.h"
#include "daemon/log.h"
#include "daemon/privileges.h"
#include "daemon/process_setup.h"
#include "daemon/serve.h"
#include "daemon/version.h"

namespace memory_exporter {
namespace {

constexpr int fine = 0;
constexpr int failed = 1;
constexpr int misused = 2;

int fail(int exit_code, const std::string& message) {
  complain(message);
  return exit_code;
}

int print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return fine;
  }
  return fail(failed, "standard output: cannot be written to");
}

/// Names are data, and stay as they are where a program reads them. A terminal would do what they
/// say.
int print_once(const config::Settings& settings, Log& log) {
  auto exporter = Exporter::make(settings, log);
  if (!exporter) return fail(failed, exporter.error().message());
  const auto text = (*exporter)->once();
  return print(::isatty(STDOUT_FILENO) == 1 ? printable_lines(text) : text);
}

int run(int argc, char** argv) {
  const auto flags = parse_flags({argv + 1, argv + argc});
  if (!flags) return fail(misused, flags.error().message());
  const auto asked = config::settings_from({}, *flags);
  if (asked->help) return print(help_text());
  if (asked->version) return print("memory_exporter " + std::string(version()) + '\n');
  const auto settings = config::load_settings(*flags);
  if (!settings) return fail(misused, "--config.file: " + settings.error().message());
  if (settings->config_check) return print(settings->config_file + ": good\n");

  // Before the log's thread: no thread but this one may ever see the signals, and none may have
  // more capabilities.
  if (!settings->once) block_signals();
  const auto privileges = Privileges::keep_needed(*settings);
  Log log(settings->log_format, settings->log_level);
  if (settings->once) {
    privileges.warn(log);
    return print_once(*settings, log);
  }
  return serve(
      *settings, [&flags] { return config::load_settings(*flags); }, privileges, log);
}

}  // namespace
}  // namespace memory_exporter

int main(int argc, char** argv) {
  memory_exporter::set_up_process();
  try {
    return memory_exporter::run(argc, argv);
  } catch (const std::exception& error) {
    return memory_exporter::fail(memory_exporter::failed, memory_exporter::reason(error));
  }
}
