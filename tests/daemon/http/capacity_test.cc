#include "daemon/http/capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

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
  for (const std::size_t more : {32, 40, 60, 80}) {
    const FewDescriptors few(more);
    const auto capacity = affordable(40);
    ASSERT_TRUE(capacity.ok()) << more;
    EXPECT_GE(capacity->threads, 4u);
    EXPECT_LE(capacity->threads + capacity->queue + 1 + 20, more);
  }
}

TEST(Capacity, SaysWhichLimitToRaise) {
  const FewDescriptors few(26);
  const auto capacity = affordable(40);
  ASSERT_FALSE(capacity.ok());
  EXPECT_THAT(capacity.error().message(), HasSubstr("raise ulimit -n (LimitNOFILE=)"));
}

}  // namespace
}  // namespace memory_exporter
