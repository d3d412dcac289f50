#include "daemon/http/hosts.h"

#include <arpa/inet.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>

namespace memory_exporter {
namespace {

std::string in_small_letters(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

/// No list of names, and nothing else that only ends like one. Names in other alphabets come as
/// ASCII (RFC 5891).
bool has_signs_of_a_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
  });
}

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// As the operator set it, now: it may change while the exporter runs.
std::string own_name() {
  utsname names{};
  return ::uname(&names) == 0 ? in_small_letters(names.nodename) : std::string();
}

bool matches(std::string_view name, std::string_view pattern) {
  if (pattern == "*") return true;
  if (!pattern.starts_with('.')) return name == pattern;
  return name.size() > pattern.size() && name.ends_with(pattern);
}

}  // namespace

std::string host_name(std::string_view text) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return "";
    port = text.substr(end + 1);
    text = text.substr(1, end - 1);
    if (text.find(':') == std::string_view::npos) return "";
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    port = text.substr(colon);
    text = text.substr(0, colon);
  }
  if (!port.empty() && (port.front() != ':' || !all_digits(port.substr(1)))) return "";
  if (!has_signs_of_a_name(text)) return "";
  if (text.ends_with('.')) text.remove_suffix(1);
  return in_small_letters(text);
}

bool is_address(const std::string& name) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  return ::inet_pton(AF_INET, name.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), address.data()) == 1;
}

bool Hosts::allows(std::string_view host_header) const {
  if (host_header.empty()) return true;
  const auto name = host_name(host_header);
  if (name.empty()) return false;
  if (is_address(name) || name == "localhost" || name == own_name()) return true;
  return std::any_of(more_.begin(), more_.end(), [&](const std::string& pattern) {
    return matches(name, in_small_letters(pattern));
  });
}

}  // namespace memory_exporter
