#include <doctest/doctest.h>
#include <string>

#include <unspool/core/version.h>

TEST_CASE("the library has the version of its headers") {
  const std::string of_headers = std::to_string(UNSPOOL_VERSION_MAJOR) + "." +
                                 std::to_string(UNSPOOL_VERSION_MINOR) + "." +
                                 std::to_string(UNSPOOL_VERSION_PATCH);
  CHECK(unspool::version() == of_headers);
}
