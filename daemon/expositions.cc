#include "daemon/expositions.h"

#include <optional>

namespace memory_exporter {
namespace {

/// How long a scrape waits for the bytes of replies that are being sent.
constexpr std::chrono::milliseconds patience{500};

Error busy(std::string what) {
  return Error{ErrorKind::exhausted, std::move(what), {}, 0};
}

/// Two wishes with the same key get the same bytes.
std::string key_of(const Expositions::Wish& wish, bool gzip) {
  std::string key = std::to_string(wish.generation);
  key += wish.format == exposition::Format::text ? 't' : 'o';
  key += gzip ? 'z' : 'p';
  for (const bool wanted : wish.selection.wanted) key += wanted ? '1' : '0';
  return key;
}

bool reads_processes(const Selection& selection) {
  for (std::size_t i = 0; i < selection.wanted.size(); ++i) {
    if (selection.wanted[i] && (*selection.collectors)[i].reads_processes) return true;
  }
  return false;
}

/// One that is being made, for as long as this lives.
class Seat {
 public:
  explicit Seat(std::atomic<unsigned>& taken) : taken_(taken), number_(++taken) {}
  ~Seat() { --taken_; }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  unsigned number() const { return number_; }

 private:
  std::atomic<unsigned>& taken_;
  const unsigned number_;
};

}  // namespace

Expositions::Expositions(Options options, Scrape scrape)
    : options_(options),
      scrape_(std::move(scrape)),
      budget_(options.most_bytes),
      replies_(options.sharing) {
  on_shortage({});
}

void Expositions::on_shortage(std::function<void()> shed) {
  budget_.on_shortage([this, shed = std::move(shed)] {
    replies_.drop_kept();
    if (shed) shed();
  });
}

Result<Body> Expositions::get(const Wish& wish) {
  auto reply = wish.gzip
                   ? replies_.get(key_of(wish, true), wish.asker, [&] { return make_gzip(wish); })
                   : text(wish);
  if (!reply) return reply.error();
  return reply->body;
}

Result<SharedReplies::Reply> Expositions::text(const Wish& wish) {
  return replies_.get(key_of(wish, false), wish.asker, [&] { return make_text(wish); });
}

/// Of a selection without processes it is small beside the others.
std::size_t Expositions::expected_size(const Wish& wish) const {
  return reads_processes(wish.selection) ? last_size_.load() : 0;
}

Result<SharedReplies::Reply> Expositions::make_text(const Wish& wish) {
  const Seat seat(being_made_);
  if (options_.most_made > 0 && seat.number() > options_.most_made) {
    return busy("too many scrapes at the same time (--web.max-requests)");
  }
  const auto expected = expected_size(wish);
  auto claim = budget_.claim(expected, patience);
  if (!claim) return busy("too many bytes are being sent (--web.max-reply-bytes)");
  std::string out;
  out.reserve(expected + expected / 8);
  exposition::Encoder encoder(wish.format, out);
  const auto outcome = scrape_(wish.selection, wish.asker.deadline, encoder);
  encoder.finish();
  if (reads_processes(wish.selection)) last_size_ = out.size();
  return SharedReplies::Reply{budget_.keep(std::move(out), std::move(*claim)), outcome.collected,
                              outcome.whole};
}

Result<SharedReplies::Reply> Expositions::make_gzip(const Wish& wish) {
  auto plain = text(wish);
  if (!plain) return plain.error();
  auto claim = budget_.take(plain->body->size() / 8);
  const std::lock_guard lock(gzip_mutex_);
  plain->body = budget_.keep(std::string(gzip_.compress(*plain->body)), std::move(claim));
  return plain;
}

}  // namespace memory_exporter
