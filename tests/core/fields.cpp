#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <string>

#include <unspool/core/error.h>
#include <unspool/core/fields.h>

#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

struct Penalty {
  float l1 = 0.0f;
  float l2 = 0.01f;
  static const Fields& fields() {
    using O = Penalty;
    static const Fields all = fields_of<O>(field("l1", &O::l1), field("l2", &O::l2));
    return all;
  }
};

struct CellOptions {
  required<Index> units;
  std::string activation = "tanh";
  bool use_bias = true;
  std::optional<Penalty> regularizer = std::nullopt;
  std::vector<std::string> metrics = {};
  Shape shape = {};
  DType dtype = float32;
  float dropout = 0.0f;
  double epsilon = 1e-7;
  std::optional<Index> seed = std::nullopt;

  static const Fields& fields() {
    using O = CellOptions;
    static const Fields all =
        fields_of<O>(field("units", &O::units, "the size of the state"), field("activation", &O::activation),
                     field("use_bias", &O::use_bias), field("regularizer", &O::regularizer),
                     field("metrics", &O::metrics), field("shape", &O::shape), field("dtype", &O::dtype),
                     field("dropout", &O::dropout), field("epsilon", &O::epsilon), field("seed", &O::seed));
    return all;
  }
};

struct LacksTheLast {
  float a = 0;
  std::optional<float> b = std::nullopt;
};

struct LacksOneOfMany {
  bool a = false, b = false, c = false;
};

struct LacksTheRequired {
  required<Index> a;
  required<std::string> b;
};

struct AnotherOrder {
  std::string a = {};
  float b = 0;
};

struct AllRequired {
  required<int> small;
  required<std::string> name;
  required<float> rate;
  static const Fields& fields() {
    using O = AllRequired;
    static const Fields all =
        fields_of<O>(field("small", &O::small), field("name", &O::name), field("rate", &O::rate));
    return all;
  }
};

struct Nothing {
  static const Fields& fields() {
    using O = Nothing;
    static const Fields all = fields_of<O>();
    return all;
  }
};

using detail::takes_exactly;
static_assert(takes_exactly<Penalty, float, float>);
static_assert(takes_exactly<AllRequired, required<int>, required<std::string>, required<float>>);
static_assert(takes_exactly<Nothing>);
static_assert(!takes_exactly<LacksTheLast, float>);
static_assert(!takes_exactly<LacksOneOfMany, bool, bool>);
static_assert(!takes_exactly<LacksTheRequired, required<Index>>);
static_assert(!takes_exactly<AnotherOrder, float, std::string>);

static_assert(!std::is_default_constructible_v<required<Index>>);
static_assert(!std::is_constructible_v<required<Index>, double>);
static_assert(!std::is_constructible_v<required<Index>, bool>);
static_assert(!std::is_constructible_v<required<Index>, const char*>);
static_assert(std::is_convertible_v<std::size_t, required<Index>>);
static_assert(std::is_convertible_v<double, required<float>>);

}  // namespace

TEST_CASE("required takes what fits") {
  const std::size_t size = 3;
  const CellOptions options = {.units = size, .dropout = 0.5f};
  CHECK(options.units == 3);
  CHECK(options.units * 2 == 6);
  const AllRequired all = {.small = 1L, .name = "x", .rate = 0.25};
  CHECK(all.name.value() == "x");
  CHECK(all.rate == 0.25f);
  CHECK(message_of<ValueError>([] { required<int>{1L << 40}; }) ==
        "expected an integer from -2147483648 to 2147483647, got 1099511627776");
  CHECK_THROWS_AS(required<Index>{std::numeric_limits<std::size_t>::max()}, ValueError);
}

TEST_CASE("options go to a config and come back") {
  const CellOptions options = {.units = 4,
                               .activation = "relu",
                               .regularizer = Penalty{.l1 = 0.1f},
                               .metrics = {{"mae"}},
                               .shape = {unknown, 8},
                               .dtype = float64};
  const Config config = to_config(options);
  CHECK(
      to_json(config) ==
      R"({"units": 4, "activation": "relu", "use_bias": true, "regularizer": {"l1": 0.10000000149011612, )"
      R"("l2": 0.009999999776482582}, "metrics": ["mae"], "shape": [null, 8], "dtype": "float64", "dropout": 0.0, )"
      R"("epsilon": 1e-07, "seed": null})");
  const auto back = from_config<CellOptions>(from_json(to_json(config)));
  CHECK(equal(back, options));
  CHECK(to_config(back) == config);
  CHECK(back.shape == options.shape);
  CHECK(back.regularizer->l1 == 0.1f);

  CHECK_FALSE(equal(options, CellOptions{.units = 4}));
  CHECK(equal(from_config<CellOptions>(Config::map({{"units", 5}})), CellOptions{.units = 5}));
  CHECK(equal(from_config<Nothing>(Config::map()), Nothing{}));
  CHECK(from_config<AllRequired>(Config::map({{"rate", 1}, {"name", "n"}, {"small", 2}})).name.value() ==
        "n");
}

TEST_CASE("a config that does not fit its options is refused") {
  CHECK(message_of<ValueError>([] {
          from_config<CellOptions>(Config::map({{"unit", 5}}));
        }) == "config: unknown key \"unit\": did you mean \"units\"?");
  CHECK(message_of<ValueError>([] {
          from_config<CellOptions>(Config::map({{"activation", "relu"}}));
        }) == "config: expected the required key \"units\", got none");
  CHECK(message_of<ValueError>([] {
          from_config<Nothing>(Config::map({{"a", 5}}));
        }) == "config: unknown key \"a\"; none are known");
  CHECK(message_of<ValueError>([] {
          from_config<CellOptions>(Config::map({{"units", 1}, {"regularizer", Config::map({{"l3", 1}})}}));
        }) == "config.regularizer: unknown key \"l3\": did you mean \"l1\"?");
  CHECK(message_of<TypeError>([] {
          from_config<CellOptions>(Config::map({{"units", "8"}}));
        }) == "config.units: expected an integer, got the string \"8\"");
  CHECK(message_of<TypeError>([] { from_config<CellOptions>(Config::list({})); }) ==
        "config: expected a map, got a list of 0");
  const Config config = Config::map({{"units", 5}, {"name", "cell"}});
  CHECK_THROWS_AS(from_config<CellOptions>(config), ValueError);
  CHECK(from_config<CellOptions>(config, {"name"}).units == 5);
}

TEST_CASE("options are printed and tabled") {
  CHECK(describe(Penalty{.l1 = 0.5f}) == "l1=0.5, l2=0.009999999776482582");
  CHECK(describe(Penalty{.l1 = std::numeric_limits<float>::infinity()}) ==
        "l1=the real inf, l2=0.009999999776482582");
  CHECK(describe(Nothing{}).empty());
  const std::vector<FieldInfo> table = field_table<CellOptions>();
  CHECK(table.size() == 10);
  CHECK(table[0].name == "units");
  CHECK(table[0].type == "Index");
  CHECK(table[0].required);
  CHECK(table[0].what == "the size of the state");
  CHECK(table[1].type == "string");
  CHECK(table[1].fallback == Config("tanh"));
  CHECK(table[3].type.find("Penalty or nothing") != std::string::npos);
  CHECK(table[3].fallback == Config());
  CHECK(table[4].type == "list of string");
  CHECK(table[5].type == "Shape");
}
