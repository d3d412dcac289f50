#include "collectors/process/sampling/pagemap_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "collectors/process/sampling/rollup_reader.h"
#include "tests/support/child.h"

namespace memory_exporter::process {
namespace {

using namespace memory_exporter::testing;

char* huge_memory(std::size_t size) {
  char* memory = map_memory(size);
  ::madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

int sized(int file, std::size_t size) {
  EXPECT_EQ(::ftruncate(file, static_cast<off_t>(size)), 0);
  return file;
}

void hold_private() {
  private_memory(32 * mebibyte);
}

void share_by_fork() {
  char* memory = private_memory(16 * mebibyte);
  fork_sharer([] {});
  written(memory, 5 * mebibyte);
}

void touch_zero_page() {
  touch(map_memory(64 * mebibyte), 64 * mebibyte);
}

void hold_huge_pages() {
  char* memory = huge_memory(64 * mebibyte);
  written(memory, 40 * mebibyte);
  touch(memory, 64 * mebibyte);  // the huge zero page
  ::munmap(memory + 3 * mebibyte, mebibyte);
}

void share_huge_pages() {
  char* memory = written(huge_memory(32 * mebibyte), 32 * mebibyte);
  fork_sharer([] {});
  written(memory, 9 * mebibyte);
}

void map_files() {
  std::string path = ::testing::TempDir() + "/pagemap_reader.XXXXXX";
  const int file = sized(::mkstemp(path.data()), 16 * mebibyte);
  ::unlink(path.c_str());
  const auto work = [file] {
    written(map_memory(16 * mebibyte, MAP_SHARED, file), 8 * mebibyte);
    char* copy = map_memory(16 * mebibyte, MAP_PRIVATE, file);
    touch(copy, 12 * mebibyte);
    written(copy, 3 * mebibyte);
  };
  fork_sharer(work);
  work();
}

void map_shared_memory() {
  const int memfd = sized(::memfd_create("pagemap_reader", 0), 8 * mebibyte);
  const int posix = sized(::shm_open("/pagemap_reader_test", O_CREAT | O_RDWR, 0600), 8 * mebibyte);
  ::shm_unlink("/pagemap_reader_test");
  char* anonymous = map_memory(8 * mebibyte, MAP_SHARED | MAP_ANONYMOUS);
  const auto work = [=] {
    written(map_memory(8 * mebibyte, MAP_SHARED, memfd), 8 * mebibyte);
    written(map_memory(8 * mebibyte, MAP_SHARED, posix), 5 * mebibyte);
    written(anonymous, 3 * mebibyte);
  };
  fork_sharer(work);
  work();
}

void reserve_a_tebibyte() {
  char* memory = map_memory(std::size_t{1} << 40, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  written(memory + (std::size_t{1} << 39), mebibyte);
}

/// Long enough to be read without scans, until a hole comes, and then a reservation and huge pages.
void hold_long_stretch() {
  char* memory = private_memory(150 * mebibyte);
  ::madvise(memory + 70 * mebibyte + 12 * 4096, 5 * 4096, MADV_DONTNEED);
  written(map_memory(100 * mebibyte), 40 * mebibyte);
  written(huge_memory(64 * mebibyte), 64 * mebibyte);
}

/// Page tables of 8 GiB, and next to nothing in them.
void leave_page_tables() {
  char* memory = map_memory(std::size_t{8} << 30, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
  ::madvise(memory, std::size_t{8} << 30, MADV_NOHUGEPAGE);
  for (std::size_t at = 0; at < std::size_t{8} << 30; at += 2 * mebibyte) {
    memory[at] = 1;
    ::madvise(memory + at, 4096, MADV_DONTNEED);
  }
}

const Roles roles = {
    {"pt_private", hold_private},      {"pt_fork", share_by_fork},
    {"pt_zero", touch_zero_page},      {"pt_huge", hold_huge_pages},
    {"pt_hugefork", share_huge_pages}, {"pt_files", map_files},
    {"pt_shmem", map_shared_memory},   {"pt_holes", reserve_a_tebibyte},
    {"pt_long", hold_long_stretch},    {"pt_emptied", leave_page_tables},
};

/// Lets a read take `parts` parts, and counts them.
class Parts final : public ReadControl {
 public:
  explicit Parts(int parts = 1 << 30) : left(parts) {}
  void held() override {}
  void not_held() override {}
  bool pause(std::chrono::nanoseconds) override { return --left > 0; }
  int left;
};

#if defined(__SANITIZE_THREAD__)
constexpr bool sanitizer_has_memory_of_its_own = true;
#else
constexpr bool sanitizer_has_memory_of_its_own = false;
#endif

class PagemapReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!*procfs::can_count_page_mappings(tree_)) {
      GTEST_SKIP() << "needs CAP_SYS_ADMIN, /proc/kpagecount and a kernel with PAGEMAP_SCAN (6.7)";
    }
  }

  static ReadRequest request(pid_t pid) {
    ReadRequest request;
    request.id.pid = request.memory_thread = pid;
    return request;
  }

  template <typename Reader>
  MemoryFound read(pid_t pid) {
    Reader reader(tree_);
    Parts parts;
    std::unique_ptr<ReadProgress> progress;
    auto walk = reader.read(request(pid), parts, progress);
    EXPECT_TRUE(walk.has_value());
    EXPECT_TRUE(*walk) << walk->error().message();
    return std::get<MemoryFound>(**walk);
  }

  /// Its USS, but for the pages of the program's file, which others may come to run. One part of a
  /// walk is 16 MiB.
  void expect_all_private_memory(const MemoryFound& walk, pid_t pid) {
    const auto kernels = read<Uncut<RollupReader>>(pid).uss;
    ASSERT_TRUE(walk.uss && kernels);
    EXPECT_NEAR(static_cast<double>(walk.uss->value), static_cast<double>(kernels->value),
                static_cast<double>(4 * mebibyte));
  }

  static constexpr std::chrono::nanoseconds pause_after_each_part{0};

  /// What a reader that has read nothing yet leaves of the parts that it may take.
  int read_in_parts(pid_t pid, std::chrono::nanoseconds pauses_after) {
    PagemapReader reader(tree_, pauses_after);
    Parts parts;
    std::unique_ptr<ReadProgress> progress;
    EXPECT_TRUE(reader.read(request(pid), parts, progress));
    return parts.left;
  }

  /// smaps_rollup prints whole KiB and cuts the rest off.
  static void expect_same(const OptionalBytes& ours, const OptionalBytes& kernels,
                          const char* what) {
    ASSERT_TRUE(ours && kernels) << what;
    EXPECT_GE(*ours, *kernels) << what;
    EXPECT_LT(ours->value - kernels->value, 1024u) << what;
  }

  /// Other processes map the C library too, and its PSS moves as they come and go, also there and
  /// back between two rollups that say the same: what counts is that a walk agrees at last.
  void expect_agreement(pid_t pid) {
    auto kernels = read<Uncut<RollupReader>>(pid).memory;
    auto walk = read<PagemapReader>(pid);
    for (int tries = 0; tries < 100; ++tries) {
      const auto after = read<Uncut<RollupReader>>(pid).memory;
      const bool stood_still = after.pss == kernels.pss;
      kernels = after;
      const auto ours = *walk.memory.pss;
      const bool agrees = ours >= *kernels.pss && ours < *kernels.pss + Bytes{1024};
      if (stood_still && agrees) break;
      walk = read<PagemapReader>(pid);
    }
    const auto& ours = walk.memory;
    EXPECT_EQ(ours.resident, kernels.resident);
    EXPECT_EQ(walk.uss, kernels.uss());
    expect_same(ours.pss, kernels.pss, "pss");
    expect_same(ours.pss_anon, kernels.pss_anon, "pss_anon");
    expect_same(ours.pss_file, kernels.pss_file, "pss_file");
    expect_same(ours.pss_shmem, kernels.pss_shmem, "pss_shmem");
    EXPECT_EQ(ours.swap_pss.value_or(*kernels.swap_pss), kernels.swap_pss);
    EXPECT_EQ(ours.swap.value_or(*kernels.swap), kernels.swap);
    EXPECT_EQ(ours.private_hugetlb, kernels.private_hugetlb);
  }

  procfs::Tree tree_ = std::move(*procfs::Tree::open("/proc"));
};

TEST(CanCountPageMappings, NotInPagesOfAnotherSize) {
  const auto tree = procfs::Tree::open("/proc");
  ASSERT_TRUE(tree);
  EXPECT_FALSE(*procfs::can_count_page_mappings(*tree, 16384));
  EXPECT_FALSE(*procfs::can_count_page_mappings(*tree, 65536));
  EXPECT_EQ(procfs::kernel_page_size(), static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

TEST_F(PagemapReaderTest, AgreesWithTheRollupOnMemoryOfEverySort) {
  for (const auto& [role, work] : roles) {
    SCOPED_TRACE(role);
    const Child child(role.data());
    child.freeze();
    expect_agreement(child.pid());
  }
}

TEST_F(PagemapReaderTest, TheZeroPageIsNobodysMemory) {
  if (sanitizer_has_memory_of_its_own) GTEST_SKIP() << "ThreadSanitizer's shadow is in the figures";
  const Child child("pt_zero");
  // Some kernels give memory that is only read a page of its own: then there is no zero page in it.
  const auto kernels = read<Uncut<RollupReader>>(child.pid()).memory.resident;
  if (kernels >= Bytes{32 * mebibyte}) GTEST_SKIP() << "this kernel maps no zero page";
  EXPECT_LT(read<PagemapReader>(child.pid()).memory.resident, Bytes{32 * mebibyte});
}

TEST_F(PagemapReaderTest, SharedMemoryIsToldFromFiles) {
  const Child child("pt_shmem");
  EXPECT_GE(read<PagemapReader>(child.pid()).memory.pss_shmem.value(), Bytes{7 * mebibyte});
}

TEST_F(PagemapReaderTest, SkipsHolesWhateverTheirSize) {
  if (sanitizer_has_memory_of_its_own) GTEST_SKIP() << "ThreadSanitizer's shadow is in the figures";
  const Child child("pt_holes");
  Parts parts(1000);
  PagemapReader reader(tree_);
  std::unique_ptr<ReadProgress> progress;
  const auto walk = reader.read(request(child.pid()), parts, progress);
  ASSERT_TRUE(walk.has_value() && *walk);
  EXPECT_GT(parts.left, 500);
}

TEST_F(PagemapReaderTest, EmptyPageTablesAreNotScannedInOneGo) {
  if (sanitizer_has_memory_of_its_own) GTEST_SKIP() << "ThreadSanitizer's shadow is in the figures";
  const Child emptied("pt_emptied");
  const Child reserved("pt_holes");
  // Each has a few parts for its program and libraries.
  const auto few = read_in_parts(reserved.pid(), PagemapReader::quick);
  EXPECT_LT(read_in_parts(emptied.pid(), PagemapReader::quick), few - 8)
      << "parts left over 4,096 page tables";
}

TEST_F(PagemapReaderTest, HugePagesAreKnownToBeQuick) {
  if (sanitizer_has_memory_of_its_own) GTEST_SKIP() << "ThreadSanitizer's shadow is in the figures";
  const Child small("pt_private");
  const Child huge("pt_huge");
  const auto cost = read<PagemapReader>(small.pid()).rollup_cost;
  EXPECT_GT(cost, std::chrono::microseconds(300));
  EXPECT_LT(read<PagemapReader>(huge.pid()).rollup_cost, cost / 2);
}

/// Whichever thread goes on with it.
TEST_F(PagemapReaderTest, ACutWalkGoesOnInAnyReaderAndFindsTheSame) {
  const Child child("pt_private");
  child.freeze();
  std::optional<Result<Found>> walk;
  std::unique_ptr<ReadProgress> progress;
  int calls = 0;
  while (!walk) {
    Parts one(1);
    walk = PagemapReader(tree_, pause_after_each_part).read(request(child.pid()), one, progress);
    EXPECT_EQ(progress == nullptr, walk.has_value()) << "what is done is not kept";
    ++calls;
  }
  ASSERT_TRUE(*walk);
  EXPECT_GT(calls, 4);
  expect_all_private_memory(std::get<MemoryFound>(**walk), child.pid());
}

TEST_F(PagemapReaderTest, WithoutItsProgressACutWalkBeginsAnew) {
  const Child child("pt_private");
  child.freeze();
  PagemapReader reader(tree_, pause_after_each_part);
  const auto whole = Parts().left - read_in_parts(child.pid(), pause_after_each_part);
  Parts half(whole / 2);
  std::unique_ptr<ReadProgress> progress;
  ASSERT_FALSE(reader.read(request(child.pid()), half, progress)) << "cut";
  progress.reset();
  Parts all;
  const auto walk = reader.read(request(child.pid()), all, progress);
  ASSERT_TRUE(walk && *walk);
  expect_all_private_memory(std::get<MemoryFound>(**walk), child.pid());
  // Not half of them; how far a scan goes depends on the one before.
  EXPECT_GT(Parts().left - all.left, whole * 3 / 4);
}

TEST_F(PagemapReaderTest, AVanishedProcessIsAnError) {
  PagemapReader reader(tree_);
  Parts parts;
  std::unique_ptr<ReadProgress> progress;
  const auto walk = reader.read(request(0x3fffff), parts, progress);
  ASSERT_TRUE(walk.has_value());
  ASSERT_FALSE(*walk);
  EXPECT_EQ(walk->error().kind, ErrorKind::vanished);
}

}  // namespace

int run(int argc, char** argv) {
  return run_tests_or_role(argc, argv, roles);
}

}  // namespace memory_exporter::process

int main(int argc, char** argv) {
  return memory_exporter::process::run(argc, argv);
}
