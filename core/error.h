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
  ~Error() override;
  /// The message.
  const char* what() const noexcept override;

 private:
  std::string message_;
};

/// A wrong value: a shape, a size, an option out of its range.
class ValueError : public Error {
 public:
  using Error::Error;
  ~ValueError() override;
};
/// A wrong type: a dtype, a kind of object.
class TypeError : public Error {
 public:
  using Error::Error;
  ~TypeError() override;
};
/// An index or axis out of range.
class IndexError : public Error {
 public:
  using Error::Error;
  ~IndexError() override;
};
/// An unknown name.
class KeyError : public Error {
 public:
  using Error::Error;
  ~KeyError() override;
};
/// A property that the object does not have, or not yet.
class AttributeError : public Error {
 public:
  using Error::Error;
  ~AttributeError() override;
};
/// A call at the wrong time: recording on a finished tape, reading the elements of an abstract tensor.
class RuntimeError : public Error {
 public:
  using Error::Error;
  ~RuntimeError() override;
};
/// A method that a derived class must override and does not.
class NotImplementedError : public Error {
 public:
  using Error::Error;
  ~NotImplementedError() override;
};
/// A file that cannot be read or written, or that does not hold what was expected.
class FileError : public Error {
 public:
  using Error::Error;
  ~FileError() override;
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
