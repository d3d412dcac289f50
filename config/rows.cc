#include "config/rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <type_traits>
#include <utility>

#include "collectors/base/printable.h"
#include "collectors/base/text.h"
#include "config/duration.h"
#include "config/values.h"

namespace memory_exporter::config {
namespace {

constexpr std::string_view general = "General";
constexpr std::string_view web = "Web";
constexpr std::string_view paths = "Paths";
constexpr std::string_view collectors = "Collectors";
constexpr std::string_view pss = "PSS sampling";
constexpr std::string_view logging = "Logging";

/// The words that a setting takes, in the order of its error.
template <typename T, std::size_t n>
struct Words {
  std::string_view kind;  ///< "not a mode"
  std::array<std::pair<std::string_view, T>, n> all;
};

using process::PssMode;
using process::PssTier;
constexpr Words<PssMode, 3> modes = {
    "not a mode",
    {{{"budgeted", PssMode::budgeted}, {"exact", PssMode::exact}, {"off", PssMode::off}}}};
constexpr Words<PssTier, 2> tiers = {
    "not a tier", {{{"pagemap", PssTier::pagemap}, {"rollup", PssTier::rollup}}}};
constexpr Words<LogLevel, 4> levels = {"no level",
                                       {{{"debug", LogLevel::debug},
                                         {"info", LogLevel::info},
                                         {"warn", LogLevel::warn},
                                         {"error", LogLevel::error}}}};
constexpr Words<LogFormat, 2> formats = {
    "no format", {{{"logfmt", LogFormat::logfmt}, {"json", LogFormat::json}}}};

template <const auto& words>
auto read_word(std::string_view text) -> Result<std::decay_t<decltype(words.all[0].second)>> {
  std::vector<std::string_view> known;
  for (const auto& [word, value] : words.all) {
    if (word == text) return value;
    known.push_back(word);
  }
  return malformed(in_quotes(text) + " is " + std::string(words.kind) + ": write " +
                   enumerated(known, "or"));
}

template <const auto& words>
std::string word_text(std::decay_t<decltype(words.all[0].second)> value) {
  const auto at = std::find_if(words.all.begin(), words.all.end(),
                               [&](const auto& word) { return word.second == value; });
  return std::string(at->first);
}

template <std::size_t least, std::size_t most>
Result<std::size_t> read_number(std::string_view text) {
  const auto number = to_number<std::size_t>(text);
  if (number && *number >= least && *number <= most) return *number;
  return not_accepted(text,
                      "a number from " + std::to_string(least) + " to " + std::to_string(most));
}

/// The same from 0, which means something of its own.
template <std::size_t most, const auto& meaning>
Result<std::size_t> read_number_or_0(std::string_view text) {
  if (auto number = read_number<0, most>(text)) return number;
  return not_accepted(text,
                      "a number from 0 (" + std::string(meaning) + ") to " + std::to_string(most));
}

std::string number_text(std::size_t number) {
  return std::to_string(number);
}

std::string ratio_text(double ratio) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), ratio).ptr;
  return std::string(digits.data(), end);
}

/// A row whose value is one field of the settings, at the end of a path of members.
template <auto read, auto write, auto... path>
Row field(Row row) {
  row.takes_list = std::is_invocable_v<decltype(read), const Node&>;
  row.set = [](Settings& settings, const Node& value) -> Status {
    auto& target = (settings.*....*path);
    const auto given = [&] {
      if constexpr (std::is_invocable_v<decltype(read), const Node&>)
        return read(value);
      else
        return read(value.text);
    }();
    if (!given) return given.error();
    target = static_cast<std::decay_t<decltype(target)>>(*given);
    return Done{};
  };
  row.text = [](const Settings& settings) { return write((settings.*....*path)); };
  return row;
}

template <bool Settings::*at>
Row flag_alone(std::string_view group, std::string flag, std::string help) {
  return field<read_switch, switch_text, at>({group, std::move(flag), "", "", std::move(help)});
}

/// `--collector.NAME` with its key, and `--no-collector.NAME`.
Row collector_switch(const CollectorEntry& entry, bool on) {
  const std::string name(entry.name);
  Row row{collectors, (on ? "--collector." : "--no-collector.") + name,
          on ? "collectors." + name : "", "",
          on ? std::string(entry.summary) : "do not collect " + name};
  if (on == entry.on_by_default) row.help += " (default)";
  row.set = [name, on](Settings& settings, const Node& value) -> Status {
    const auto given = read_switch(value.text);
    if (!given) return given.error();
    settings.switches.on[name] = *given == on;
    return Done{};
  };
  row.text = [&entry, on](const Settings& settings) {
    return switch_text(settings.switches.is_on(entry) == on);
  };
  return row;
}

constexpr std::string_view no_limit = "no limit of its own";
constexpr std::string_view root_alone = "the root alone";

std::vector<Row> make_rows() {
  using S = Settings;
  using P = process::Settings;
  using C = CollectorSettings;
  constexpr auto to_process = &S::process;
  constexpr auto to_collectors = &S::collectors;
  constexpr auto to_cgroup = &C::cgroup;
  std::vector<Row> all = {
      flag_alone<&S::help>(general, "--help", "print this and end"),
      flag_alone<&S::version>(general, "--version", "print the version and end"),
      flag_alone<&S::once>(
          general, "--once",
          "print the metrics once, every process's PSS measured and no deadline, and end"),
      field<read_path, plain_text, &S::config_file>(
          {general, "--config.file", "", "PATH",
           "read this configuration file (YAML); what flags set as well is the flags'"}),
      flag_alone<&S::config_check>(general, "--config.check",
                                   "check the configuration file and end"),

      field<read_listen_addresses, listen_addresses_text, &S::listen_addresses>(
          {web, "--web.listen-address", "", "ADDRESS",
           "IPv4 address and port to serve on, or :PORT for every address; may be repeated"}),
      field<read_telemetry_path, plain_text, &S::telemetry_path>(
          {web, "--web.telemetry-path", "", "PATH", "where the metrics are"}),
      flag_alone<&S::enable_lifecycle>(web, "--web.enable-lifecycle",
                                       "let POST /-/reload read the configuration file again"),
      field<read_number_or_0<most_max_requests, no_limit>, number_text, &S::max_requests>(
          {web, "--web.max-requests", "", "NUMBER",
           "scrapes made at the same time; a further one gets 503, but for those that share one; "
           "0: no limit"}),
      field<read_reply_bytes, size_text, &S::max_reply_bytes>(
          {web, "--web.max-reply-bytes", "", "SIZE",
           "bytes of all replies that are made and sent at the same time, each counted once "
           "however many it is sent to; a scrape for which there is no room gets 503"}),
      field<read_hosts, hosts_text, &S::allowed_hosts>(
          {web, "--web.allowed-hosts", "", "NAME",
           "further names by which browsers may ask for / and for a reload, with commas between "
           "them; addresses, localhost and the host name always may; .NAME: every name below it; "
           "*: any; may be repeated"}),
      field<read_share, duration_text, &S::scrape_share>(
          {web, "--scrape.share", "", "DURATION",
           "a scrape that comes so soon after a collection has ended gets what it brought; 0: each "
           "collects for itself"}),
      field<positive_duration_setting, duration_text, &S::scrape_timeout>(
          {web, "--scrape.timeout", "", "DURATION",
           "time for a scrape whose request does not bring its own timeout"}),

      field<read_path, plain_text, &S::procfs>(
          {paths, "--path.procfs", "", "PATH", "where procfs is mounted"}),
      field<read_path, plain_text, &S::sysfs>(
          {paths, "--path.sysfs", "", "PATH", "where sysfs is mounted"}),
      field<read_path, plain_text, &S::rootfs>(
          {paths, "--path.rootfs", "", "PATH", "the machine's root directory"}),

      field<read_group_by, group_by_text, to_process, &P::group_by>(
          {"", "", "group_by", "a list of dimensions, as [name, cgroup]"}),
      field<read_number<1, process::most_max_groups>, number_text, to_process, &P::max_groups>(
          {"", "", "max_groups", "NUMBER"}),

      field<read_switch, switch_text, &S::switches, &CollectorSwitches::disable_defaults>(
          {collectors, "--collector.disable-defaults", "", "",
           "collect nothing but what a flag or the configuration file turns on"}),
  };
  for (const auto& entry : collector_table()) {
    all.push_back(collector_switch(entry, true));
    all.push_back(collector_switch(entry, false));
  }
  const std::vector<Row> rest = {
      field<read_pattern, pattern_text, to_collectors, &C::vmstat_fields>(
          {collectors, "--collector.vmstat.fields", "collectors.vmstat.fields", "REGEX",
           "further fields of /proc/vmstat to report: those that the expression matches anywhere"}),
      field<read_number_or_0<100, root_alone>, number_text, to_collectors, to_cgroup,
            &CgroupSettings::depth>({collectors, "--collector.cgroup.depth",
                                     "collectors.cgroup.depth", "NUMBER",
                                     "how many levels of cgroups below the root to report"}),
      field<read_number<1, 100'000>, number_text, to_collectors, to_cgroup, &CgroupSettings::max>(
          {collectors, "--collector.cgroup.max", "collectors.cgroup.max", "NUMBER",
           "how many cgroups to report at most; the deepest are left out"}),
      field<read_pattern, pattern_text, to_collectors, to_cgroup, &CgroupSettings::include>(
          {collectors, "--collector.cgroup.include", "collectors.cgroup.include", "REGEX",
           "report only cgroups whose path (/system.slice/web.service) this matches"}),
      field<read_pattern, pattern_text, to_collectors, to_cgroup, &CgroupSettings::exclude>(
          {collectors, "--collector.cgroup.exclude", "collectors.cgroup.exclude", "REGEX",
           "do not report cgroups whose path this matches"}),

      field<read_word<modes>, word_text<modes>, to_process, &P::pss_mode>(
          {pss, "--pss.mode", "pss.mode", "budgeted|exact|off",
           "how PSS is sampled: what changed, under the budgets; every process in every scrape; or "
           "not"}),
      field<duration_setting, duration_text, to_process, &P::pss_wait>(
          {pss, "--pss.wait", "pss.wait", "DURATION", "how long a scrape waits for PSS samples"}),
      field<positive_duration_setting, duration_text, to_process, &P::pss_max_age>(
          {pss, "--pss.max-age", "pss.max_age", "DURATION",
           "a sample older than this is taken again"}),
      field<positive_duration_setting, duration_text, to_process, &P::pss_mappings_max_age>(
          {pss, "--pss.mappings-max-age", "pss.mappings_max_age", "DURATION",
           "what collector mappings knows of a process is read again when it is older than this"}),
      field<ratio_setting, ratio_text, to_process, &P::pss_cpu_budget>(
          {pss, "--pss.cpu-budget", "pss.cpu_budget", "RATIO",
           "CPU for reads of processes, as a share of one core"}),
      field<positive_duration_setting, duration_text, to_process, &P::pss_burst>(
          {pss, "--pss.burst", "pss.burst", "DURATION",
           "CPU time that PSS sampling may save up and spend at once"}),
      field<ratio_setting, ratio_text, to_process, &P::pss_stall_budget>(
          {pss, "--pss.stall-budget", "pss.stall_budget", "RATIO",
           "share of time in which one process may be held up by reads of its memory"}),
      field<positive_duration_setting, duration_text, to_process, &P::pss_stall_limit>(
          {pss, "--pss.stall-limit", "pss.stall_limit", "DURATION",
           "a process whose sample would hold it up for longer is read in small parts, where "
           "root's privileges allow it, and not waited for"}),
      field<read_word<tiers>, word_text<tiers>, to_process, &P::pss_tier>(
          {pss, "--pss.tier", "pss.tier", "pagemap|rollup",
           "how such a process is read: pagemap, in small parts, for which CAP_SYS_ADMIN is kept "
           "where it is there; or rollup, in one go and less often, without it"}),

      field<read_word<levels>, word_text<levels>, &S::log_level>(
          {logging, "--log.level", "", "debug|info|warn|error",
           "what is worth a line on standard error"}),
      field<read_word<formats>, word_text<formats>, &S::log_format>(
          {logging, "--log.format", "", "logfmt|json", "how it is written"}),
  };
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

/// A value of another kind than the row takes.
Status check_kind(const Row& row, const Node& value) {
  if (row.takes_list) {
    if (value.kind == Node::Kind::list && !value.items.empty()) return Done{};
    return malformed("must be " + row.placeholder);
  }
  if (value.kind == Node::Kind::scalar) return Done{};
  const auto as = row.placeholder.empty() ? "true or false" : row.placeholder;
  if (value.kind == Node::Kind::empty) return malformed("has no value, must have one: " + as);
  return malformed("is " + std::string(name_of(value.kind)) + ", must be a single value: " + as);
}

}  // namespace

bool CollectorSwitches::is_on(const CollectorEntry& entry) const {
  const auto chosen = on.find(entry.name);
  if (chosen != on.end()) return chosen->second;
  return entry.on_by_default && !disable_defaults;
}

std::span<const Row> rows() {
  static const auto all = make_rows();
  return all;
}

std::string default_of(const Row& row) {
  return row.placeholder.empty() ? "" : row.text(Settings{});
}

Status assign(const Assignment& assignment, Settings& settings) {
  const auto& [row, value] = assignment;
  auto done = check_kind(*row, value);
  if (done) done = row->set(settings, value);
  if (done) return done;
  auto error = done.error();
  if (error.line == 0) {
    error.line = value.place.line;
    error.column = value.place.column;
  }
  const bool of_file = value.place.line != 0 || row->flag.empty();
  error.what.insert(0, (of_file ? row->key : row->flag) + ": ");
  return error;
}

Result<Settings> settings_from(const Assignments& file, const Assignments& flags) {
  Settings settings;
  for (const auto* source : {&file, &flags}) {
    for (const auto& assignment : *source) {
      if (const auto done = assign(assignment, settings); !done) return done.error();
    }
  }
  return settings;
}

Node scalar(std::string text) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  return node;
}

std::string enumerated(std::span<const std::string_view> words, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? ' ' + std::string(last) + ' ' : std::string(", ");
    text += words[i];
  }
  return text;
}

std::string_view name_of(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::block:
      return "a block of keys";
    case Node::Kind::empty:
      break;
  }
  return "empty";
}

}  // namespace memory_exporter::config
