#include "collectors/process/grouping/groupings.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace memory_exporter::process {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint64_t mebibyte = 1024 * 1024;

class GroupingTest : public ::testing::Test {
 protected:
  /// A process of the group `name` as the table would keep it.
  Process& run(pid_t pid, std::string name, std::uint64_t mebibytes, std::uint64_t faults = 0) {
    auto& process = processes_[pid];
    process.id = {pid, 1000};
    rename(pid, std::move(name));
    process.threads = 1;
    process.status.resident = Bytes{mebibytes * mebibyte};
    process.minor_faults = faults;
    return process;
  }

  void rename(pid_t pid, std::string name) {
    processes_.at(pid).image.comm = std::move(name);
    processes_.at(pid).group = nullptr;
  }

  void resize(pid_t pid, std::uint64_t mebibytes) {
    processes_.at(pid).status.resident = Bytes{mebibytes * mebibyte};
  }

  /// One collection; its groups by name.
  std::map<std::string, GroupTotals> collect(Grouping& grouping, seconds later = seconds(1)) {
    now_ += later;
    grouping.assign(processes_, now_);
    std::map<std::string, GroupTotals> groups;
    std::string last;
    for (auto& group : grouping.publish(processes_, now_)) {
      EXPECT_LT(last, group.key.at(0)) << "out of order, or twice";
      last = group.key[0];
      groups.emplace(group.key[0], std::move(group.totals));
    }
    return groups;
  }

  static std::set<std::string> names(const std::map<std::string, GroupTotals>& groups) {
    std::set<std::string> names;
    for (const auto& [name, totals] : groups) names.insert(name);
    return names;
  }

  using Names = std::set<std::string>;

  Grouping::Processes processes_;
  Clock::time_point now_{std::chrono::hours(1)};
  const GroupBy by_name_ = {dimension_named("name")};
};

TEST_F(GroupingTest, WithRoomForAllNobodyFolds) {
  Grouping grouping(by_name_, 3);
  run(1, "a", 1);
  run(2, "b", 1);
  run(3, "c", 0);
  EXPECT_EQ(names(collect(grouping)), Names({"a", "b", "c"}));
  EXPECT_EQ(grouping.folded(), 0u);
}

TEST_F(GroupingTest, TheSmallestFoldIntoOneWhichTakesAPlaceItself) {
  Grouping grouping(by_name_, 3);
  run(1, "a", 5);
  run(2, "b", 1);
  run(3, "c", 9);
  run(4, "d", 2);
  run(5, "b", 1);
  const auto groups = collect(grouping);
  EXPECT_EQ(names(groups), Names({"a", "c", "other"}));
  EXPECT_EQ(groups.at("other").processes, 3u);
  EXPECT_EQ(groups.at("other").status.resident, Bytes{4 * mebibyte});
  EXPECT_EQ(grouping.folded(), 2u);
}

TEST_F(GroupingTest, SizeIsResidentAndSwapWithoutWhatIsBorrowed) {
  Grouping grouping(by_name_, 2);
  run(1, "resident", 5);
  run(2, "swapped", 1).status.swap = Bytes{9 * mebibyte};
  run(3, "borrowing", 50).memory_owner = 1;
  EXPECT_EQ(names(collect(grouping)), Names({"swapped", "other"}));
}

TEST_F(GroupingTest, ABoundOfOneIsOneGroup) {
  Grouping grouping(by_name_, 1);
  run(1, "a", 5);
  EXPECT_EQ(names(collect(grouping)), Names({"a"}));
  run(2, "b", 5);
  const auto groups = collect(grouping);
  EXPECT_EQ(names(groups), Names({"other"}));
  EXPECT_EQ(groups.at("other").processes, 2u);
}

TEST_F(GroupingTest, OneThatFoldsLeavesItsFaultsToOther) {
  Grouping grouping(by_name_, 2);
  run(1, "a", 5, 100);
  run(2, "b", 4, 10);
  auto groups = collect(grouping);
  EXPECT_EQ(groups.at("b").minor_faults, 10u);
  run(3, "c", 7, 3);
  processes_.at(2).minor_faults += 5;
  groups = collect(grouping);
  EXPECT_EQ(names(groups), Names({"c", "other"}));
  EXPECT_EQ(groups.at("other").minor_faults, 115u);
  EXPECT_EQ(groups.at("c").minor_faults, 3u) << "a new one has all that its processes did";
  processes_.at(2).minor_faults += 5;
  EXPECT_EQ(collect(grouping).at("other").minor_faults, 120u);
}

TEST_F(GroupingTest, OneThatComesBackBeginsAtZeroAndOtherKeepsWhatItHas) {
  Grouping grouping(by_name_, 2);
  run(1, "a", 5, 100);
  run(2, "b", 4, 10);
  run(3, "c", 3, 1);
  EXPECT_EQ(collect(grouping).at("other").minor_faults, 11u);
  resize(2, 50);
  processes_.at(2).minor_faults += 7;  // before it came back
  run(4, "b", 1, 1000);
  auto groups = collect(grouping);
  EXPECT_EQ(names(groups), Names({"b", "other"}));
  EXPECT_EQ(groups.at("b").minor_faults, 0u);
  EXPECT_EQ(groups.at("b").processes, 2u);
  EXPECT_EQ(groups.at("other").minor_faults, 11u + 7 + 1000 + 100);
  processes_.at(2).minor_faults += 2;
  groups = collect(grouping);
  EXPECT_EQ(groups.at("b").minor_faults, 2u);
  EXPECT_EQ(groups.at("other").minor_faults, 11u + 7 + 1000 + 100);
}

TEST_F(GroupingTest, OneThatIsALittleLargerStaysFolded) {
  Grouping grouping(by_name_, 2);
  run(1, "a", 100);
  run(2, "b", 90);
  EXPECT_EQ(names(collect(grouping)), Names({"a", "b"}));
  run(3, "c", 10);
  EXPECT_EQ(names(collect(grouping)), Names({"a", "other"}));
  for (const std::uint64_t size : {110u, 95u, 125u, 101u}) {
    resize(2, size);
    EXPECT_EQ(names(collect(grouping)), Names({"a", "other"})) << size;
  }
  resize(2, 126);
  EXPECT_EQ(names(collect(grouping)), Names({"b", "other"}));
}

TEST_F(GroupingTest, AFoldedOneComesBackWhereThereIsRoom) {
  Grouping grouping(by_name_, 3);
  for (unsigned i = 1; i <= 4; ++i)
    run(static_cast<pid_t>(i), std::string(1, static_cast<char>('a' + i)), 10u - i);
  EXPECT_EQ(names(collect(grouping)), Names({"b", "c", "other"}));
  processes_.erase(1);
  EXPECT_EQ(names(collect(grouping)), Names({"c", "d", "other"})) << "the dead one makes room";
  EXPECT_EQ(grouping.folded(), 1u);
  processes_.erase(2);
  EXPECT_EQ(names(collect(grouping)), Names({"d", "e", "other"}));
  EXPECT_EQ(grouping.folded(), 0u);
  EXPECT_EQ(names(collect(grouping, minutes(16))), Names({"d", "e"}));
}

TEST_F(GroupingTest, OtherNeverFallsThoughItWasGoneMeanwhile) {
  Grouping grouping(by_name_, 1);
  run(1, "a", 1, 10);
  run(2, "b", 1, 20);
  EXPECT_EQ(collect(grouping).at("other").minor_faults, 30u);
  processes_.clear();
  EXPECT_TRUE(collect(grouping, minutes(16)).empty());
  run(3, "a", 1, 1);
  run(4, "b", 1, 1);
  EXPECT_EQ(collect(grouping).at("other").minor_faults, 32u);
}

TEST_F(GroupingTest, TheDeadAreKeptOnlyAsLongAsThereIsRoom) {
  Grouping grouping(by_name_, 3);
  run(1, "first", 1, 5);
  collect(grouping);
  run(1, "second", 1, 5).counted_minor_faults = 5;
  auto groups = collect(grouping);
  EXPECT_EQ(names(groups), Names({"first", "second"}));
  EXPECT_EQ(groups.at("first").minor_faults, 5u);
  run(2, "third", 1);
  EXPECT_EQ(names(collect(grouping)), Names({"first", "second", "third"}));
  run(3, "fourth", 1);
  groups = collect(grouping);
  EXPECT_EQ(grouping.folded(), 1u);
  EXPECT_FALSE(groups.contains("first"));
  EXPECT_EQ(groups.at("other").minor_faults, 5u);
}

TEST_F(GroupingTest, AnEmptyGroupKeepsItsCountersForAWhile) {
  Grouping grouping(by_name_);
  run(1, "app", 1, 5);
  EXPECT_EQ(collect(grouping).at("app").minor_faults, 5u);
  processes_.clear();
  const auto groups = collect(grouping, minutes(10));
  EXPECT_EQ(groups.at("app").processes, 0u);
  EXPECT_EQ(groups.at("app").minor_faults, 5u);
  EXPECT_EQ(groups.at("app").oldest_start, std::nullopt);
  EXPECT_EQ(groups.at("app").oom_score, std::nullopt);
  EXPECT_FALSE(groups.at("app").status.resident.has_value());
  EXPECT_TRUE(collect(grouping, minutes(6)).empty());
}

TEST_F(GroupingTest, AProcessThatIsReallyCalledOtherIsCountedThere) {
  Grouping grouping(by_name_, 3);
  run(1, "other", 1, 7);
  run(2, "a", 5);
  auto groups = collect(grouping);
  EXPECT_EQ(names(groups), Names({"a", "other"}));
  EXPECT_EQ(groups.at("other").processes, 1u);
  EXPECT_EQ(groups.at("other").minor_faults, 7u);
  EXPECT_EQ(grouping.folded(), 0u);
  run(3, "b", 4);
  run(4, "c", 3, 2);
  groups = collect(grouping);
  EXPECT_EQ(names(groups), Names({"a", "b", "other"}));
  EXPECT_EQ(groups.at("other").processes, 2u);
  EXPECT_EQ(groups.at("other").minor_faults, 9u);
  EXPECT_EQ(grouping.folded(), 1u);
}

TEST_F(GroupingTest, OnlyOneThatIsOtherInEveryDimensionIsTheFold) {
  Grouping grouping(default_group_by(), 2);
  run(1, "other", 5).cgroup = std::make_shared<const std::string>("/app.slice");
  run(2, "small", 1).cgroup = std::make_shared<const std::string>("/app.slice");
  run(3, "small", 1);
  grouping.assign(processes_, now_);
  const auto groups = grouping.publish(processes_, now_);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].key, (GroupKey{"other", "/app.slice"}));
  EXPECT_EQ(groups[1].key, (GroupKey{"other", "other"}));
  EXPECT_EQ(groups[1].totals.processes, 2u);
}

TEST_F(GroupingTest, AnotherBoundHoldsFromTheNextCollectionOn) {
  Grouping grouping(by_name_, 10);
  for (unsigned i = 1; i <= 5; ++i)
    run(static_cast<pid_t>(i), std::string(1, static_cast<char>('a' + i)), 10u - i);
  EXPECT_EQ(collect(grouping).size(), 5u);
  grouping.set_max_groups(3);
  EXPECT_EQ(names(collect(grouping)), Names({"b", "c", "other"}));
  grouping.set_max_groups(10);
  EXPECT_EQ(names(collect(grouping)), Names({"b", "c", "d", "e", "f", "other"}));
  EXPECT_EQ(grouping.folded(), 0u);
}

TEST_F(GroupingTest, WhatCannotBeReadForAMomentStaysWhereItWas) {
  Grouping grouping(by_name_, 2);
  run(1, "a", 5, 10);
  run(2, "b", 4, 20);
  collect(grouping);
  processes_.at(2).unreadable = true;
  run(3, "c", 60);
  auto groups = collect(grouping);
  EXPECT_EQ(groups.at("other").minor_faults, 30u);
  processes_.at(2).unreadable = false;
  processes_.at(2).minor_faults = 25;
  groups = collect(grouping);
  EXPECT_EQ(names(groups), Names({"c", "other"}));
  EXPECT_EQ(groups.at("other").minor_faults, 35u);
  EXPECT_EQ(groups.at("other").processes, 2u);
}

TEST_F(GroupingTest, AZombiesLastFaultsAreItsGroups) {
  Grouping grouping(by_name_, 2);
  run(1, "a", 5, 10);
  collect(grouping);
  processes_.at(1).minor_faults = 15;
  processes_.at(1).ended = true;
  for (int i = 0; i < 3; ++i) {
    const auto groups = collect(grouping);
    EXPECT_EQ(groups.at("a").minor_faults, 15u);
    EXPECT_EQ(groups.at("a").processes, 0u);
  }
}

/// Whoever comes, goes, grows and is renamed: every process counts once, no counter falls while its
/// series lasts, and what was ever counted is in some counter.
TEST_F(GroupingTest, SumsStayExactAndCountersNeverFallWhateverHappens) {
  std::mt19937 random(11);
  const auto below = [&](unsigned bound) { return random() % bound; };
  Grouping grouping(by_name_, 8);
  std::map<std::string, std::uint64_t> counters;
  for (int round = 0; round < 2000; ++round) {
    for (int change = 0; change < 5; ++change) {
      const auto pid = static_cast<pid_t>(1 + below(40));
      switch (below(6)) {
        case 0:
          processes_.erase(pid);
          break;
        case 1:
          if (processes_.contains(pid)) rename(pid, "n" + std::to_string(below(20)));
          break;
        case 2:
          if (processes_.contains(pid)) resize(pid, below(100));
          break;
        case 3:
          if (processes_.contains(pid)) processes_.at(pid).unreadable = below(2) == 0;
          break;
        default:
          if (!processes_.contains(pid)) {
            run(pid, below(10) == 0 ? "other" : "n" + std::to_string(below(20)), below(100));
          }
          processes_.at(pid).minor_faults += below(1000);
      }
    }
    std::uint64_t counted = 0;
    for (const auto& [pid, process] : processes_) counted += process.unreadable ? 0 : 1;
    const auto groups = collect(grouping, seconds(1 + below(30)));
    ASSERT_LE(groups.size(), 8u);
    std::uint64_t in_groups = 0;
    std::map<std::string, std::uint64_t> now;
    for (const auto& [name, totals] : groups) {
      in_groups += totals.processes;
      now[name] = totals.minor_faults;
      if (name == "other" && counters.contains(name)) {
        ASSERT_GE(totals.minor_faults, counters.at(name)) << "round " << round;
      }
    }
    ASSERT_EQ(in_groups, counted) << "round " << round;
    if (counters.contains("other") && !now.contains("other")) now["other"] = counters.at("other");
    counters = std::move(now);
  }
}

/// Nothing is lost: what all processes ever faulted is what all groups have, as long as none is
/// forgotten.
TEST_F(GroupingTest, FaultsAreNeitherLostNorCountedTwice) {
  std::mt19937 random(3);
  Grouping grouping(by_name_, 5);
  std::uint64_t faulted = 0;
  for (int round = 0; round < 300; ++round) {
    const auto pid = static_cast<pid_t>(1 + random() % 30);
    const std::uint64_t faults = random() % 100;
    if (processes_.contains(pid)) {
      processes_.at(pid).minor_faults += faults;
      if (random() % 3 == 0) rename(pid, "n" + std::to_string(random() % 50));
    } else {
      run(pid, "n" + std::to_string(random() % 50), random() % 100, faults);
    }
    faulted += faults;
    resize(pid, random() % 100);
    std::uint64_t counted = 0;
    for (const auto& [name, totals] : collect(grouping)) counted += totals.minor_faults;
    ASSERT_EQ(counted, faulted) << "round " << round;
  }
}

/// 1,000,000 names pass through, 2,000 a collection: what is kept does not grow with them, and the
/// time of a collection does not either.
TEST_F(GroupingTest, AMillionNamesLeaveNoGrowth) {
  Grouping grouping(by_name_, 1000);
  const auto round = [&](int number) {
    for (pid_t pid = 1; pid <= 2000; ++pid) {
      run(pid, "n" + std::to_string(number * 2000 + pid), 1 + static_cast<unsigned>(pid) % 7);
    }
    const auto began = Clock::now();
    EXPECT_EQ(collect(grouping).size(), 1000u);
    EXPECT_EQ(grouping.folded(), 1001u);
    EXPECT_LE(grouping.kept(), 1000u);
    return Clock::now() - began;
  };
  std::vector<Clock::duration> times;
  for (int i = 0; i < 500; ++i) times.push_back(round(i));
  const auto median = [](auto begin, auto end) {
    std::vector<Clock::duration> part(begin, end);
    std::nth_element(part.begin(), part.begin() + std::ssize(part) / 2, part.end());
    return part[part.size() / 2];
  };
  EXPECT_LT(median(times.end() - 100, times.end()), 3 * median(times.begin(), times.begin() + 100));
}

class GroupingsTest : public GroupingTest {
 protected:
  std::map<std::string, GroupTotals> collect_by(const char* dimension, std::size_t most = 10) {
    for (auto& [pid, process] : processes_) process.cgroup = cgroup_;
    groupings_.use({dimension_named(dimension)}, most, processes_);
    return collect(groupings_.current());
  }

  const std::shared_ptr<const std::string> cgroup_ = std::make_shared<std::string>("/c");
  Groupings groupings_;
};

TEST_F(GroupingsTest, OneThatComesBackGoesOnWhereItWasLeft) {
  run(1, "a", 1, 100);
  run(2, "a", 1, 10);
  EXPECT_EQ(collect_by("name").at("a").minor_faults, 110u);
  processes_.erase(2);
  EXPECT_EQ(collect_by("name").at("a").minor_faults, 110u);
  processes_.at(1).minor_faults += 1;
  EXPECT_EQ(collect_by("cgroup").at("/c").minor_faults, 101u)
      << "a new one begins with all there is";
  processes_.at(1).minor_faults += 1;
  run(3, "b", 1, 7);
  EXPECT_EQ(collect_by("cgroup").at("/c").minor_faults, 109u);
  const auto groups = collect_by("name");
  EXPECT_EQ(groups.at("a").minor_faults, 112u) << "what it did meanwhile is not lost";
  EXPECT_EQ(groups.at("b").minor_faults, 7u);
  EXPECT_EQ(collect_by("cgroup").at("/c").minor_faults, 109u);
}

TEST_F(GroupingsTest, WhoHasAPidOfBeforeIsSomebodyElse) {
  run(1, "a", 1, 100);
  run(2, "a", 1, 100);
  collect_by("name");
  collect_by("cgroup");
  processes_.erase(1);
  run(1, "a", 1, 300).id.start_time = 2000;
  processes_.erase(2);
  run(2, "a", 1, 5);  // within the tick of its start time
  EXPECT_EQ(collect_by("name").at("a").minor_faults, 200u + 300u + 5u);
}

TEST_F(GroupingsTest, FoldedGroupsFoldAgainAndOtherNeverFalls) {
  for (pid_t pid = 1; pid < 9; ++pid) run(pid, std::string(1, static_cast<char>('a' + pid)), 9, 10);
  EXPECT_EQ(collect_by("name", 3).at("other").minor_faults, 60u);
  collect_by("cgroup", 3);
  processes_.erase(8);
  const auto groups = collect_by("name", 3);
  EXPECT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups.at("other").minor_faults, 60u);
  EXPECT_GE(collect_by("name", 2).at("other").minor_faults, 70u);
}

TEST_F(GroupingsTest, OnlySoManyAreKept) {
  const auto* name = dimension_named("name");
  const auto* cgroup = dimension_named("cgroup");
  const GroupBy orders[] = {{name}, {cgroup}, {name, cgroup}, {cgroup, name}, {name, name}};
  static_assert(std::size(orders) == Groupings::most_kept + 2);
  run(1, "a", 1, 100);
  run(2, "a", 1, 100);
  const auto faults_by = [&](const GroupBy& group_by) {
    groupings_.use(group_by, 10, processes_);
    groupings_.current().assign(processes_, now_ += seconds(1));
    return groupings_.current().publish(processes_, now_).front().totals.minor_faults;
  };
  for (const auto& group_by : orders) EXPECT_EQ(faults_by(group_by), 200u);
  processes_.erase(2);
  EXPECT_EQ(faults_by(orders[1]), 200u) << "left the longest ago of those that are kept";
  EXPECT_EQ(faults_by(orders[0]), 100u) << "was let go";
}

}  // namespace
}  // namespace memory_exporter::process
