#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace memory_exporter {

/// A request, without its body: nothing here takes one.
struct HttpRequest {
  std::string method;
  std::string path;   ///< decoded, without the query
  std::string query;  ///< as it came
  std::vector<std::pair<std::string, std::string>> headers;
  /// Few of the server's threads are left for others: what would have to wait is better refused.
  bool crowded = false;

  /// The header's value, or nothing. Several of the same name are one list, with commas.
  std::string header(std::string_view name) const;

  /// The values of a parameter of the query, in order, decoded.
  std::vector<std::string> parameter(std::string_view name) const;
};

/// The bytes of a reply. Several replies may send the same.
using Body = std::shared_ptr<const std::string>;

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers;
  Body body = std::make_shared<const std::string>();
};

/// The reply's head as it goes on the wire, its last empty line included.
std::string head_of(const HttpReply& reply);

/// What a status is called.
std::string_view reason(int status);

/// A status and one line of text.
HttpReply plain_reply(int status, std::string line);

/// 503: there is no room for this request now. Says when to try again.
HttpReply busy_reply(std::string line);

}  // namespace memory_exporter
