#include "collectors/base/result.h"

namespace memory_exporter {

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::vanished:
      return "vanished";
    case ErrorKind::denied:
      return "denied";
    case ErrorKind::malformed:
      return "malformed";
    case ErrorKind::exhausted:
      return "exhausted";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::io:
      return "io";
    case ErrorKind::failed:
      return "failed";
  }
  return "failed";
}

std::string Error::message() const {
  std::string text = path;
  if (line > 0) {
    text += ':';
    text += std::to_string(line);
    if (column > 0) text += ':' + std::to_string(column);
  }
  if (!text.empty()) text += ": ";
  text += what;
  return text;
}

Error malformed(std::string what, int line, int column) {
  return Error{ErrorKind::malformed, std::move(what), {}, line, column};
}

Error in_file(Error error, std::string_view path) {
  error.path = path;
  return error;
}

}  // namespace memory_exporter
