// CivetWeb 1.15 as our HTTP server, and all that has to be known about it:
//
// - It has a thread for each connection, from the first byte of the head to the last of the reply.
//   Which ones there are, and what for, Clients knows; CivetWeb tells neither their descriptors nor
//   that it has accepted one, so accept() is ours (below).
// - Behind a reply it reads on for as long as a body was announced, unless keep-alive is off for
//   the request at hand.
// - mg_write() waits for as long as the timeout of heads and then gives up; where there is room it
//   writes at once. So room is waited for here.
// - It stops within two seconds or when something happens on its sockets; and once it is told to
//   stop, it sends no more.
// - It closes a request for "*" or for another server's URL without an answer.
// - It starts without its accepting thread where that cannot be had, and then never stops.

#include <civetweb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <future>
#include <system_error>
#include <thread>
#include <utility>

#include "daemon/http/capacity.h"
#include "daemon/http/clients.h"
#include "daemon/http/http_server.h"
#include "daemon/http/listening.h"
#include "daemon/http/tcp.h"

namespace memory_exporter {
namespace {

using std::chrono::milliseconds;

/// A head has this much. Each thread keeps a buffer of it, and all of that once a client has filled
/// it: 0.3 MiB for 40 threads.
constexpr std::size_t most_head = 8192;

/// The kernel says that there is room when a third of its buffer is free, so this never blocks.
constexpr std::size_t write_size = 32 * 1024;

HttpRequest request_of(const mg_request_info& info) {
  const auto text = [](const char* value) { return value == nullptr ? "" : value; };
  HttpRequest request;
  request.method = text(info.request_method);
  request.path = text(info.local_uri);
  request.query = text(info.query_string);
  for (int i = 0; i < info.num_headers; ++i) {
    request.headers.emplace_back(info.http_headers[i].name, info.http_headers[i].value);
  }
  return request;
}

/// Gives the pages of the calling thread's stack that lie below the caller back to the kernel. Each
/// of CivetWeb's threads comes to a request in its turn and would keep the 30 KiB of one for good.
/// About 3 us, and 11 us for the page faults of the next request.
void give_back_stack() {
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return;
  void* stack = nullptr;
  std::size_t size = 0;
  ::pthread_attr_getstack(&attributes, &stack, &size);
  ::pthread_attr_destroy(&attributes);
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const auto lowest = reinterpret_cast<std::uintptr_t>(stack);
  // The page below is left alone: this function's own frame and those of what it calls.
  const auto end = (here & ~(page - 1)) - page;
  if (end > lowest) ::madvise(stack, end - lowest, MADV_DONTNEED);
}

/// Counts a request for as long as it lives.
class Active {
 public:
  explicit Active(std::atomic<unsigned>& count) : count_(count) { ++count_; }
  ~Active() { --count_; }
  Active(const Active&) = delete;
  Active& operator=(const Active&) = delete;

 private:
  std::atomic<unsigned>& count_;
};

/// The server for which this thread accepts; null in every other thread.
thread_local Clients* accepts_for = nullptr;

/// What the thread at hand serves.
thread_local std::shared_ptr<Client> served;

/// Whether it was answered.
thread_local bool answered = false;

/// Whether the thread at hand has handled a request since it last gave its stack back.
thread_local bool used_its_stack = false;

}  // namespace

struct HttpServer::Parts {
  Parts(Limits chosen, Clients::Limits of_clients, Handlers handle, Log& to)
      : limits(chosen), handlers(std::move(handle)), log(to), clients(of_clients) {
    // Without MG_FEATURES_TLS: OpenSSL is never loaded.
    mg_init_library(MG_FEATURES_DEFAULT);
  }
  ~Parts() {
    if (context != nullptr) stop();
    mg_exit_library();
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  Status start(const std::string& ports, const Capacity& capacity);
  void stop();

  static Parts& of(const mg_connection* connection) {
    return *static_cast<Parts*>(mg_get_user_context_data(connection));
  }

  static void* on_thread(const mg_context* context, int type);
  static int on_taken_up(const mg_connection* connection, void** data);
  static int on_request(mg_connection* connection);
  static int on_error(mg_connection* connection, int status, const char* message);
  static int on_message(const mg_connection* connection, const char* message);
  static void on_close(const mg_connection* connection);
  static void on_closed(const mg_connection* connection);

  HttpReply answer(const HttpRequest& request) const;
  void serve(mg_connection* connection, const mg_request_info& info);
  void refuse(mg_connection* connection, int status, std::string_view message);
  void send(mg_connection* connection, const HttpReply& reply, bool with_body);
  bool send_text(mg_connection* connection, std::string_view text, tcp::Pace& pace);
  Client* serving(const mg_connection* connection);

  const Limits limits;
  const Handlers handlers;
  Log& log;
  Clients clients;
  mg_context* context = nullptr;
  std::vector<ListenAddress> addresses;
  std::promise<void> accepting;      ///< the accepting thread runs
  std::atomic<unsigned> active = 0;  ///< requests from their head to the end of their reply
};

/// The clients that are left would hold up the threads that CivetWeb waits for.
void HttpServer::Parts::stop() {
  constexpr auto step = milliseconds(10);
  constexpr auto grace = milliseconds(300);
  for (auto waited = step * 0; active > 0 && waited < grace; waited += step) {
    std::this_thread::sleep_for(step);
  }
  std::future<void> stopped;
  try {
    stopped = std::async(std::launch::async, [this] { mg_stop(context); });
  } catch (const std::system_error&) {
    clients.cut_all();
    mg_stop(context);
    return;
  }
  auto waited = step * 0;
  do {
    for (const auto& address : addresses) knock(address);
    if (waited >= grace) clients.cut_all();
    waited += step;
  } while (stopped.wait_for(step) != std::future_status::ready);
}

void* HttpServer::Parts::on_thread(const mg_context* context, int type) {
  constexpr int accepting_thread = 0;
  if (type != accepting_thread) return nullptr;
  auto& parts = *static_cast<Parts*>(mg_get_user_data(context));
  accepts_for = &parts.clients;
  parts.accepting.set_value();
  return nullptr;
}

int HttpServer::Parts::on_taken_up(const mg_connection* connection, void**) {
  of(connection).clients.taken_up();
  return 0;
}

/// The connection that this thread serves; null where it came by another way than our accept().
Client* HttpServer::Parts::serving(const mg_connection* connection) {
  if (served) return served.get();
  const auto* info = mg_get_request_info(connection);
  if (info == nullptr) return nullptr;
  served = clients.find({info->remote_addr, static_cast<std::uint16_t>(info->remote_port),
                         static_cast<std::uint16_t>(info->server_port)});
  if (!served) log.error("a connection without bounds: accept() of another library is in force");
  return served.get();
}

HttpReply HttpServer::Parts::answer(const HttpRequest& request) const {
  try {
    return handlers.answer(request);
  } catch (const std::exception& failed) {
    log.error("request failed", {{"path", request.path}, {"error", failed.what()}});
    return plain_reply(500, "internal error, see the log");
  }
}

void HttpServer::Parts::serve(mg_connection* connection, const mg_request_info& info) {
  auto request = request_of(info);
  auto* client = serving(connection);
  if (client != nullptr) request.crowded = clients.answering(*client);
  const bool crowded = request.crowded;
  const bool with_body = request.method != "HEAD";
  send(connection, answer(request), with_body);
  if (client != nullptr && !crowded && !client->cut &&
      (info.content_length > 0 || tcp::has_unread(client->fd))) {
    tcp::read_rest(client->fd);
  }
}

/// Every well-formed request. No exception may pass into CivetWeb's C code.
int HttpServer::Parts::on_request(mg_connection* connection) {
  mg_disable_connection_keep_alive(connection);
  used_its_stack = true;
  auto& parts = of(connection);
  const Active active(parts.active);
  answered = true;
  try {
    parts.serve(connection, *mg_get_request_info(connection));
  } catch (const std::exception&) {
    // No memory for so much as the request: the connection is closed.
  }
  constexpr int handled = 200;  // any number above 0
  return handled;
}

/// What CivetWeb refuses by itself: no HTTP, a head that is too long, or one that did not come.
int HttpServer::Parts::on_error(mg_connection* connection, int status, const char* message) {
  try {
    of(connection).refuse(connection, status, message == nullptr ? "" : message);
  } catch (const std::exception&) {
    return 0;
  }
  return 0;
}

/// A head without an end is one that is no HTTP for CivetWeb; how much has come tells them apart.
void HttpServer::Parts::refuse(mg_connection* connection, int status, std::string_view message) {
  answered = true;
  const auto* client = serving(connection);
  const bool without_head = message == "Malformed message";
  if (client != nullptr && without_head && tcp::received(client->fd) >= most_head) status = 431;
  if (client != nullptr && client->cut) status = 408;
  if (handlers.refused) handlers.refused(status);
  send(connection, plain_reply(status, std::string(reason(status))), true);
}

/// Small replies go out in one piece; a large body is not copied to get its head in front.
void HttpServer::Parts::send(mg_connection* connection, const HttpReply& reply, bool with_body) {
  constexpr std::size_t small = 4096;
  auto head = head_of(reply);
  const auto& body = *reply.body;
  const bool together = with_body && body.size() <= small;
  if (together) head += body;
  auto* client = serving(connection);
  if (client == nullptr) {
    if (mg_write(connection, head.data(), head.size()) <= 0) return;
    if (with_body && !together) mg_write(connection, body.data(), body.size());
    return;
  }
  clients.sending(*client, &body, with_body ? body.size() : 0);
  tcp::Pace pace(*client, limits.reply_patience);
  if (!send_text(connection, head, pace)) return;
  if (with_body && !together) send_text(connection, body, pace);
}

bool HttpServer::Parts::send_text(mg_connection* connection, std::string_view text,
                                  tcp::Pace& pace) {
  constexpr int look_again = 250;  // ms: a rate is known after two looks
  while (!text.empty()) {
    pollfd room{served->fd, POLLOUT, 0};
    const auto ready = ::poll(&room, 1, look_again);
    if (served->cut && (room.revents & POLLHUP) != 0) return false;
    if (ready > 0 && (room.revents & POLLOUT) == 0) return false;
    if (ready > 0) {
      const auto wrote = mg_write(connection, text.data(), std::min(text.size(), write_size));
      if (wrote <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(wrote));
      pace.wrote(static_cast<std::size_t>(wrote));
    } else if (!pace.goes_on()) {
      clients.stalled(*served);
      return false;
    }
  }
  return true;
}

void HttpServer::Parts::on_close(const mg_connection* connection) {
  auto& parts = of(connection);
  parts.serving(connection);
  // A request for "*" or for another server is closed without a word.
  const auto* info = mg_get_request_info(connection);
  if (!answered && info != nullptr && info->request_method != nullptr) {
    on_error(const_cast<mg_connection*>(connection), 400, "");
  }
  answered = false;
  parts.clients.remove(served);
  served.reset();
}

void HttpServer::Parts::on_closed(const mg_connection*) {
  if (std::exchange(used_its_stack, false)) give_back_stack();
}

int HttpServer::Parts::on_message(const mg_connection* connection, const char* message) {
  // Without a connection it is about starting, which reports its own errors.
  if (connection == nullptr) return 1;
  try {
    of(connection).log.debug("HTTP server", {{"message", message}});
  } catch (const std::exception&) {
    return 1;
  }
  return 1;
}

Status HttpServer::Parts::start(const std::string& ports, const Capacity& capacity) {
  const auto threads = std::to_string(capacity.threads);
  const auto queue = std::to_string(capacity.queue);
  const auto patience = std::to_string(limits.head_patience.count());
  const auto head = std::to_string(most_head);
  const std::array<const char*, 23> options = {
      "listening_ports", ports.c_str(), "num_threads", threads.c_str(), "connection_queue",
      queue.c_str(), "request_timeout_ms", patience.c_str(), "max_request_size", head.c_str(),
      "enable_keep_alive", "no",
      // The head and a large body are two writes; the second must not wait for the client's ACK.
      "tcp_nodelay", "1", "enable_auth_domain_check", "no",
      // No answers to cross-origin preflights: no page of another site has business here.
      "access_control_allow_origin", "", "access_control_allow_methods", "",
      "access_control_allow_headers", "", nullptr};
  mg_callbacks callbacks{};
  callbacks.init_thread = &Parts::on_thread;
  callbacks.init_connection = &Parts::on_taken_up;
  callbacks.begin_request = &Parts::on_request;
  callbacks.http_error = &Parts::on_error;
  callbacks.log_message = &Parts::on_message;
  callbacks.connection_close = &Parts::on_close;
  callbacks.connection_closed = &Parts::on_closed;
  context = mg_start(&callbacks, this, const_cast<const char**>(options.data()));
  if (context == nullptr) {
    return Error{ErrorKind::failed, "--web.listen-address: cannot serve on " + ports, {}, 0};
  }
  if (accepting.get_future().wait_for(std::chrono::seconds(5)) != std::future_status::ready) {
    return Error{ErrorKind::failed,
                 "too few threads to serve HTTP: raise TasksMax=, ulimit -u or ulimit -v",
                 {},
                 0};
  }
  return Done{};
}

HttpServer::HttpServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

HttpServer::~HttpServer() = default;

const std::vector<ListenAddress>& HttpServer::addresses() const {
  return parts_->addresses;
}

void HttpServer::shed() {
  parts_->clients.shed();
}

CutCounts HttpServer::cut_counts() const {
  return parts_->clients.cut_counts();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::vector<ListenAddress>& addresses,
                                                      Limits limits, Handlers handlers, Log& log) {
  std::string ports;
  for (const auto& address : addresses) {
    if (auto listening = can_listen(address); !listening) return listening.error();
    if (!ports.empty()) ports += ',';
    // A bare port number is CivetWeb's way to say every IPv4 address.
    ports += address.host.empty() ? std::to_string(address.port) : address.text();
  }
  const auto capacity = affordable(limits.threads);
  if (!capacity) return capacity.error();
  if (capacity->threads < limits.threads) {
    log.warn("fewer HTTP threads than wanted: descriptors or threads are limited",
             {{"wanted", std::to_string(limits.threads)},
              {"threads", std::to_string(capacity->threads)}});
  }
  std::unique_ptr<Parts> parts;
  try {
    parts = std::make_unique<Parts>(limits, Clients::Limits{capacity->threads, limits.reply_bytes},
                                    std::move(handlers), log);
  } catch (const std::system_error& failed) {
    return Error{ErrorKind::failed, std::string("cannot serve HTTP: ") + failed.what(), {}, 0};
  }
  if (auto started = parts->start(ports, *capacity); !started) {
    // What runs without its accepting thread cannot be stopped, nor what it uses be freed.
    if (parts->context != nullptr) static_cast<void>(parts.release());
    return started.error();
  }
  std::vector<mg_server_port> listening(addresses.size());
  const int count =
      mg_get_server_ports(parts->context, static_cast<int>(listening.size()), listening.data());
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    parts->addresses.push_back(
        {addresses[at].host, static_cast<std::uint16_t>(listening[at].port)});
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts)));
}

}  // namespace memory_exporter

/// CivetWeb's accept(): the program's symbols go before those of libc. It is the one place where
/// every connection passes with its descriptor. In all other threads it is the kernel's.
extern "C" __attribute__((visibility("default"))) int accept(int listener, sockaddr* address,
                                                             socklen_t* size) {
  using namespace memory_exporter;
  if (accepts_for == nullptr) return ::accept4(listener, address, size, 0);
  const int fd = ::accept4(listener, address, size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    // Out of descriptors or memory the listener stays ready, and CivetWeb would try again at once.
    if (errno != EAGAIN && errno != ECONNABORTED) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return fd;
  }
  bool known = false;
  try {
    tcp::bound_send_buffer(fd);
    known = accepts_for->add(fd, tcp::ends_of(fd, address, *size));
  } catch (const std::exception&) {
    known = false;  // no memory for it
  }
  if (known) return fd;
  ::close(fd);
  errno = ECONNABORTED;
  return -1;
}
