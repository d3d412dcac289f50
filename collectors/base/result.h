#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace memory_exporter {

/// What went wrong with one file, told apart because each asks for a different answer.
enum class ErrorKind {
  vanished,   ///< the file, its process or its feature is not there (ENOENT, ESRCH...): normal
  denied,     ///< the kernel refused it (EACCES, EPERM): a privilege is missing
  malformed,  ///< it was read and does not have the documented form
  exhausted,  ///< the reader's own descriptors or memory ran out (EMFILE, ENFILE, ENOMEM)
  timeout,    ///< it was not done by its deadline
  io,         ///< any other errno of a file
  failed,     ///< what is no file's: `what` says all
};

std::string_view to_string(ErrorKind kind);

/// An error is a value. `path` is filled in by whoever knows the file's name, `line` and `column`
/// (from 1, in bytes; 0: unknown) by a parser; `what` says what was expected, or is the errno's
/// text.
struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string what;
  std::string path;
  int line = 0;
  int column = 0;

  /// "path:line:column: what", as one line for a log or a terminal.
  std::string message() const;
};

/// Malformed input at a line and column (from 1; 0: the whole text, the whole line).
Error malformed(std::string what, int line = 0, int column = 0);

/// The same error, naming the file.
Error in_file(Error error, std::string_view path);

/// A value or an Error; what std::expected will be once the compiler has it.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::move(value)) {}      // NOLINT: conversion is the point
  Result(Error error) : content_(std::move(error)) {}  // NOLINT

  bool ok() const { return std::holds_alternative<T>(content_); }
  explicit operator bool() const { return ok(); }

  T& operator*() {
    assert(ok());
    return *std::get_if<T>(&content_);
  }
  const T& operator*() const {
    assert(ok());
    return *std::get_if<T>(&content_);
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }

  Error& error() {
    assert(!ok());
    return *std::get_if<Error>(&content_);
  }
  const Error& error() const {
    assert(!ok());
    return *std::get_if<Error>(&content_);
  }

 private:
  std::variant<T, Error> content_;
};

/// Success without a value.
struct Done {};
using Status = Result<Done>;

}  // namespace memory_exporter
