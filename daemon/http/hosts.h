#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace memory_exporter {

/// The names by which people may ask. A page of another site can make its own name stand for this
/// machine's address (DNS rebinding) and then read what is served here as its own; its requests
/// carry that name. So a name has to be known: addresses, which nobody can make stand for others,
/// `localhost`, this machine's host name, and what the operator adds.
class Hosts {
 public:
  /// `more`: names as in a URL, without a port. `.example.org` stands for every name that ends so,
  /// and `*` for every name.
  explicit Hosts(std::vector<std::string> more = {}) : more_(std::move(more)) {}

  /// Whether a Host header, its port included, names this machine. True where there is none: every
  /// browser sends one.
  bool allows(std::string_view host_header) const;

 private:
  const std::vector<std::string> more_;
};

/// The name in a Host header or behind the scheme of an origin: without port and trailing dot, an
/// IPv6 address without its brackets, in small letters. Empty where it is no name.
std::string host_name(std::string_view host_and_port);

/// Whether it is an IPv4 or IPv6 address in its usual form.
bool is_address(const std::string& name);

}  // namespace memory_exporter
