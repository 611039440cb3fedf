#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace unspool {

/// The base of every exception that the library throws. The message says what was expected, what was got and
/// what to do; it starts with the path of the layer that was running, if any.
class Error : public std::exception {
 public:
  /// An error with this message, after the path of the ErrorScopes around it.
  explicit Error(std::string message);
  /// The message.
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

/// A wrong value: a shape, a size, an option out of its range.
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
/// An unknown name.
class KeyError : public Error {
  using Error::Error;
};
/// A property that the object does not have, or not yet.
class AttributeError : public Error {
  using Error::Error;
};
/// A call at the wrong time: recording on a finished tape, reading the elements of an abstract tensor.
class RuntimeError : public Error {
  using Error::Error;
};
/// A method that a derived class must override and does not.
class NotImplementedError : public Error {
  using Error::Error;
};
/// A file that cannot be read or written, or that does not hold what was expected.
class FileError : public Error {
  using Error::Error;
};

/// While it lives, the messages of errors of this thread start with `name`. Scopes nest: "lstm/lstm_cell:
/// ...".
class [[nodiscard("it ends at once: give it a name")]] ErrorScope {
 public:
  ///@{
  /// A named string must outlive the scope; a temporary is moved into it.
  explicit ErrorScope(const std::string& name);
  explicit ErrorScope(std::string && name);
  ///@}
  ~ErrorScope();
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
  /// The names of this thread's scopes, outermost first, joined with '/'; empty outside of any scope.
  static std::string path();

 private:
  std::string own_;
  const std::string* name_;
  ErrorScope* outer_;
};

}  // namespace unspool
