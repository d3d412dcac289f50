#include "daemon/http/router.h"

#include <algorithm>

namespace memory_exporter {
namespace {

std::string list_of(const std::vector<std::string_view>& methods) {
  std::string list;
  for (const auto method : methods) {
    if (!list.empty()) list += ", ";
    list += method;
  }
  return list;
}

/// A browser says which page makes it ask for anything but another page.
bool from_another_site(const HttpRequest& request) {
  auto origin = request.header("Origin");
  if (origin.empty()) return false;
  const auto scheme = origin.find("://");
  if (scheme == std::string::npos) return true;  // "null": a page without a site
  const auto site = host_name(std::string_view(origin).substr(scheme + 3));
  return site.empty() || site != host_name(request.header("Host"));
}

}  // namespace

HttpReply Router::answer(const HttpRequest& request) const {
  const auto at = std::find_if(endpoints_.begin(), endpoints_.end(),
                               [&](const auto& endpoint) { return endpoint.path == request.path; });
  if (at == endpoints_.end()) return plain_reply(404, "not found");
  if (std::find(at->methods.begin(), at->methods.end(), request.method) == at->methods.end()) {
    const auto methods = list_of(at->methods);
    auto reply = plain_reply(405, "only " + methods + " here");
    reply.headers.emplace_back("Allow", methods);
    return reply;
  }
  if (at->names == Endpoint::Names::known) {
    if (!hosts_.allows(request.header("Host"))) {
      return plain_reply(421,
                         "this name is not known to be this machine's: ask by address, or start "
                         "with --web.allowed-hosts=NAME");
    }
    if (from_another_site(request)) return plain_reply(403, "not out of a page of another site");
  }
  return at->answer(request);
}

}  // namespace memory_exporter
