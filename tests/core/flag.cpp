#include <concepts>
#include <cstddef>
#include <doctest/doctest.h>
#include <type_traits>

#include <unspool/core/fields.h>
#include <unspool/core/flag.h>

using unspool::Config;
using unspool::Flag;

namespace {

struct FlagOptions {
  Flag use_bias = true;

  static const unspool::Fields& fields() {
    static const unspool::Fields all =
        unspool::fields_of<FlagOptions>(unspool::field("use_bias", &FlagOptions::use_bias));
    return all;
  }
};

}  // namespace

TEST_CASE("a Flag is a bool, and is written to configs as one") {
  CHECK(Flag(true));
  CHECK_FALSE(Flag(0));
  const FlagOptions off{.use_bias = false};
  CHECK(unspool::to_config(off)["use_bias"].as<bool>() == false);
  CHECK_FALSE(unspool::from_config<FlagOptions>(unspool::to_config(off)).use_bias);
  CHECK(unspool::describe(off) == "use_bias=false");
  CHECK(unspool::field_table<FlagOptions>()[0].type == "bool");
}

TEST_CASE("text, pointers and real numbers are no Flag") {
  static_assert(std::convertible_to<bool, Flag> && std::convertible_to<int, Flag>);
  static_assert(!std::is_convertible_v<const char*, Flag> && !std::is_convertible_v<double, Flag> &&
                !std::is_convertible_v<std::nullptr_t, Flag>);
}
