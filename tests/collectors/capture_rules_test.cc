// What must be true of every capture, whatever a human once took for right: each value is held
// against a reader of its own, which knows nothing of the parsers. It takes lines apart with
// streams, and finds the file and the field that a family says it is made of in the family's HELP.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/collectors/capture.h"

namespace memory_exporter {
namespace {

namespace fs = std::filesystem;
using Labels = std::map<std::string, std::string>;

struct Sample {
  std::string name;
  Labels labels;
  Value value;
  std::string help;

  double number() const {
    return std::visit([](auto v) { return static_cast<double>(v); }, value.content());
  }
  std::string label(const std::string& which) const {
    const auto found = labels.find(which);
    return found == labels.end() ? std::string() : found->second;
  }
};

class SampleSink final : public MetricSink {
 public:
  using MetricSink::sample;
  void family(const Family& family) override { family_ = family; }
  void sample(std::span<const Label> labels, Value value) override {
    Sample sample{std::string(family_.name), {}, value, std::string(family_.help)};
    for (const auto& [name, text] : labels) sample.labels[std::string(name)] = std::string(text);
    samples.push_back(std::move(sample));
  }
  std::vector<Sample> samples;

 private:
  Family family_;
};

/// One process, read with streams. Amounts are in kB, by the kernel's field.
struct SimpleProcess {
  using Fields = std::map<std::string, double>;

  std::vector<std::string> stat;  ///< what follows the comm: state first
  std::string comm;
  Fields status, sample;
  std::string cgroup;
  std::optional<double> oom_score;
  std::size_t mappings = 0;
  std::map<std::string, std::string> soft_limits;

  bool is_kernel_thread() const { return (std::stoul(stat[6]) & 0x200000) != 0; }
  bool is_zombie() const { return stat[0] == "Z"; }
  bool counts() const { return !is_kernel_thread() && !is_zombie(); }
};

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// "Key:   12 kB", each key's sum: a smaps has it once a mapping.
SimpleProcess::Fields kib_fields(const std::string& text) {
  SimpleProcess::Fields fields;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || line.find(' ') < colon) continue;
    std::istringstream value(line.substr(colon + 1));
    double kib = 0;
    std::string unit;
    if (value >> kib >> unit && unit == "kB") fields[line.substr(0, colon)] += kib;
  }
  return fields;
}

std::string path_of_memory_cgroup(const std::string& text) {
  std::istringstream lines(text);
  std::string unified;
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    const auto controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    if (controllers.find(",memory,") != std::string::npos) return line.substr(second + 1);
    if (controllers == ",,") unified = line.substr(second + 1);
  }
  return unified;
}

SimpleProcess read_process(const fs::path& folder) {
  SimpleProcess process;
  const auto text = slurp(folder / "stat");
  const auto open = text.find('('), close = text.rfind(')');
  process.comm = text.substr(open + 1, close - open - 1);
  std::istringstream rest(text.substr(close + 1));
  for (std::string word; rest >> word;) process.stat.push_back(word);
  process.status = kib_fields(slurp(folder / "status"));
  process.cgroup = path_of_memory_cgroup(slurp(folder / "cgroup"));
  auto sample = slurp(folder / "smaps_rollup");
  if (sample.empty()) sample = slurp(folder / "smaps");
  process.sample = kib_fields(sample);
  if (const auto score = slurp(folder / "oom_score"); !score.empty()) {
    process.oom_score = std::stod(score);
  }
  std::istringstream maps(slurp(folder / "maps"));
  for (std::string line; std::getline(maps, line);) {
    if (!line.ends_with("[vsyscall]") && !line.ends_with("[vectors]")) ++process.mappings;
  }
  std::istringstream limits(slurp(folder / "limits"));
  for (std::string line; std::getline(limits, line);) {
    process.soft_limits[line.substr(0, line.find("  "))] = line.substr(26, line.find(' ', 26) - 26);
  }
  return process;
}

class CaptureRules : public testing::TestWithParam<Capture> {
 protected:
  void SetUp() override {
    write_capture(GetParam(), tree_);
    const Unprivileged unprivileged;
    const auto snapshot = processes_of(tree_);
    for (const auto& entry : collector_table()) {
      SampleSink sink;
      SharedMeminfo meminfo(tree_.trees().procfs);
      ReadErrors errors;
      Collection collection{*snapshot, sink, meminfo, errors};
      entry.make(tree_.trees(), options_for_captures())->collect(collection);
      samples_.insert(samples_.end(), sink.samples.begin(), sink.samples.end());
    }
    for (const auto& folder : fs::directory_iterator(tree_.path("proc"))) {
      const auto name = folder.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const auto process = read_process(folder.path());
      if (process.counts()) groups_[{process.comm, process.cgroup}].push_back(process);
    }
  }

  using Group = std::pair<std::string, std::string>;
  static Group group_of(const Sample& sample) {
    return {sample.label("name"), sample.label("cgroup")};
  }

  /// The samples of one family, by group and the label that they have besides.
  std::map<std::pair<Group, std::string>, double> by_group(const std::string& name) const {
    std::map<std::pair<Group, std::string>, double> found;
    for (const auto& sample : samples_) {
      if (sample.name != name) continue;
      std::string other;
      for (const auto& [label, text] : sample.labels) {
        if (label != "name" && label != "cgroup") other = text;
      }
      found[{group_of(sample), other}] = sample.number();
    }
    return found;
  }

  /// What a sum over a group's processes must be; nothing where no process has one.
  using Figure = std::optional<double> (*)(const SimpleProcess&);
  enum class Over { known, complete };

  void expect_sums(const std::string& name, const std::string& other, Figure figure,
                   Over over = Over::known, double error_kib = 0) const {
    auto found = by_group(name);
    for (const auto& [group, processes] : groups_) {
      std::optional<double> sum;
      bool complete = true;
      for (const auto& process : processes) {
        const auto part = figure(process);
        complete = complete && part;
        if (part) sum = sum.value_or(0) + *part;
      }
      if (over == Over::complete && !complete) sum.reset();
      const auto at = found.find({group, other});
      const auto message = name + ' ' + group.first + ' ' + group.second + ' ' + other;
      EXPECT_EQ(at != found.end(), sum.has_value()) << message;
      if (at != found.end() && sum) {
        EXPECT_NEAR(at->second, *sum * 1024, error_kib * 1024) << message;
      }
    }
  }

  const Sample* find(const std::string& name, const Labels& labels = {}) const {
    for (const auto& sample : samples_) {
      if (sample.name == name && sample.labels == labels) return &sample;
    }
    return nullptr;
  }

  FixtureTree tree_;
  std::vector<Sample> samples_;
  std::map<Group, std::vector<SimpleProcess>> groups_;
};

std::optional<double> field(const SimpleProcess::Fields& fields, const char* key) {
  const auto found = fields.find(key);
  if (found == fields.end()) return std::nullopt;
  return found->second;
}

template <const char* key>
std::optional<double> of_status(const SimpleProcess& process) {
  return field(process.status, key);
}

TEST_P(CaptureRules, NoSeriesIsThereTwiceAndNoValueIsNoNumber) {
  std::set<std::pair<std::string, Labels>> seen;
  for (const auto& sample : samples_) {
    EXPECT_TRUE(seen.emplace(sample.name, sample.labels).second) << sample.name;
    EXPECT_FALSE(std::isnan(sample.number())) << sample.name;
    const bool may_be_negative = sample.name == "memory_balance_bytes" ||
                                 sample.name == "memory_ksm_general_profit_bytes" ||
                                 sample.name == "memory_swap_device_priority";
    EXPECT_TRUE(may_be_negative || sample.number() >= 0) << sample.name;
    // No amount of memory is more than 2^56 bytes, and no address space more than 2^62.
    if (sample.name.ends_with("_bytes")) {
      EXPECT_LT(std::abs(sample.number()), 4.7e18) << sample.name;
    }
  }
}

/// The file's field that a HELP names: "...; /proc/meminfo MemTotal." Nothing where the file is not
/// named, or more than once.
std::string only_field(const std::string& help, const std::string& file) {
  const auto at = help.rfind(file + ' ');
  if (at == std::string::npos || help.find(file) != at) return {};
  const auto rest = help.substr(at + file.size() + 1);
  return rest.substr(0, rest.find_first_of(" ,;."));
}

TEST_P(CaptureRules, EveryAmountOfMeminfoIsThatOfTheFieldItNamesAndNoneIsMissing) {
  const auto fields = kib_fields(slurp(tree_.path("proc/meminfo")));
  std::set<std::string> told;
  std::size_t held = 0;
  for (const auto& sample : samples_) {
    if (!sample.name.starts_with("memory_meminfo_") && !sample.name.starts_with("memory_overcom")) {
      continue;
    }
    auto key = only_field(sample.help, "/proc/meminfo");
    if (sample.name == "memory_meminfo_other_bytes") key = sample.label("field");
    if (sample.name == "memory_meminfo_direct_map_bytes") key = "DirectMap" + sample.label("size");
    if (key.empty() || key.starts_with("HugePages_")) continue;
    const auto kib = field(fields, key.c_str());
    ASSERT_TRUE(kib) << sample.name << " of " << key << ", which is not there";
    EXPECT_EQ(sample.number(), *kib * 1024) << sample.name;
    told.insert(key);
    ++held;
  }
  EXPECT_GE(held, 15u);
  for (const auto& [key, kib] : fields) EXPECT_TRUE(told.contains(key)) << key;
}

TEST_P(CaptureRules, EveryEventOfVmstatIsThatOfTheFieldItNamesOrASumOverZones) {
  std::map<std::string, double> fields;
  if (GetParam().name != std::string("android")) {
    std::istringstream lines(slurp(tree_.path("proc/vmstat")));
    std::string name;
    for (double value = 0; lines >> name >> value;) fields[name] = value;
  }
  const std::map<std::string, std::string> former = {{"thp_split_page", "thp_split"},
                                                     {"pgsteal_kswapd", "kswapd_steal"}};
  for (const auto& sample : samples_) {
    if (!sample.name.starts_with("memory_vmstat_")) continue;
    auto key = sample.name.substr(std::string("memory_vmstat_").size());
    if (key.ends_with("_total")) key.resize(key.size() - 6);
    if (key == "other") key = sample.label("field");
    auto expected = field(fields, key.c_str());
    if (!expected && former.contains(key)) expected = field(fields, former.at(key).c_str());
    if (!expected) {
      for (const char* zone : {"_dma", "_dma32", "_normal", "_high", "_movable", "_device"}) {
        if (const auto part = field(fields, (key + zone).c_str())) {
          expected = expected.value_or(0) + *part;
        }
      }
    }
    ASSERT_TRUE(expected) << sample.name << " is in no field";
    EXPECT_EQ(sample.number(), *expected) << sample.name;
  }
}

/// What is not read with a rule of its own has its number, in some unit, in some file at least.
TEST_P(CaptureRules, EveryOtherNumberStandsInAFile) {
  std::set<double> numbers;
  for (const auto& file : fs::recursive_directory_iterator(tree_.path(""))) {
    if (!file.is_regular_file()) continue;
    const auto text = slurp(file.path());
    for (std::size_t at = 0; at < text.size();) {
      const auto digit = text.find_first_of("0123456789", at);
      if (digit == std::string::npos) break;
      at = std::min(text.find_first_not_of("0123456789.", digit), text.size());
      numbers.insert(std::stod(text.substr(digit, at - digit)));
    }
  }
  const auto is_there = [&](double value) {
    for (const double unit : {1.0, 1024.0, 0.01, 0.001, 1e-6}) {
      const auto nearest = numbers.lower_bound(value / unit * (1 - 1e-12));
      if (nearest != numbers.end() && std::abs(*nearest * unit - value) <= 1e-9 * value)
        return true;
    }
    return std::isinf(value);
  };
  for (const auto& sample : samples_) {
    if (sample.name.starts_with("memory_group_") || sample.name.starts_with("memory_balance") ||
        sample.name.starts_with("memory_vmstat_") ||
        sample.help.find("in force") != std::string::npos || sample.help.starts_with("1 for") ||
        sample.help.starts_with("Setting: 1")) {
      continue;
    }
    EXPECT_TRUE(is_there(std::abs(sample.number()))) << sample.name << ' ' << sample.number();
  }
}

#define KEY(NAME, TEXT) constexpr char NAME[] = TEXT
KEY(vm_size, "VmSize");
KEY(vm_swap, "VmSwap");
KEY(vm_lck, "VmLck");
KEY(vm_pin, "VmPin");
KEY(vm_data, "VmData");
KEY(vm_stk, "VmStk");
KEY(vm_exe, "VmExe");
KEY(vm_lib, "VmLib");
KEY(rss_anon, "RssAnon");
KEY(rss_file, "RssFile");
KEY(rss_shmem, "RssShmem");
#undef KEY

TEST_P(CaptureRules, SumsOfGroupsAreThoseOfTheirProcesses) {
  expect_sums("memory_group_processes", "",
              [](const SimpleProcess&) -> std::optional<double> { return 1.0 / 1024; });
  expect_sums("memory_group_threads", "", [](const SimpleProcess& p) -> std::optional<double> {
    return std::stod(p.stat[17]) / 1024;
  });
  expect_sums("memory_group_virtual_bytes", "", of_status<vm_size>);
  expect_sums("memory_group_swap_bytes", "", of_status<vm_swap>);
  expect_sums("memory_group_locked_bytes", "", of_status<vm_lck>);
  expect_sums("memory_group_pinned_bytes", "", of_status<vm_pin>);
  expect_sums("memory_group_segment_bytes", "data", of_status<vm_data>);
  expect_sums("memory_group_segment_bytes", "stack", of_status<vm_stk>);
  expect_sums("memory_group_segment_bytes", "text", of_status<vm_exe>);
  expect_sums("memory_group_segment_bytes", "lib", of_status<vm_lib>);
  expect_sums("memory_group_resident_bytes", "anon", of_status<rss_anon>);
  expect_sums("memory_group_resident_bytes", "file", of_status<rss_file>);
  expect_sums("memory_group_resident_bytes", "shmem", of_status<rss_shmem>);
  // Without the split, and there alone, the whole is one of its kinds.
  expect_sums("memory_group_resident_bytes", "all", [](const SimpleProcess& p) {
    return field(p.status, rss_anon) ? std::optional<double>() : field(p.status, "VmRSS");
  });
  expect_sums("memory_group_page_tables_bytes", "", [](const SimpleProcess& p) {
    auto kib = field(p.status, "VmPTE");
    if (kib) *kib += field(p.status, "VmPMD").value_or(0);
    return kib;
  });
  expect_sums(
      "memory_group_page_faults_total", "minor",
      [](const SimpleProcess& p) -> std::optional<double> { return std::stod(p.stat[7]) / 1024; });
  expect_sums(
      "memory_group_page_faults_total", "major",
      [](const SimpleProcess& p) -> std::optional<double> { return std::stod(p.stat[9]) / 1024; });
}

/// smaps is refused of what belongs to others.
bool all_are_measured(const Capture& capture) {
  return capture.name != std::string("android");
}

TEST_P(CaptureRules, SumsOfSamplesAreThoseOfRollupsOrOfMappings) {
  if (!all_are_measured(GetParam())) GTEST_SKIP() << "what is measured is another test's";
  const auto complete = Over::complete;
  expect_sums("memory_group_uss_bytes", "", [](const SimpleProcess& p) {
    auto kib = field(p.sample, "Private_Clean");
    if (kib) *kib += field(p.sample, "Private_Dirty").value_or(0);
    return kib;
  });
  expect_sums(
      "memory_group_pss_bytes", "anon",
      [](const SimpleProcess& p) { return field(p.sample, "Pss_Anon"); }, complete);
  expect_sums(
      "memory_group_pss_bytes", "file",
      [](const SimpleProcess& p) { return field(p.sample, "Pss_File"); }, complete);
  expect_sums(
      "memory_group_pss_bytes", "shmem",
      [](const SimpleProcess& p) { return field(p.sample, "Pss_Shmem"); }, complete);
  expect_sums(
      "memory_group_pss_bytes", "all",
      [](const SimpleProcess& p) {
        return field(p.sample, "Pss_Anon") ? std::optional<double>() : field(p.sample, "Pss");
      },
      complete);
  const std::pair<const char*, Figure> sampled[] = {
      {"memory_group_swap_pss_bytes",
       [](const SimpleProcess& p) { return field(p.sample, "SwapPss"); }},
      {"memory_group_referenced_bytes",
       [](const SimpleProcess& p) { return field(p.sample, "Referenced"); }},
      {"memory_group_anonymous_bytes",
       [](const SimpleProcess& p) { return field(p.sample, "Anonymous"); }},
      {"memory_group_lazyfree_bytes",
       [](const SimpleProcess& p) { return field(p.sample, "LazyFree"); }},
      {"memory_group_pss_dirty_bytes",
       [](const SimpleProcess& p) { return field(p.sample, "Pss_Dirty"); }},
      {"memory_group_anon_huge_bytes",
       [](const SimpleProcess& p) { return field(p.sample, "AnonHugePages"); }},
      {"memory_group_ksm_bytes", [](const SimpleProcess& p) { return field(p.sample, "KSM"); }}};
  for (const auto& [name, figure] : sampled) expect_sums(name, "", figure, complete);
  expect_sums(
      "memory_group_hugetlb_bytes", "private",
      [](const SimpleProcess& p) { return field(p.sample, "Private_Hugetlb"); }, complete);
  expect_sums("memory_group_swap_shmem_bytes", "",
              [](const SimpleProcess& p) -> std::optional<double> {
                const auto all = field(p.sample, "Swap"), anon = field(p.status, vm_swap);
                if (!all || !anon) return std::nullopt;
                return std::max(*all - *anon, 0.0);
              });
}

TEST_P(CaptureRules, PeaksStartsAndScoresAreThoseOfOneProcess) {
  const auto peaks = by_group("memory_group_resident_peak_bytes");
  const auto scores = by_group("memory_group_oom_score");
  const auto starts = by_group("memory_group_oldest_start_time_seconds");
  const bool has_boot_time = fs::exists(tree_.path("proc/stat")) && all_are_measured(GetParam());
  for (const auto& [group, processes] : groups_) {
    std::optional<double> peak, score;
    double start = INFINITY;
    for (const auto& p : processes) {
      if (const auto hwm = field(p.status, "VmHWM")) peak = std::max(peak.value_or(0), *hwm);
      if (p.oom_score) score = std::max(score.value_or(0), *p.oom_score);
      start = std::min(start, std::stod(p.stat[19]));
    }
    const std::pair<Group, std::string> key{group, ""};
    EXPECT_EQ(peaks.contains(key), peak.has_value()) << group.first;
    if (peak && peaks.contains(key)) {
      EXPECT_EQ(peaks.at(key), *peak * 1024);
    }
    EXPECT_EQ(scores.contains(key), score.has_value()) << group.first;
    if (score && scores.contains(key)) {
      EXPECT_EQ(scores.at(key), *score);
    }
    ASSERT_EQ(starts.contains(key), has_boot_time) << group.first;
    if (has_boot_time) {
      EXPECT_DOUBLE_EQ(starts.at(key), 1700000000 + start / 100);
    }
  }
}

TEST_P(CaptureRules, MappingsAreTheLinesOfMapsAndRegionsAddUpToTheWhole) {
  if (!all_are_measured(GetParam())) GTEST_SKIP() << "what is measured is another test's";
  const auto mappings = by_group("memory_group_mappings");
  for (const auto& [group, processes] : groups_) {
    std::size_t lines = 0;
    for (const auto& process : processes) lines += process.mappings;
    const auto found = mappings.find({group, ""});
    ASSERT_NE(found, mappings.end()) << group.first;
    EXPECT_EQ(found->second, static_cast<double>(lines)) << group.first;
  }
  const auto sum_of = [&](const char* name, const Group& group) {
    double sum = 0;
    for (const auto& [key, value] : by_group(name)) {
      if (key.first == group && key.second != "vsyscall") sum += value;
    }
    return sum;
  };
  for (const auto& [group, processes] : groups_) {
    double size = 0, resident = 0, uss = 0;
    for (const auto& p : processes) {
      size += p.status.at("VmSize");
      resident += p.sample.at("Rss");
      uss += p.sample.at("Private_Clean") + p.sample.at("Private_Dirty");
    }
    EXPECT_EQ(sum_of("memory_group_region_virtual_bytes", group), size * 1024) << group.first;
    EXPECT_EQ(sum_of("memory_group_region_resident_bytes", group), resident * 1024) << group.first;
    EXPECT_EQ(sum_of("memory_group_region_uss_bytes", group), uss * 1024) << group.first;
  }
}

TEST_P(CaptureRules, LimitsAreUsedAsTheWorstProcessUsesThem) {
  const auto ratios = by_group("memory_group_limit_usage_ratio");
  const struct {
    const char* limit;
    const char* row;
    const char* usage;
  } rows[] = {{"stack", "Max stack size", "VmStk"},
              {"as", "Max address space", "VmSize"},
              {"data", "Max data size", "VmData"},
              {"memlock", "Max locked memory", "VmLck"}};
  for (const auto& [group, processes] : groups_) {
    for (const auto& [limit, row, usage] : rows) {
      std::optional<double> worst;
      for (const auto& p : processes) {
        const auto soft = p.soft_limits.find(row);
        const auto used = field(p.status, usage);
        if (soft == p.soft_limits.end() || soft->second == "unlimited" || !used) continue;
        worst = std::max(worst.value_or(0), *used * 1024 / std::stod(soft->second));
      }
      const auto found = ratios.find({group, limit});
      ASSERT_EQ(found != ratios.end(), worst.has_value()) << group.first << ' ' << limit;
      if (worst) {
        EXPECT_DOUBLE_EQ(found->second, *worst) << group.first << ' ' << limit;
      }
    }
  }
}

TEST_P(CaptureRules, PartsAddUpToMemTotalOrTheBalanceSaysWhyNot) {
  const std::string reason = GetParam().no_balance;
  double sum = 0;
  std::size_t parts = 0;
  for (const auto& sample : samples_) {
    if (sample.name != "memory_balance_bytes") continue;
    ++parts;
    sum += sample.number();
  }
  const auto* absent = find("memory_balance_absent", {{"reason", reason}});
  if (!reason.empty()) {
    EXPECT_EQ(parts, 0u);
    ASSERT_NE(absent, nullptr);
    EXPECT_EQ(absent->number(), 1);
    return;
  }
  EXPECT_EQ(absent, nullptr);
  const auto fields = kib_fields(slurp(tree_.path("proc/meminfo")));
  EXPECT_EQ(sum, fields.at("MemTotal") * 1024);
  if (GetParam().unaccounted_kib >= 0) {
    const auto* rest = find("memory_balance_bytes", {{"part", "unaccounted"}});
    ASSERT_NE(rest, nullptr);
    EXPECT_EQ(rest->number(), static_cast<double>(GetParam().unaccounted_kib * 1024));
  }
}

/// Of 32 and 64 bits, of pages of any size, before and since 3.19.
TEST_P(CaptureRules, NoLimitOfACgroupIsNoLimit) {
  for (const auto& sample : samples_) {
    if (sample.name != "memory_cgroup_max_bytes" || sample.label("cgroup") == "/db.service")
      continue;
    if (std::string(GetParam().name).starts_with("linux") && GetParam().unaccounted_kib < 0)
      continue;
    EXPECT_TRUE(std::isinf(sample.number())) << sample.label("cgroup");
  }
}

TEST_P(CaptureRules, TheSizeOfPagesIsToldByTheFiles) {
  const Bytes right = Bytes::from_kib(GetParam().page_kib);
  EXPECT_EQ(*procfs::page_size_of(tree_.trees().procfs), right);
  // Of a capture without processes meminfo and vmstat tell, where they are of one machine.
  for (const auto& file : fs::directory_iterator(tree_.path("proc"))) {
    if (file.is_directory()) fs::remove(file.path() / "smaps");
  }
  const bool of_one_machine = *GetParam().no_balance == '\0';
  EXPECT_EQ(*procfs::page_size_of(tree_.trees().procfs),
            of_one_machine ? OptionalBytes(right) : OptionalBytes());
}

/// It is in pages, of whatever size, and lags.
TEST_P(CaptureRules, TheResidentSetOfStatIsNotUsed) {
  for (const auto& folder : fs::directory_iterator(tree_.path("proc"))) {
    const auto path = folder.path() / "stat";
    if (!folder.is_directory() || !fs::exists(path)) continue;
    auto text = slurp(path);
    auto at = text.rfind(')');
    for (int blanks = 0; blanks < 22; ++blanks) at = text.find(' ', at + 1);
    text.replace(at + 1, text.find(' ', at + 1) - at - 1, "987654321");
    std::ofstream(path, std::ios::binary) << text;
  }
  const Unprivileged unprivileged;
  const auto snapshot = processes_of(tree_);
  std::map<std::pair<std::string, Labels>, double> before;
  for (const auto& sample : samples_) before[{sample.name, sample.labels}] = sample.number();
  for (const auto& entry : collector_table()) {
    SampleSink sink;
    SharedMeminfo meminfo(tree_.trees().procfs);
    ReadErrors errors;
    Collection collection{*snapshot, sink, meminfo, errors};
    entry.make(tree_.trees(), options_for_captures())->collect(collection);
    for (const auto& sample : sink.samples) {
      if (sample.name.ends_with("_age_seconds")) continue;
      EXPECT_EQ((before[{sample.name, sample.labels}]), sample.number()) << sample.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, CaptureRules, testing::ValuesIn(captures), test_name);

/// What is refused is counted as that, and the rest is there.
TEST(Android, MeasuresTheAppsAndSaysWhatIsDenied) {
  FixtureTree tree;
  write_capture(captures[std::size(captures) - 1], tree);
  const Unprivileged unprivileged;
  const auto snapshot = processes_of(tree);
  if (::geteuid() != 65534) GTEST_SKIP() << "only root can try what root may read";
  EXPECT_EQ(snapshot->counts.denied, 2u);
  EXPECT_EQ(snapshot->counts.measured, 3u);
  EXPECT_EQ(snapshot->counts.zombie, 1u);
  for (const auto& group : snapshot->groups) {
    const bool init = group.key.front() == "init";
    EXPECT_EQ(bool(group.totals.memory.pss), !init) << group.key.front();
    const auto denied =
        group.totals.unmeasured[static_cast<std::size_t>(process::Unmeasured::denied)];
    EXPECT_EQ(denied > Bytes{}, init || group.key.front() == "db") << group.key.front();
  }
}

}  // namespace
}  // namespace memory_exporter
