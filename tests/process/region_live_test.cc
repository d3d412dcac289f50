// The regions of the processes of this machine, held against what else the kernel says of them.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <latch>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "collectors/process/sampling/region.h"
#include "collectors/procfs/status.h"

namespace memory_exporter::process {
namespace {

using procfs::SmapsEntry;
using procfs::SmapsRollup;

procfs::Tree open_proc() {
  auto proc = procfs::Tree::open("/proc");
  EXPECT_TRUE(proc) << proc.error().message();
  return std::move(*proc);
}

std::string program_of(const procfs::Tree& proc, const std::string& pid) {
  const auto link = proc.read_link((pid + "/exe").c_str());
  return link ? as_printed_in_maps(*link) : std::string();
}

struct Mappings {
  MappingTotals totals;
  std::vector<Region> regions;
};

std::optional<Mappings> read_mappings(const procfs::Tree& proc, const std::string& pid) {
  const auto program = program_of(proc, pid);
  static const bool marked = kernel_marks_stacks(proc).ok() && *kernel_marks_stacks(proc);
  RegionClassifier classifier({.executable = program, .stacks_are_marked = marked});
  Mappings mappings;
  procfs::Buffer buffer;
  procfs::SmapsParser parser;
  const auto read =
      proc.read_in_pieces((pid + "/smaps").c_str(), buffer, [&](std::string_view text, bool last) {
        return parser.parse(text, last, [&](const SmapsEntry& entry) {
          const auto region = classifier.next(entry);
          mappings.totals.add(entry, region);
          mappings.regions.push_back(region);
        });
      });
  if (!read) {
    EXPECT_NE(read.error().kind, ErrorKind::malformed) << read.error().message();
    return std::nullopt;
  }
  return mappings;
}

/// The figures that the mappings must add up to.
struct Whole {
  OptionalBytes virtual_size;
  SmapsRollup memory;

  bool operator==(const Whole& other) const {
    return virtual_size == other.virtual_size && memory.resident == other.memory.resident &&
           memory.pss == other.memory.pss && memory.uss() == other.memory.uss() &&
           memory.swap == other.memory.swap;
  }
};

std::optional<Whole> read_whole(const procfs::Tree& proc, const std::string& pid) {
  procfs::Buffer buffer;
  const auto status = proc.read((pid + "/status").c_str(), buffer);
  if (!status) return std::nullopt;
  const auto parsed = procfs::parse_status(*status);
  if (!parsed || !parsed->virtual_size) return std::nullopt;
  const auto rollup = proc.read((pid + "/smaps_rollup").c_str(), buffer);
  if (!rollup) return std::nullopt;
  const auto memory = procfs::parse_smaps_rollup(*rollup);
  if (!memory || !memory->resident) return std::nullopt;
  return Whole{parsed->virtual_size, *memory};
}

RegionFigures sum_of(const MappingTotals& totals) {
  RegionFigures sum;
  for (const auto region : regions) {
    const auto& figures = totals[region];
    sum.mappings += figures.mappings;
    if (region != Region::vsyscall) sum.virtual_size += figures.virtual_size;
    add_known(sum.resident, figures.resident);
    add_known(sum.pss, figures.pss);
    add_known(sum.uss, figures.uss);
    add_known(sum.swap, figures.swap);
  }
  return sum;
}

/// What does not add up, or nothing.
std::string difference(const MappingTotals& totals, const Whole& whole) {
  const auto sum = sum_of(totals);
  const auto differ = [](const char* what, const OptionalBytes& is, const OptionalBytes& must) {
    return std::string(what) + " " + std::to_string(is.value_or(Bytes{}).value) + " instead of " +
           std::to_string(must.value_or(Bytes{}).value);
  };
  if (sum.virtual_size != whole.virtual_size) {
    return differ("virtual", sum.virtual_size, whole.virtual_size);
  }
  if (sum.resident != whole.memory.resident) {
    return differ("resident", sum.resident, whole.memory.resident);
  }
  if (sum.uss != whole.memory.uss()) return differ("uss", sum.uss, whole.memory.uss());
  if (sum.swap != whole.memory.swap) return differ("swap", sum.swap, whole.memory.swap);
  // Each mapping's PSS is cut off to whole KiB.
  if (*sum.pss > *whole.memory.pss ||
      *sum.pss + Bytes::from_kib(sum.mappings) < *whole.memory.pss) {
    return differ("pss", sum.pss, whole.memory.pss);
  }
  return {};
}

enum class Verdict { adds_up, differs, unreadable, never_quiet };

/// Reads a process until nothing moved while its mappings were read; its neighbours move its PSS
/// and USS too, so a difference counts only where it is there every time.
Verdict check(const procfs::Tree& proc, const std::string& pid, std::string& what) {
  int quiet = 0;
  for (int attempt = 0; attempt < 15 && quiet < 5; ++attempt) {
    const auto before = read_whole(proc, pid);
    if (!before) return Verdict::unreadable;
    const auto mappings = read_mappings(proc, pid);
    const auto after = read_whole(proc, pid);
    if (!mappings || !after) return Verdict::unreadable;
    if (!(*before == *after)) continue;
    ++quiet;
    what = difference(mappings->totals, *before);
    if (what.empty()) return Verdict::adds_up;
  }
  return quiet == 5 ? Verdict::differs : Verdict::never_quiet;
}

/// A copy of this process, stopped, with some of everything mapped.
class StoppedChild {
 public:
  StoppedChild() : pid_(::fork()) {
    if (pid_ == 0) {
      const auto map = [](std::size_t size, int protection, int flags) {
        void* at = ::mmap(nullptr, size, protection, flags | MAP_ANONYMOUS, -1, 0);
        if (at != MAP_FAILED && (protection & PROT_WRITE) != 0) std::memset(at, 1, size);
      };
      map(8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE);
      map(4 << 20, PROT_READ | PROT_WRITE, MAP_SHARED);
      map(1 << 20, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
      map(64 << 20, PROT_NONE, MAP_PRIVATE);
      ::raise(SIGSTOP);
      ::_exit(0);
    }
    ::waitpid(pid_, nullptr, WUNTRACED);
  }
  ~StoppedChild() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  StoppedChild(const StoppedChild&) = delete;
  StoppedChild& operator=(const StoppedChild&) = delete;

  std::string pid() const { return std::to_string(pid_); }

 private:
  pid_t pid_;
};

TEST(RegionsOnThisMachine, AddUpToTheWholeOfAStoppedProcess) {
  const auto proc = open_proc();
  const StoppedChild child;
  std::string what;
  EXPECT_EQ(check(proc, child.pid(), what), Verdict::adds_up) << what;
  const auto mappings = read_mappings(proc, child.pid());
  ASSERT_TRUE(mappings);
  EXPECT_GE(mappings->totals[Region::anon].resident, Bytes{9 << 20});
  EXPECT_GE(mappings->totals[Region::shmem].resident, Bytes{4 << 20});
  EXPECT_GE(mappings->totals.writable_executable, Bytes{1 << 20});
  EXPECT_EQ(mappings->totals[Region::vdso].mappings, 1u);
  EXPECT_GE(mappings->totals[Region::text].resident, Bytes{1});
}

TEST(RegionsOnThisMachine, AddUpToTheWholeOfEveryProcess) {
  const auto proc = open_proc();
  const StoppedChild child;
  std::vector<procfs::ListedProcess> processes;
  ASSERT_TRUE(proc.list_processes(processes));
  std::size_t equal = 0;
  std::size_t restless = 0;
  for (const auto [pid, inode] : processes) {
    std::string what;
    switch (check(proc, std::to_string(pid), what)) {
      case Verdict::adds_up:
        ++equal;
        break;
      case Verdict::differs:
        ADD_FAILURE() << "process " << pid << ": " << what;
        break;
      case Verdict::never_quiet:
        ++restless;
        break;
      case Verdict::unreadable:
        break;
    }
  }
  EXPECT_GE(equal, 1u);
  RecordProperty("equal", std::to_string(equal));
  RecordProperty("never_quiet", std::to_string(restless));
}

TEST(RegionsOnThisMachine, HaveOneStackForEachThreadOfThisProcess) {
  const auto proc = open_proc();
  if (!*kernel_marks_stacks(proc)) GTEST_SKIP() << "this kernel does not mark stacks (before 6.7)";
  constexpr int count = 7;
  std::latch running(count);
  std::latch done(1);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      running.count_down();
      done.wait();
    });
  }
  running.wait();
  const auto tasks = proc.list("self/task");
  const auto mappings = read_mappings(proc, "self");
  done.count_down();
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(tasks);
  ASSERT_TRUE(mappings);
  EXPECT_EQ(static_cast<std::size_t>(
                std::count(mappings->regions.begin(), mappings->regions.end(), Region::stack)),
            tasks->size());
}

TEST(KernelMarksStacks, SaysNoWhereTheFileIsNotThisProcess) {
  std::string folder = std::filesystem::temp_directory_path() / "region_live_test.XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto tree = procfs::Tree::open(folder);
  ASSERT_TRUE(tree);
  EXPECT_FALSE(kernel_marks_stacks(*tree));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace memory_exporter::process
