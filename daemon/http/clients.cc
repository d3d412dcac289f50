#include "daemon/http/clients.h"

#include <algorithm>
#include <utility>

#include "daemon/http/tcp.h"

namespace memory_exporter {
namespace {

/// How soon the watch looks again while threads are short: after it cut somebody, or nobody.
constexpr std::chrono::milliseconds after_a_cut{2};
constexpr std::chrono::milliseconds after_none{20};

/// A head that is completed at this very moment is not lost.
void end_reading(Client& client) {
  client.cut = true;
  tcp::end_reading(client.fd);
}

void end(Client& client) {
  client.cut = true;
  tcp::end(client.fd);
}

}  // namespace

Clients::Clients(Limits limits) : limits_(limits), watch_([this] { watch(); }) {}

Clients::~Clients() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  watch_.join();
}

bool Clients::add(int fd, Ends ends) {
  const std::lock_guard lock(mutex_);
  const auto same = [&](const auto& client) { return client->ends == ends; };
  if (std::any_of(clients_.begin(), clients_.end(), same)) return false;
  // A descriptor that comes again was closed without a word.
  std::erase_if(clients_, [&](const auto& client) { return client->fd == fd; });
  clients_.push_back(std::shared_ptr<Client>(new Client{fd, std::move(ends)}));
  if (pressed()) changed_.notify_one();
  return true;
}

void Clients::taken_up() {
  const std::lock_guard lock(mutex_);
  ++taken_up_;
}

std::shared_ptr<Client> Clients::find(const Ends& ends) {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(clients_.begin(), clients_.end(),
                               [&](const auto& client) { return client->ends == ends; });
  return at == clients_.end() ? nullptr : *at;
}

void Clients::remove(const std::shared_ptr<Client>& client) {
  const std::lock_guard lock(mutex_);
  --taken_up_;
  std::erase(clients_, client);
}

bool Clients::answering(Client& client) {
  const std::lock_guard lock(mutex_);
  std::size_t waiting = 0;
  std::size_t reading = 0;
  for (const auto& other : clients_) {
    if (other->phase == Client::Phase::answering) ++waiting;
    if (other->phase == Client::Phase::sending) ++reading;
  }
  client.phase = Client::Phase::answering;
  client.cut = false;  // its head was complete after all
  if (std::exchange(client.seen_silent, false)) silence_.came();
  client.phase_began = Client::Clock::now();
  return waiting + std::min(reading, limits_.slow_places()) + limits_.spare() >= limits_.threads;
}

void Clients::sending(Client& client, const void* body, std::size_t size) {
  const std::lock_guard lock(mutex_);
  client.phase = Client::Phase::sending;
  client.phase_began = Client::Clock::now();
  client.body = body;
  client.size = size;
}

void Clients::stalled(Client& client) {
  const std::lock_guard lock(mutex_);
  if (client.cut.exchange(true)) return;
  ++counts_.stalled;
}

void Clients::shed() {
  const std::lock_guard lock(mutex_);
  cut_replies(clients_.size());
}

void Clients::cut_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& client : clients_) end(*client);
}

CutCounts Clients::cut_counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void Clients::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!pressed()) {
      changed_.wait(lock, [this] { return stopping_ || pressed(); });
      continue;
    }
    const auto cut = relieve();
    changed_.wait_for(lock, cut > 0 ? after_a_cut : after_none, [this] { return stopping_; });
  }
}

std::size_t Clients::relieve() {
  const auto going = static_cast<std::size_t>(std::count_if(
      clients_.begin(), clients_.end(), [](const auto& client) { return client->cut.load(); }));
  const auto wanted = threads_wanted();
  if (wanted <= limits_.threads + going) return 0;
  const auto missing = wanted - limits_.threads - going;
  const auto heads = cut_heads(missing);
  counts_.slow_head += heads;
  return heads + cut_replies(missing - heads);
}

/// Only of those that hold a thread. They come to one in the order in which they were accepted.
std::size_t Clients::cut_heads(std::size_t wanted) {
  const auto now = Client::Clock::now();
  const auto taken_up = std::min(taken_up_, clients_.size());
  std::vector<Client*> candidates;
  std::vector<eviction::Head> heads;
  for (std::size_t i = 0; i < taken_up; ++i) {
    const auto& client = clients_[i];
    if (client->phase != Client::Phase::head || client->cut) continue;
    if (tcp::head_waits(client->fd)) continue;
    const bool begun = tcp::received(client->fd) > 0;
    if (!begun) client->seen_silent = true;
    candidates.push_back(client.get());
    heads.push_back({client->ends.address, now - client->accepted, begun});
  }
  const auto chosen = eviction::heads_to_cut(heads, wanted, silence_.grace());
  for (const auto i : chosen) {
    if (!heads[i].begun) silence_.never_came();
    end_reading(*candidates[i]);
  }
  return chosen.size();
}

/// Of the readers that may be cut, the `wanted` slowest.
std::size_t Clients::cut_replies(std::size_t wanted) {
  const auto now = Client::Clock::now();
  std::vector<Client*> candidates;
  std::vector<eviction::Reply> replies;
  for (const auto& client : clients_) {
    if (client->phase != Client::Phase::sending || client->cut) continue;
    candidates.push_back(client.get());
    replies.push_back({client->body, client->size, now - client->phase_began, client->rate});
  }
  auto chosen = eviction::replies_to_cut(replies, {limits_.slow_places(), room_for_slow_readers()});
  chosen.resize(std::min(chosen.size(), wanted));
  for (const auto i : chosen) end(*candidates[i]);
  counts_.slow_reader += chosen.size();
  return chosen.size();
}

/// All but what the next reply will take, which is about as large as the largest.
std::size_t Clients::room_for_slow_readers() const {
  auto next = limits_.reply_bytes / 4;
  for (const auto& client : clients_) next = std::max(next, client->size);
  return limits_.reply_bytes - std::min(limits_.reply_bytes, next);
}

}  // namespace memory_exporter
