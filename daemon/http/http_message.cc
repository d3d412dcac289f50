#include "daemon/http/http_message.h"

#include <strings.h>

#include <algorithm>

namespace memory_exporter {
namespace {

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

}  // namespace

std::string HttpRequest::header(std::string_view name) const {
  std::string all;
  for (const auto& [known, value] : headers) {
    if (known.size() != name.size() ||
        ::strncasecmp(known.c_str(), name.data(), name.size()) != 0) {
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
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    if (decoded(pair.substr(0, equals)) != name) continue;
    values.push_back(equals == std::string_view::npos ? "" : decoded(pair.substr(equals + 1)));
  }
  return values;
}

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
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

std::string head_of(const HttpReply& reply) {
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + ' ';
  head.append(reason(reply.status)).append("\r\nContent-Type: ").append(reply.content_type);
  head += "\r\nContent-Length: " + std::to_string(reply.body->size());
  for (const auto& [name, value] : reply.headers) {
    head.append("\r\n").append(name).append(": ").append(value);
  }
  head += "\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
  return head;
}

HttpReply plain_reply(int status, std::string line) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::make_shared<const std::string>(std::move(line) + '\n');
  return reply;
}

HttpReply busy_reply(std::string line) {
  auto reply = plain_reply(503, std::move(line));
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

}  // namespace memory_exporter
