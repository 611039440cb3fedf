#include <unspool/core/error.h>

namespace unspool {
namespace {

thread_local ErrorScope* innermost_scope = nullptr;

std::string with_path(std::string message) {
  std::string path = ErrorScope::path();
  return path.empty() ? message : path + ": " + message;
}

}  // namespace

Error::Error(std::string message) : message_(with_path(std::move(message))) {}
const char* Error::what() const noexcept { return message_.c_str(); }

// Here, so that the classes are compiled once, not in every source that throws one.
Error::~Error() = default;
ValueError::~ValueError() = default;
TypeError::~TypeError() = default;
IndexError::~IndexError() = default;
KeyError::~KeyError() = default;
AttributeError::~AttributeError() = default;
RuntimeError::~RuntimeError() = default;
NotImplementedError::~NotImplementedError() = default;
FileError::~FileError() = default;

ErrorScope::ErrorScope(const std::string& name) : name_(&name), outer_(innermost_scope) {
  innermost_scope = this;
}

ErrorScope::ErrorScope(std::string&& name) : own_(std::move(name)), name_(&own_), outer_(innermost_scope) {
  innermost_scope = this;
}

ErrorScope::~ErrorScope() { innermost_scope = outer_; }

std::string ErrorScope::path() {
  std::string path;
  for (const ErrorScope* scope = innermost_scope; scope != nullptr; scope = scope->outer_) {
    path = path.empty() ? *scope->name_ : *scope->name_ + "/" + path;
  }
  return path;
}

}  // namespace unspool
