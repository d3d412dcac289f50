#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "collectors/base/result.h"
#include "daemon/exposition/compress.h"
#include "daemon/exposition/encoder.h"
#include "daemon/reply_budget.h"
#include "daemon/scrape.h"
#include "daemon/shared_replies.h"

namespace memory_exporter {

/// The bytes of /metrics, in the few forms there are of them. What is asked for at the same time,
/// or soon after, is collected, encoded and compressed once. How many are made at the same time is
/// bounded, and so are their bytes, until the last of them is sent.
class Expositions {
 public:
  struct Options {
    SharedReplies::Options sharing;
    unsigned most_made = 0;                          ///< at the same time; 0: no bound
    std::size_t most_bytes = std::size_t{32} << 20;  ///< of all, from their making on
  };

  /// What a scrape asks for.
  struct Wish {
    Selection selection;
    std::uint64_t generation = 0;  ///< of the selection's collectors
    exposition::Format format = exposition::Format::text;
    bool gzip = false;
    SharedReplies::Asker asker;
  };

  /// What one scrape came to.
  struct Outcome {
    SharedReplies::Clock::time_point collected;
    bool whole = true;  ///< nothing was left out for want of time
  };
  /// Scrapes the selection into the sink by the deadline. Called from many threads at once.
  using Scrape = std::function<Outcome(
      const Selection& selection, SharedReplies::Clock::time_point deadline, MetricSink& sink)>;

  Expositions(Options options, Scrape scrape);

  /// From now on.
  void use(SharedReplies::Options sharing) { replies_.use(sharing); }

  /// An error of the kind `exhausted` says that there is no room for it now.
  Result<Body> get(const Wish& wish);

  /// Called where bytes are short, to cut off who holds them without a claim.
  void on_shortage(std::function<void()> shed);

 private:
  Result<SharedReplies::Reply> text(const Wish& wish);
  Result<SharedReplies::Reply> make_text(const Wish& wish);
  Result<SharedReplies::Reply> make_gzip(const Wish& wish);
  std::size_t expected_size(const Wish& wish) const;

  const Options options_;
  const Scrape scrape_;
  ReplyBudget budget_;
  SharedReplies replies_;
  std::atomic<unsigned> being_made_ = 0;
  std::atomic<std::size_t> last_size_ = 0;  ///< of one with processes: the next one's first guess
  std::mutex gzip_mutex_;
  exposition::GzipCompressor gzip_;
};

}  // namespace memory_exporter
