#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("axes: a number or a list, counted from either end") {
  const LayerAxes one = -1;
  const LayerAxes several = {2, -2};
  CHECK(one.single());
  CHECK_FALSE(several.single());
  CHECK(one.of({4, 5, 6}) == std::vector<Index>{2});
  CHECK(several.of({4, 5, 6}) == std::vector<Index>{1, 2});
  for (const LayerAxes& axes : {one, several, LayerAxes({1})}) {
    CHECK(from_config<LayerAxes>(to_config(axes)) == axes);
  }
  CHECK(to_json(to_config(one)) == "-1");
  CHECK(to_json(to_config(LayerAxes({1}))) == "[1]");
  CHECK_FALSE(one == LayerAxes({-1}));
  CHECK(to_config(LayerAxes()).is_null());
  CHECK(from_config<LayerAxes>(Config()) == LayerAxes());
}

TEST_CASE("errors of axes") {
  CHECK(contains(message_of<ValueError>([] {
                   LayerAxes(-3).of({4, 5});
                 }),
                 "expected an axis of the input's shape [4, 5], got -3"));
  CHECK(contains(message_of<ValueError>([] { LayerAxes().of({4, 5}); }), "got none"));
  CHECK(contains(message_of<ValueError>([] {
                   LayerAxes({1, -1}).of({4, 5});
                 }),
                 "expected each axis of the input's shape [4, 5] once"));
}
