// A large process that times its own mmap and munmap, which wait while a reader of its page tables
// holds its mmap_lock.
//
//   stall_target MIB
//
// Fills MIB MiB of 4 KiB pages, says {"pid": N}, and then, for each line SECONDS of standard input,
// maps, touches and unmaps a page over and over for so long and answers with one line of JSON: the
// calls, the percentiles and the maximum of the time that one of them took, and the time spent in
// calls that took more than a millisecond, all in microseconds.
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t page_size = 4096;

char* map_pages(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("stall_target: mmap");
    std::exit(1);
  }
  return static_cast<char*>(memory);
}

/// Durations in buckets some 3 % wide: 32 for each power of two of nanoseconds.
class Histogram {
 public:
  void add(std::uint64_t nanoseconds) {
    ++count_;
    ++buckets_[index_of(nanoseconds)];
    if (nanoseconds > longest_) longest_ = nanoseconds;
    if (nanoseconds > 1'000'000) above_millisecond_ += nanoseconds;
  }

  void print(double seconds) const {
    std::printf(
        "{\"seconds\": %.3f, \"calls\": %llu, \"p50\": %.2f, \"p99\": %.2f, \"p99.9\": %.2f, "
        "\"max\": %.2f, \"above_ms\": %.2f}\n",
        seconds, static_cast<unsigned long long>(count_), quantile(0.5), quantile(0.99),
        quantile(0.999), static_cast<double>(longest_) / 1e3,
        static_cast<double>(above_millisecond_) / 1e3);
    std::fflush(stdout);
  }

 private:
  static constexpr std::size_t steps = 32;

  static std::size_t index_of(std::uint64_t value) {
    if (value < steps) return value;
    const auto power = static_cast<std::size_t>(std::bit_width(value)) - 6;
    return (power + 1) * steps + ((value >> power) - steps);
  }

  static std::uint64_t upper_bound_of(std::size_t index) {
    if (index < steps) return index;
    const auto power = index / steps - 1;
    return ((index % steps + steps + 1) << power) - 1;
  }

  double quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted) return static_cast<double>(upper_bound_of(i)) / 1e3;
    }
    return static_cast<double>(longest_) / 1e3;
  }

  std::array<std::uint64_t, 64 * steps> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t longest_ = 0;
  std::uint64_t above_millisecond_ = 0;
};

void measure(double seconds) {
  Histogram histogram;
  const auto start = Clock::now();
  const auto end =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  auto before = start;
  while (before < end) {
    char* page = map_pages(page_size);
    const auto mapped = Clock::now();
    *static_cast<volatile char*>(page) = 1;
    const auto touched = Clock::now();
    munmap(page, page_size);
    const auto unmapped = Clock::now();
    histogram.add(static_cast<std::uint64_t>((mapped - before).count()));
    histogram.add(static_cast<std::uint64_t>((unmapped - touched).count()));
    before = unmapped;
  }
  histogram.print(std::chrono::duration<double>(before - start).count());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: stall_target MIB\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto bytes = std::strtoul(argv[1], nullptr, 10) << 20;
  char* memory = map_pages(bytes);
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  for (std::size_t at = 0; at < bytes; at += page_size) memory[at] = 1;
  std::printf("{\"pid\": %d}\n", getpid());
  std::fflush(stdout);
  std::array<char, 64> line;
  while (std::fgets(line.data(), static_cast<int>(line.size()), stdin) != nullptr) {
    measure(std::strtod(line.data(), nullptr));
  }
  return 0;
}
