#include <doctest/doctest.h>
#include <optional>
#include <type_traits>

#include <unspool/core/optional_bool.h>

using unspool::OptionalBool;

TEST_CASE("a flag that was not given is false, and says that it was not given") {
  const OptionalBool not_given;
  CHECK_FALSE(not_given);
  CHECK_FALSE(not_given.has_value());
  CHECK(not_given.value_or(true));
  CHECK_FALSE(OptionalBool(std::nullopt).has_value());
  CHECK_FALSE(OptionalBool(unspool::None).has_value());
  CHECK_FALSE(OptionalBool(std::optional<bool>()).has_value());
}

TEST_CASE("the truth of a flag is its value") {
  const OptionalBool off = false;
  CHECK_FALSE(off);
  CHECK(off.has_value());
  CHECK_FALSE(off.value_or(true));
  const OptionalBool on = true;
  CHECK(on);
  CHECK((on && !off));
  CHECK(on == true);
  CHECK(OptionalBool() == false);
  const bool value = on;
  CHECK(value);
  CHECK(OptionalBool(std::optional<bool>(true)));
}

TEST_CASE("a flag is neither a number nor made from a string") {
  static_assert(!std::is_convertible_v<OptionalBool, int>);
  static_assert(!std::is_convertible_v<const char*, OptionalBool>);
}
