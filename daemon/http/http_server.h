#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/base/result.h"
#include "daemon/flags.h"
#include "daemon/log.h"

namespace memory_exporter {

/// A request, without its body: nothing here takes one.
struct HttpRequest {
  std::string method;
  std::string path;   ///< decoded, without the query
  std::string query;  ///< as it came
  std::vector<std::pair<std::string, std::string>> headers;

  /// The header's value, or nothing. Several of the same name are one list, with commas.
  std::string header(std::string_view name) const;

  /// The values of a parameter of the query, in order, decoded.
  std::vector<std::string> parameter(std::string_view name) const;
};

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// Serves HTTP/1.1 with CivetWeb: no TLS, no keep-alive, no files, one thread for each connection
/// that is being answered. GET, HEAD and everything else go to one handler; for HEAD the reply's
/// body is counted but not sent.
class HttpServer {
 public:
  using Handler = std::function<HttpReply(const HttpRequest&)>;

  struct Limits {
    unsigned threads = 48;
    /// For a request's head to be complete, and for a client to go on reading its reply (there not
    /// less than two seconds).
    std::chrono::milliseconds patience{2000};
  };

  /// Listens on every address or on none; the error names the flag and the address. The handler is
  /// called from many threads at once; what it throws becomes a 500.
  static Result<std::unique_ptr<HttpServer>> start(const std::vector<ListenAddress>& addresses,
                                                   Limits limits, Handler handler, Log& log);
  /// Answers the requests under way and closes the sockets. Takes 0.6 s at most: requests that are
  /// not answered, sent or taken in half of that are cut off.
  ~HttpServer();

  /// Where it listens, with the ports that the kernel chose.
  const std::vector<ListenAddress>& addresses() const;

 private:
  struct Parts;
  explicit HttpServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace memory_exporter
