#include "daemon/http/capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "collectors/procfs/reader.h"

namespace memory_exporter {
namespace {

using ::testing::HasSubstr;

/// Lets so many descriptors be opened, for as long as it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(std::size_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const auto open = procfs::Tree::open("/proc/self/fd")->list(".")->size();
    auto limit = before_;
    limit.rlim_cur = open + more;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Capacity, IsWhatIsWantedOnAnOrdinaryMachine) {
  const FewDescriptors enough(500);
  const auto capacity = affordable(40);
  ASSERT_TRUE(capacity.ok());
  EXPECT_EQ(capacity->threads, 40u);
  EXPECT_EQ(capacity->queue, 20u);
}

TEST(Capacity, LeavesDescriptorsForCollecting) {
  for (const std::size_t more : {32u, 40u, 60u, 80u}) {
    const FewDescriptors few(more);
    const auto capacity = affordable(40);
    ASSERT_TRUE(capacity.ok()) << more;
    EXPECT_GE(capacity->threads, 4u);
    EXPECT_LE(capacity->threads + capacity->queue + 1 + 20, more);
  }
}

/// Lets so much more address space be mapped, for as long as it lives.
class LittleAddressSpace {
 public:
  explicit LittleAddressSpace(std::size_t more) {
    ::getrlimit(RLIMIT_AS, &before_);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    auto limit = before_;
    limit.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + more;
    EXPECT_EQ(::setrlimit(RLIMIT_AS, &limit), 0);
  }
  ~LittleAddressSpace() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

constexpr std::size_t MiB = std::size_t{1} << 20;

/// Threads of 100 KiB would find room for all 40. In a process of its own, whose stacks are new.
TEST(CapacityDeathTest, LeavesThreadsForCollecting) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto threads_with = [](std::size_t more) {
    const LittleAddressSpace little(more);
    const auto capacity = affordable(40);
    return capacity ? static_cast<int>(capacity->threads) : 0;
  };
  EXPECT_EXIT(std::_Exit(threads_with(8 * MiB)), ::testing::ExitedWithCode(4), "");
  EXPECT_EXIT(std::_Exit(threads_with(200 * MiB)), ::testing::ExitedWithCode(40), "");
}

TEST(CapacityDeathTest, SaysThatThreadsAreShort) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto start = [] {
    const LittleAddressSpace little(64 * 1024);
    const auto capacity = affordable(40);
    if (!capacity) std::fputs(capacity.error().message().c_str(), stderr);
    std::_Exit(0);
  };
  EXPECT_EXIT(start(), ::testing::ExitedWithCode(0),
              "too few threads to serve HTTP.*raise TasksMax=, ulimit -u or ulimit -v");
}

TEST(Capacity, SaysWhichLimitToRaise) {
  const FewDescriptors few(26);
  const auto capacity = affordable(40);
  ASSERT_FALSE(capacity.ok());
  EXPECT_THAT(capacity.error().message(), HasSubstr("raise ulimit -n (LimitNOFILE=)"));
}

}  // namespace
}  // namespace memory_exporter
