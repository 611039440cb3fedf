#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace unspool {

/// Base of every exception that the library throws. The message says what was expected, what was got and what to
/// do; it starts with the path of the layer that was running, if any.
class Error : public std::exception {
 public:
  explicit Error(std::string message);
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

/// A value that does not fit: shapes, sizes, an option out of its range.
class ValueError : public Error {
  using Error::Error;
};
/// A wrong type: a dtype, a kind of object.
class TypeError : public Error {
  using Error::Error;
};
/// An index or axis out of range.
class IndexError : public Error {
  using Error::Error;
};
/// A name that is not there.
class KeyError : public Error {
  using Error::Error;
};
/// A property that this object does not have in its present state.
class AttributeError : public Error {
  using Error::Error;
};
/// A call at the wrong time: a tape after its end, a value of an abstract tensor.
class RuntimeError : public Error {
  using Error::Error;
};
/// Something a class must supply and does not.
class NotImplementedError : public Error {
  using Error::Error;
};
/// A file that cannot be read or written, or does not hold what it should.
class FileError : public Error {
  using Error::Error;
};

/// While it lives, errors made on this thread start with `name` (scopes nest: "lstm/lstm_cell: ...").
/// `name` must outlive the scope.
class ErrorScope {
 public:
  explicit ErrorScope(const std::string& name);
  ~ErrorScope();
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
  /// The names of the scopes around, joined with '/'; empty outside any.
  static std::string path();

 private:
  const std::string* name_;
  ErrorScope* outer_;
};

}  // namespace unspool
