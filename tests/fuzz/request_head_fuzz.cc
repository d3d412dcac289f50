// A request's head, as the HTTP server hands it on: a line with method, path and query, then
// headers. Who may ask, what is answered, and for how long.
#include <arpa/inet.h>

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "collectors/base/text.h"
#include "daemon/exposition/negotiation.h"
#include "daemon/http/router.h"
#include "daemon/time_to_answer.h"
#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

HttpRequest request_from(std::string_view head) {
  HttpRequest request;
  auto line = take_line(head);
  request.method = take_word(line);
  auto target = take_word(line);
  request.path = target.substr(0, target.find('?'));
  request.query = target.substr(std::min(request.path.size() + 1, target.size()));
  while (!head.empty() && request.headers.size() < 100) {
    line = take_line(head);
    const auto colon = std::min(line.find(':'), line.size());
    auto value = line.substr(std::min(colon + 1, line.size()));
    skip_blanks(value);
    request.headers.emplace_back(line.substr(0, colon), value);
  }
  return request;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

std::string slow_header(const HttpRequest& request, const std::string& name) {
  std::string all;
  for (const auto& [known, value] : request.headers) {
    if (lower(known) != lower(name)) continue;
    all = all.empty() ? value : all + ", " + value;
  }
  return all;
}

/// "host", "host:port", "[address]:port": the host in small letters without the last dot; empty
/// where it is none of these.
std::string slow_host(std::string text) {
  std::string after;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos) return "";
    after = text.substr(end + 1);
    text = text.substr(1, end - 1);
    if (text.find(':') == std::string::npos) return "";
  } else {
    after = text.substr(std::min(text.find(':'), text.size()));
    text.erase(text.size() - after.size());
  }
  if (!after.empty() &&
      (after[0] != ':' || after.find_first_not_of("0123456789", 1) != std::string::npos)) {
    return "";
  }
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && std::strchr("-._:", c) == nullptr) {
      return "";
    }
    if (c == '\0') return "";
  }
  if (text.ends_with('.')) text.pop_back();
  return lower(text);
}

/// Four numbers from 0 to 255 without leading zeros.
bool is_ipv4(const std::string& text) {
  std::size_t at = 0;
  for (int part = 0; part < 4; ++part) {
    const auto end = std::min(text.find('.', at), text.size());
    const auto digits = text.substr(at, end - at);
    if (digits.empty() || digits.size() > 3 ||
        digits.find_first_not_of("0123456789") != std::string::npos || std::stoi(digits) > 255 ||
        (digits.size() > 1 && digits[0] == '0')) {
      return false;
    }
    if (part == 3) return end == text.size();
    if (end == text.size()) return false;
    at = end + 1;
  }
  return false;
}

/// Any name that nobody outside can make stand for this machine, and those that were allowed.
bool may_ask(const std::string& host, const std::string& own) {
  if (host.empty()) return true;
  const auto name = slow_host(host);
  in6_addr address{};
  const bool is_ipv6 =
      name.find(':') != std::string::npos && ::inet_pton(AF_INET6, name.c_str(), &address) == 1;
  return is_ipv4(name) || is_ipv6 || name == "localhost" || name == own ||
         name == "node1.example.org" ||
         (name.size() > 12 && name.substr(name.size() - 12) == ".example.net");
}

bool comes_from_elsewhere(const HttpRequest& request) {
  const auto origin = slow_header(request, "origin");
  if (origin.empty()) return false;
  const auto scheme = origin.find("://");
  if (scheme == std::string::npos) return true;
  const auto site = slow_host(origin.substr(scheme + 3));
  return site.empty() || site != slow_host(slow_header(request, "host"));
}

std::string own_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return lower(name);
}

/// Lines that end in CR LF and hold neither, the last of them empty.
void require_whole_head(const std::string& head) {
  fuzz::require(head.ends_with("\r\n\r\n"), "a head ends with an empty line");
  std::size_t at = 0;
  while (at < head.size() - 2) {
    const auto end = head.find("\r\n", at);
    fuzz::require(end > at, "no line of a head is empty but the last");
    fuzz::require(head.substr(at, end - at).find_first_of("\r\n") == std::string::npos,
                  "a line of a head is one line");
    at = end + 2;
  }
}

void require_right_answer(const HttpRequest& request) {
  using Names = Endpoint::Names;
  static const auto own = own_name();
  int asked = 0;
  const auto answer = [&](const HttpRequest&) {
    ++asked;
    return plain_reply(200, "yes");
  };
  const Router router({{"/metrics", {"GET", "HEAD"}, Names::any, answer},
                       {"/-/reload", {"POST"}, Names::known, answer},
                       {"/", {"GET", "HEAD"}, Names::known, answer}},
                      Hosts({"node1.example.org", ".example.net"}));
  const auto reply = router.answer(request);
  require_whole_head(head_of(reply));
  const auto& path = request.path;
  const bool reload = path == "/-/reload";
  const bool method =
      reload ? request.method == "POST" : request.method == "GET" || request.method == "HEAD";
  int expected = 200;
  if (path != "/metrics" && path != "/" && !reload) {
    expected = 404;
  } else if (!method) {
    expected = 405;
  } else if (path != "/metrics") {
    if (!may_ask(slow_header(request, "host"), own)) {
      expected = 421;
    } else if (comes_from_elsewhere(request)) {
      expected = 403;
    }
  }
  fuzz::require(reply.status == expected, "a slow reading gives the same answer");
  fuzz::require(asked == (expected == 200 ? 1 : 0), "who may not ask starts nothing");
}

void require_right_timeout(const std::string& text) {
  const auto timeout = timeout_from(text);
  const bool decimal = !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
  if (timeout) {
    fuzz::require(timeout->count() >= 0 && *timeout <= longest_time, "a timeout has bounds");
  }
  if (!decimal) return;
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  const bool whole = *end == '\0' && end != text.c_str();
  // A number that no double holds is refused by one of them and infinite to the other.
  if (!whole || !std::isfinite(seconds)) return;
  fuzz::require(timeout.has_value() == (seconds > 0), "a number above 0 is a timeout");
  if (!timeout) return;
  const double longest = std::chrono::duration<double>(longest_time).count();
  const double read = std::chrono::duration<double>(*timeout).count();
  fuzz::require(std::abs(read - std::min(seconds, longest)) <= 1e-6, "it is as long as it says");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = request_from(fuzz::as_text(data, size));
  const auto accept = request.header("Accept");
  fuzz::require(accept == slow_header(request, "accept"), "headers of one name are a list");
  const auto type = exposition::negotiate_format(accept).content_type;
  fuzz::require(type.starts_with("text/plain; ") || type.starts_with("application/openmetrics"),
                "some format is answered");
  require_right_timeout(request.header("X-Prometheus-Scrape-Timeout-Seconds"));
  require_right_answer(request);
  return 0;
}
