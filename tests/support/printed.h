#pragma once

#include <ostream>
#include <sstream>
#include <string>

namespace unspool::testing {

/// What f() prints to a stream.
template <class F>
std::string printed_by(std::ostream& stream, F&& f) {
  std::ostringstream text;
  struct Redirect {
    std::ostream& stream;
    std::streambuf* before;
    ~Redirect() { stream.rdbuf(before); }
  } const redirect{stream, stream.rdbuf(text.rdbuf())};
  f();
  return text.str();
}

}  // namespace unspool::testing
