#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "collectors/base/result.h"
#include "config/listen_address.h"
#include "daemon/http/clients.h"
#include "daemon/http/http_message.h"
#include "daemon/log.h"

namespace memory_exporter {

/// Serves HTTP/1.1: no TLS, no keep-alive, no files, one thread for each connection that is being
/// answered. GET, HEAD and everything else go to one handler; for HEAD the reply's body is counted
/// but not sent. What is no HTTP is refused without the handler.
///
/// No client can keep the others out: see Clients. A reply is sent for as long as its client goes
/// on taking it, however slowly, where threads and bytes suffice.
class HttpServer {
 public:
  struct Handlers {
    /// Called from many threads at once. What it throws becomes a 500.
    std::function<HttpReply(const HttpRequest&)> answer;
    /// Told the status of each request that was refused without it. May be empty.
    std::function<void(int status)> refused;
  };

  struct Limits {
    unsigned threads = 40;  ///< fewer where descriptors or threads are short
    /// For a request's head to be complete, where nobody waits for the thread.
    std::chrono::milliseconds head_patience{2000};
    /// For a client to go on taking its reply.
    std::chrono::milliseconds reply_patience{10'000};
    /// Of distinct replies that are sent at the same time, as the handler keeps to it.
    std::size_t reply_bytes = std::size_t{32} << 20;
  };

  /// Listens on every address or on none; the error names the flag and the address, or says that
  /// threads or descriptors are short.
  static Result<std::unique_ptr<HttpServer>> start(const std::vector<ListenAddress>& addresses,
                                                   Limits limits, Handlers handlers, Log& log);
  /// Answers the requests under way and closes the sockets. Takes 0.6 s at most: requests that are
  /// not answered, sent or taken in half of that are cut off.
  ~HttpServer();

  /// Where it listens, with the ports that the kernel chose.
  const std::vector<ListenAddress>& addresses() const;

  /// Cuts off readers that keep bytes from others without a claim to them.
  void shed();

  CutCounts cut_counts() const;

 private:
  struct Parts;
  explicit HttpServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace memory_exporter
