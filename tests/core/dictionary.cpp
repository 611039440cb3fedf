#include <doctest/doctest.h>
#include <map>
#include <string>
#include <unordered_map>

#include <unspool/core/dictionary.h>

using namespace unspool;

TEST_CASE("dictionary: is made of a list or a map, and finds values") {
  using Weights = Dictionary<std::string, double>;
  CHECK(Weights().empty());
  const Weights listed = {{"b", 2}, {"a", 1}, {"b", 3}};
  REQUIRE(listed.find("b") != nullptr);
  CHECK(*listed.find("b") == 2);
  CHECK(listed.find("c") == nullptr);
  CHECK(listed.begin()->first == "b");

  const Weights sorted = std::map<std::string, double>{{"b", 2}, {"a", 1}};
  CHECK(sorted.begin()->first == "a");
  CHECK(*sorted.find("b") == 2);
  CHECK(*Weights(std::unordered_map<std::string, double>{{"x", 5}}).find("x") == 5);
}
