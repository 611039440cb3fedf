#pragma once

#include <doctest/doctest.h>
#include <exception>
#include <string>
#include <typeinfo>

namespace unspool::testing {

/// The message of the E that f() throws. The test fails if it throws something else, or nothing.
template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    FAIL_CHECK("another kind of error (" << typeid(error).name() << "): " << error.what());
    return {};
  }
  FAIL_CHECK("nothing was thrown");
  return {};
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace unspool::testing
