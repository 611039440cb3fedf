#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <sstream>
#include <string>

#include <unspool/core/config.h>
#include <unspool/core/error.h>

#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Config layer() {
  return Config::map({{"name", "lstm"},
                      {"units", 64},
                      {"dropout", 0.25},
                      {"use_bias", true},
                      {"seed", nullptr},
                      {"shape", Config::list({nullptr, 8})}});
}

Config nested(int depth) {
  Config config = Config::list();
  for (int i = 1; i < depth; ++i) config = Config::list({config});
  return config;
}

}  // namespace

TEST_CASE("a config is built and read") {
  const Config config = layer();
  CHECK(config.size() == 6);
  CHECK(config["name"].as<std::string>() == "lstm");
  CHECK(config["units"].as<int>() == 64);
  CHECK(config["units"].as<double>() == 64.0);
  CHECK(config["dropout"].as<float>() == 0.25f);
  CHECK(config["use_bias"].as<bool>());
  CHECK(config["seed"].is_null());
  CHECK_FALSE(config["seed"].as<std::optional<Index>>().has_value());
  CHECK(config["shape"].as<Shape>() == Shape{unknown, 8});
  CHECK(config["shape"][1].as<Index>() == 8);
  CHECK(config.get("units", Index{1}) == 64);
  CHECK(config.get("unit", Index{1}) == 1);
  CHECK(config.get("activation", "tanh") == "tanh");
  CHECK(config.contains("seed"));
  CHECK_FALSE(config.contains("sead"));
  CHECK(config.keys().front() == "name");
  CHECK(Config::list({"a", "b"}).as<std::vector<std::string>>() == std::vector<std::string>{"a", "b"});
  CHECK(Config::list({{"a"}, {"b"}}).size() == 2);
}

TEST_CASE("a config is written as a map and read as numbers") {
  const Config config = {{"units", 3}, {"rate", .5}, {"options", {{"name", "a"}}}};
  CHECK(config == Config::map({{"units", 3}, {"rate", .5}, {"options", Config::map({{"name", "a"}})}}));
  // Not the first character of a text.
  const Config one = {{"units", 1}};
  CHECK(one.is_map());
  CHECK(static_cast<int>(config["units"]) == 3);
  CHECK(double(config["rate"]) == .5);
  CHECK(std::string(config["options"]["name"]) == "a");
  const auto text = [&] { return static_cast<std::string>(config["rate"]); };
  const auto whole = [&] { return static_cast<int>(config["rate"]); };
  CHECK_THROWS_AS(text(), TypeError);
  CHECK_THROWS_AS(whole(), TypeError);
  const auto returned = [](int units) -> Config { return {{"units", units}, {"name", "b"}}; };
  CHECK(returned(2)["units"].as<int>() == 2);
}

TEST_CASE("a config is a value: changing one handle leaves the others") {
  Config config = layer();
  const Config before = config;
  config.set("units", 3).set("activation", "tanh").erase("name");
  CHECK(before["units"].as<int>() == 64);
  CHECK(before.contains("name"));
  CHECK(config["units"].as<int>() == 3);
  CHECK(config.keys() ==
        std::vector<std::string>{"units", "dropout", "use_bias", "seed", "shape", "activation"});
  Config list;
  list.push_back(1).push_back("two");
  CHECK(list == Config::list({1, "two"}));
}

TEST_CASE("equality does not ask for the order of keys, but for kinds") {
  CHECK(Config::map({{"a", 1}, {"b", 2}}) == Config::map({{"b", 2}, {"a", 1}}));
  CHECK(Config::map({{"a", 1}, {"b", 2}}) != Config::map({{"b", 1}, {"a", 2}}));
  CHECK(Config::map({{"a", 1}}) != Config::map({{"a", 1.0}}));
  CHECK(Config::list({1, 2}) != Config::list({2, 1}));
  CHECK(Config() != Config(0));
  CHECK(layer()["shape"] == Config::list({nullptr, 8}));
}

TEST_CASE("errors name the path, what was expected and what was got") {
  const Config config = Config::map({{"layers", Config::list({layer()})}, {"odd key", 1}});
  CHECK(message_of<TypeError>([&] { config["layers"][0]["name"].as<int>(); }) ==
        "config.layers[0].name: expected an integer, got the string \"lstm\"");
  CHECK(message_of<KeyError>([&] { config["layers"][0]["unit"]; }) ==
        "config.layers[0] has no key \"unit\": did you mean \"units\"?");
  CHECK(message_of<KeyError>([&] { config["regularizer"]; }) ==
        "config has no key \"regularizer\"; known: layers, \"odd key\"");
  CHECK(message_of<IndexError>([&] { config["layers"][1]; }) ==
        "config.layers: index 1 is out of range for a list of 1");
  CHECK(message_of<IndexError>([&] { config["layers"][-1]; }) ==
        "config.layers: expected an index >= 0, got -1");
  CHECK(message_of<TypeError>([&] { config["odd key"]["x"]; }) ==
        "config[\"odd key\"]: expected a map, got the integer 1");
  CHECK(message_of<TypeError>([&] { config.named("m.keras/config.json")["layers"].as<bool>(); }) ==
        "m.keras/config.json.layers: expected true or false, got a list of 1");
  CHECK(contains(message_of<TypeError>([&] { config["layers"][0]["dropout"].as<Index>(); }),
                 "got the real 0.25"));
  for (const auto& element : config["layers"].elements()) CHECK(element.path() == "config.layers[0]");
  // A part put into another tree belongs to that one.
  const Config moved = Config::map({{"a", config["layers"][0]["name"]}});
  CHECK(moved["a"].path() == "config.a");
}

TEST_CASE("numbers out of a type's range are refused") {
  CHECK_THROWS_AS(Config(300).as<std::uint8_t>(), ValueError);
  CHECK_THROWS_AS(Config(-1).as<std::size_t>(), ValueError);
  CHECK_THROWS_AS(Config(1e300).as<float>(), ValueError);
  CHECK_THROWS_AS(Config{std::numeric_limits<std::uint64_t>::max()}, ValueError);
  CHECK_THROWS_AS(Config(std::numeric_limits<std::int64_t>::max()).as<double>(), TypeError);
  CHECK_THROWS_AS(Config((std::int64_t{1} << 53) + 1).as<double>(), TypeError);
  CHECK(Config(std::numeric_limits<std::int64_t>::min()).as<double>() == -0x1p63);
  CHECK(std::isinf(Config(std::numeric_limits<double>::infinity()).as<float>()));
  CHECK_THROWS_AS(Config(1.0).as<int>(), TypeError);
  CHECK_THROWS_AS(Config(true).as<int>(), TypeError);
  CHECK_THROWS_AS(Config(1).as<bool>(), TypeError);
  CHECK_THROWS_AS(Config::list({-1}).as<Shape>(), ValueError);
  CHECK_THROWS_AS(Config::list({1, 1, 1, 1, 1, 1, 1, 1, 1}).as<Shape>(), ValueError);
  CHECK_THROWS_AS(Config("float16").as<DType>(), TypeError);
}

TEST_CASE("a tree is at most 256 deep, however it is made") {
  const Config deep = nested(Config::max_depth);
  CHECK_THROWS_AS(Config::list({deep}), ValueError);
  CHECK_THROWS_AS(Config::map({{"a", deep}}), ValueError);
  CHECK_THROWS_AS(Config().push_back(deep), ValueError);
  CHECK_THROWS_AS(Config().set("a", deep), ValueError);
  CHECK(from_json(to_json(deep)) == deep);
  CHECK(contains(message_of<ValueError>([&] { from_json("[" + to_json(deep) + "]"); }),
                 "expected at most 256 nested lists and maps"));
  CHECK_THROWS_AS(from_json(std::string(1'000'000, '[')), ValueError);
  CHECK_THROWS_AS(Config::map({{"a", 1}, {"a", 2}}), ValueError);
}

TEST_CASE("JSON is written as Python writes it") {
  CHECK(
      to_json(layer()) ==
      R"({"name": "lstm", "units": 64, "dropout": 0.25, "use_bias": true, "seed": null, "shape": [null, 8]})");
  CHECK(to_json(Config::list({Config::map(), Config::list(), 1}), 2) == "[\n  {},\n  [],\n  1\n]");
  CHECK(to_json(Config::map({{"a", Config::list({1})}}), 1) == "{\n \"a\": [\n  1\n ]\n}");
  CHECK(to_json("tab\t quote\" back\\ nul\0 \x01 \xc3\xa9") ==
        "\"tab\\t quote\\\" back\\\\ nul\"");  // A string literal ends at its first NUL.
  CHECK(to_json(std::string("\0\x01\xc3\xa9", 4)) == "\"\\u0000\\u0001\xc3\xa9\"");
  // Each as repr() of Python 3.
  CHECK(to_json(0.1f) == "0.10000000149011612");
  CHECK(to_json(0.1) == "0.1");
  CHECK(to_json(1.0) == "1.0");
  CHECK(to_json(-0.0) == "-0.0");
  CHECK(to_json(1e-7) == "1e-07");
  CHECK(to_json(1e-4) == "0.0001");
  CHECK(to_json(1.5e-5) == "1.5e-05");
  CHECK(to_json(1e15) == "1000000000000000.0");
  CHECK(to_json(1e16) == "1e+16");
  CHECK(to_json(9007199254740993.0) == "9007199254740992.0");
  CHECK(to_json(1.7976931348623157e308) == "1.7976931348623157e+308");
  CHECK(to_json(5e-324) == "5e-324");
  CHECK(to_json(123456.789) == "123456.789");
}

TEST_CASE("numbers come back bit for bit") {
  std::uint64_t bits = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < 20000; ++i) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    const auto back = from_json(to_json(value)).as<double>();
    CHECK(std::memcmp(&back, &value, sizeof value) == 0);
  }
  for (const std::int64_t value : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                                   std::int64_t{0}, std::numeric_limits<std::int64_t>::max()}) {
    CHECK(from_json(to_json(value)) == Config(value));
  }
  CHECK(from_json("-0.0") == Config(-0.0));
  CHECK(std::signbit(from_json("-0.0").as<double>()));
  CHECK(from_json("1E2") == Config(100.0));
}

TEST_CASE("JSON that is not quite JSON is refused with its place") {
  for (const char* text : {"",
                           " ",
                           "{",
                           "}",
                           "[1,]",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{'a':1}",
                           "[1 2]",
                           "01",
                           "+1",
                           "1.",
                           ".5",
                           "NaN",
                           "Infinity",
                           "-Infinity",
                           "nul",
                           "true false",
                           "[1]x",
                           "\"a",
                           "\"\\x\"",
                           "\"\\ud800\"",
                           "\"\xff\"",
                           "\"\xc0\x80\"",
                           "\"\t\"",
                           "// c\n1",
                           "[1] /* c */",
                           "{\"a\":1,\"a\":2}",
                           "{\"a\":{\"b\":1,\"b\":2}}",
                           "9223372036854775808",
                           "-9223372036854775809",
                           "123456789012345678901234567890",
                           "1e400",
                           "{\"a\"}",
                           "{1:2}",
                           "[1]]"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(from_json(text), ValueError);
  }
  CHECK(contains(message_of<ValueError>([] { from_json("{\n  \"a\": 1,\n  \"a\": 2\n}"); }),
                 "JSON, line 4, column 1: expected unique keys, got \"a\" twice"));
  CHECK(contains(message_of<ValueError>([] { from_json("[1,\n 2,\n x]"); }), "JSON, line 3, column 2: "));
  CHECK(message_of<ValueError>([] { from_json("\"" + std::string(100000, 'a')); }).size() < 400);
  CHECK_THROWS_AS(from_json(std::string_view("1\0", 2)), ValueError);
  CHECK(contains(message_of<ValueError>([] {
                   std::string text = "[0";
                   for (int i = 0; i < 1'000'000; ++i) text += ",0";
                   from_json(text + "]");
                 }),
                 "expected at most 1000000 values"));
}

TEST_CASE("what JSON cannot say is not written") {
  const Config config = Config::map({{"a", Config::list({std::numeric_limits<double>::quiet_NaN()})}});
  CHECK(contains(message_of<ValueError>([&] { to_json(config); }),
                 "config.a[0]: expected a finite number for JSON, got nan"));
  CHECK(contains(message_of<ValueError>([] {
                   to_json(Config::map({{"a", "\xff"}}));
                 }),
                 "config.a: expected a string"));
  CHECK_THROWS_AS(to_json(Config::map({{"\xff", 1}})), ValueError);
}

TEST_CASE("the nearest name") {
  const std::vector<std::string> names = {"units", "activation", "recurrent_activation", "LSTM", "GRU"};
  CHECK(nearest("unit", names) == "units");
  CHECK(nearest("Units", names) == "units");
  CHECK(nearest("lstm", names) == "LSTM");
  CHECK(nearest("activaton", names) == "activation");
  CHECK(nearest("recurent_activation", names) == "recurrent_activation");
  CHECK(nearest("optimizer", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest(std::string(1'000'000, 'a'), names).empty());
  CHECK(did_you_mean("x", {}) == "; none are known");
  CHECK(in_quotes(std::string_view("a\"\n\0", 4)) == "\"a\\\"\\x0a\\x00\"");
  CHECK(in_quotes(std::string(1000, 'a')).size() < 100);
}

TEST_CASE("a config is printed as JSON") {
  std::ostringstream text;
  text << Config::map({{"units", 64}, {"name", "lstm"}});
  CHECK(text.str() == "{\n  \"units\": 64,\n  \"name\": \"lstm\"\n}");
}
