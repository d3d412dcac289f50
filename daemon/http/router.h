#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/hosts.h"
#include "daemon/http/http_message.h"

namespace memory_exporter {

/// What is answered at a path.
struct Endpoint {
  /// Who may ask.
  enum class Names {
    any,    ///< by any name: what machines read
    known,  ///< by a name of Hosts, and not out of a page of another site: what browsers show or do
  };

  std::string path;
  std::vector<std::string_view> methods;
  Names names = Names::any;
  std::function<HttpReply(const HttpRequest&)> answer;
};

/// Which endpoint a request is for. 404, 405 and 421 are its own.
class Router {
 public:
  Router(std::vector<Endpoint> endpoints, Hosts hosts)
      : endpoints_(std::move(endpoints)), hosts_(std::move(hosts)) {}

  HttpReply answer(const HttpRequest& request) const;

 private:
  const std::vector<Endpoint> endpoints_;
  const Hosts hosts_;
};

}  // namespace memory_exporter
