#include "daemon/http/http_server.h"

#include <arpa/inet.h>
#include <civetweb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <optional>
#include <system_error>
#include <thread>

#include "collectors/base/text.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// As in a form: '+' is a blank, %XX a byte. A '%' that starts no such byte stays as it is.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
               hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string text_or_empty(const char* text) {
  return text == nullptr ? "" : text;
}

HttpRequest request_of(const mg_request_info& info) {
  HttpRequest request;
  request.method = text_or_empty(info.request_method);
  request.path = text_or_empty(info.local_uri);
  request.query = text_or_empty(info.query_string);
  for (int i = 0; i < info.num_headers; ++i) {
    request.headers.emplace_back(info.http_headers[i].name, info.http_headers[i].value);
  }
  return request;
}

/// Small replies go out in one piece; a large body is not copied to get its head in front.
void send(mg_connection* connection, const HttpReply& reply, bool with_body) {
  constexpr std::size_t small = 4096;
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + ' ';
  head.append(reason(reply.status)).append("\r\nContent-Type: ").append(reply.content_type);
  head += "\r\nContent-Length: " + std::to_string(reply.body.size());
  for (const auto& [name, value] : reply.headers) {
    head.append("\r\n").append(name).append(": ").append(value);
  }
  head += "\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
  const bool together = with_body && reply.body.size() <= small;
  if (together) head += reply.body;
  if (mg_write(connection, head.data(), head.size()) <= 0) return;
  if (with_body && !together) mg_write(connection, reply.body.data(), reply.body.size());
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

FileDescriptor tcp_socket() {
  return FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

sockaddr_in socket_address(const ListenAddress& address) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(address.port);
  if (!address.host.empty()) ::inet_pton(AF_INET, address.host.c_str(), &result.sin_addr);
  return result;
}

/// A connection that is closed at once; whether it is made does not matter. No address stands for
/// this machine.
void connect_to(const ListenAddress& address) {
  const auto socket = tcp_socket();
  const auto to = socket_address(address);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) return;
}

/// The port of this end of a TCP connection; nothing for any other descriptor.
std::optional<std::uint16_t> connected_port(int fd) {
  sockaddr_in name{};
  socklen_t size = sizeof(name);
  auto* generic = reinterpret_cast<sockaddr*>(&name);
  if (::getpeername(fd, generic, &size) != 0 || name.sin_family != AF_INET) return std::nullopt;
  size = sizeof(name);
  if (::getsockname(fd, generic, &size) != 0) return std::nullopt;
  return ntohs(name.sin_port);
}

/// Ends every connection to the addresses. CivetWeb does not tell its sockets, the kernel does.
void cut_off_clients(const std::vector<ListenAddress>& addresses) {
  const auto own = procfs::Tree::open("/proc/self/fd");
  if (!own) return;
  const auto names = own->list(".");
  if (!names) return;
  for (const auto& name : *names) {
    const auto fd = to_number<int>(name);
    if (!fd) continue;
    const auto port = connected_port(*fd);
    const bool ours =
        port && std::any_of(addresses.begin(), addresses.end(),
                            [&](const auto& address) { return address.port == *port; });
    // A descriptor that was closed in between and is something else by now is at worst a socket of
    // the same server.
    if (ours) ::shutdown(*fd, SHUT_RDWR);
  }
}

/// CivetWeb says only that it could not listen. Trying it first gives the reason, in the kernel's
/// words; the race between the two tries is harmless, as the second one fails as well.
Status can_listen(const ListenAddress& address) {
  const auto socket = tcp_socket();
  const auto wanted = socket_address(address);
  const int on = 1;
  if (socket.valid() &&
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&wanted), sizeof(wanted)) == 0 &&
      ::listen(socket.get(), 1) == 0) {
    return Done{};
  }
  const int error_number = errno;
  return Error{ErrorKind::failed,
               "--web.listen-address: cannot listen on " + address.text() + ": " +
                   std::generic_category().message(error_number) +
                   (error_number == EADDRINUSE ? ": another program does; choose another port"
                                               : ": choose another address or port"),
               {},
               0};
}

}  // namespace

std::string HttpRequest::header(std::string_view name) const {
  std::string all;
  for (const auto& [known, value] : headers) {
    if (known.size() != name.size() ||
        mg_strncasecmp(known.c_str(), name.data(), name.size()) != 0) {
      continue;
    }
    if (!all.empty()) all += ", ";
    all += value;
  }
  return all;
}

std::vector<std::string> HttpRequest::parameter(std::string_view name) const {
  std::vector<std::string> values;
  std::string_view rest = query;
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const auto equals = pair.find('=');
    if (decoded(pair.substr(0, equals)) != name) continue;
    values.push_back(equals == std::string_view::npos ? "" : decoded(pair.substr(equals + 1)));
  }
  return values;
}

namespace {

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

}  // namespace

struct HttpServer::Parts {
  Parts(Handler handle, Log& to) : handler(std::move(handle)), log(to) {
    // Without MG_FEATURES_TLS: OpenSSL is never loaded.
    mg_init_library(MG_FEATURES_DEFAULT);
  }
  ~Parts() {
    if (context != nullptr) stop();
    mg_exit_library();
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  void stop();

  static Parts& of(const mg_connection* connection) {
    return *static_cast<Parts*>(mg_get_user_context_data(connection));
  }

  static int on_request(mg_connection* connection);
  static int on_error(mg_connection* connection, int status, const char* message);
  static int on_message(const mg_connection* connection, const char* message);
  static void on_closed(const mg_connection*) { give_back_stack(); }

  const Handler handler;
  Log& log;
  mg_context* context = nullptr;
  std::vector<ListenAddress> addresses;
  std::atomic<unsigned> active = 0;  ///< requests from their head to the end of their reply
};

/// Once it is told to stop, CivetWeb sends no more, so the replies under way go first. Its
/// accepting thread looks for a stop once in two seconds, or when a connection comes in: so one
/// does. Its other threads look when their client sends or reads something: those that wait for
/// that are cut off.
void HttpServer::Parts::stop() {
  constexpr auto step = std::chrono::milliseconds(10);
  constexpr auto grace = std::chrono::milliseconds(300);
  for (auto waited = step * 0; active > 0 && waited < grace; waited += step) {
    std::this_thread::sleep_for(step);
  }
  auto stopped = std::async(std::launch::async, [this] { mg_stop(context); });
  auto waited = step * 0;
  do {
    for (const auto& address : addresses) connect_to(address);
    if (waited >= grace) cut_off_clients(addresses);
    waited += step;
  } while (stopped.wait_for(step) != std::future_status::ready);
}

/// Every well-formed request. No exception may pass into CivetWeb's C code.
int HttpServer::Parts::on_request(mg_connection* connection) {
  auto& parts = of(connection);
  const Active active(parts.active);
  try {
    const auto request = request_of(*mg_get_request_info(connection));
    HttpReply reply;
    try {
      reply = parts.handler(request);
    } catch (const std::exception& failed) {
      parts.log.error("request failed", {{"path", request.path}, {"error", failed.what()}});
      reply = HttpReply{500, "text/plain; charset=utf-8", {}, "internal error, see the log\n"};
    }
    send(connection, reply, request.method != "HEAD");
    return reply.status;
  } catch (const std::exception&) {
    return 500;  // no memory for so much as the request: the connection is closed
  }
}

/// What CivetWeb refuses by itself: no HTTP, or a head that is too long.
int HttpServer::Parts::on_error(mg_connection* connection, int status, const char*) {
  try {
    send(connection,
         HttpReply{status, "text/plain; charset=utf-8", {}, std::string(reason(status)) + '\n'},
         true);
  } catch (const std::exception&) {
    return 0;
  }
  return 0;
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

HttpServer::HttpServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

HttpServer::~HttpServer() = default;

const std::vector<ListenAddress>& HttpServer::addresses() const {
  return parts_->addresses;
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::vector<ListenAddress>& addresses,
                                                      Limits limits, Handler handler, Log& log) {
  std::string ports;
  for (const auto& address : addresses) {
    if (auto listening = can_listen(address); !listening) return listening.error();
    if (!ports.empty()) ports += ',';
    // A bare port number is CivetWeb's way to say every IPv4 address.
    ports += address.host.empty() ? std::to_string(address.port) : address.text();
  }
  const auto threads = std::to_string(limits.threads);
  const auto patience = std::to_string(limits.patience.count());
  const std::array<const char*, 19> options = {
      "listening_ports", ports.c_str(), "num_threads", threads.c_str(), "request_timeout_ms",
      patience.c_str(), "enable_keep_alive", "no",
      // The head and a large body are two writes; the second must not wait for the client's ACK.
      "tcp_nodelay", "1", "enable_auth_domain_check", "no",
      // No answers to cross-origin preflights: no page of another site has business here.
      "access_control_allow_origin", "", "access_control_allow_methods", "",
      "access_control_allow_headers", "", nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = &Parts::on_request;
  callbacks.http_error = &Parts::on_error;
  callbacks.log_message = &Parts::on_message;
  callbacks.connection_closed = &Parts::on_closed;

  auto parts = std::make_unique<Parts>(std::move(handler), log);
  auto* options_begin = const_cast<const char**>(options.data());
  parts->context = mg_start(&callbacks, parts.get(), options_begin);
  if (parts->context == nullptr) {
    return Error{ErrorKind::failed, "--web.listen-address: cannot serve on " + ports, {}, 0};
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
