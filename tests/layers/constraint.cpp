#include <vector>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("constraints of Keras") {
  const Tensor w = Tensor::of<float>({{1, -2}, {3, 4}});
  CHECK(near(MaxNorm()(w), {.6324555, -.8944272, 1.8973665, 1.7888544}));
  CHECK(near(MaxNorm({.axis = 1})(w), {.8944272, -1.7888544, 1.2, 1.6}));
  CHECK(near(UnitNorm()(w), {.3162278, -.4472136, .9486833, .8944272}));
  CHECK(near(MinMaxNorm({.min_value = .5, .max_value = 2, .rate = .5})(w),
             {.8162277, -1.4472135, 2.4486833, 2.8944271}));
  CHECK(near(NonNeg()(w), {1, 0, 3, 4}));
  // Over both axes: one norm, sqrt(30).
  CHECK(near(UnitNorm({.axis = {0, 1}})(w), {.1825742, -.3651484, .5477226, .7302967}));
  CHECK(near(MaxNorm()(Tensor::zeros({2, 2})), {0, 0, 0, 0}));
}

TEST_CASE("constraints to and from configs") {
  for (const Constraint& constraint :
       std::vector<Constraint>{MaxNorm({.max_value = 3, .axis = 1}), UnitNorm({.axis = {0, 1}}),
                               MinMaxNorm({.rate = 0.5}), NonNeg(), Constraint()}) {
    CHECK(Constraint::from_config(from_json(to_json(constraint.config()))) == constraint);
  }
  CHECK(to_json(MaxNorm().config()) ==
        R"({"module": "keras.constraints", "class_name": "MaxNorm", )"
        R"("config": {"max_value": 2.0, "axis": 0}, "registered_name": null})");
  CHECK(Constraint("max_norm") == MaxNorm());
  CHECK(Constraint("min_max_norm") == MinMaxNorm());
  CHECK(Constraint("non_neg") == NonNeg());
  CHECK(Constraint("UnitNorm") == UnitNorm());
  CHECK(contains(message_of<ValueError>([] { Constraint("nonneg"); }), "\"non_neg\""));
}

TEST_CASE("a constraint of one's own") {
  register_constraint("my>unit_box", [](const Tensor& x) { return clip(x, -1, 1); });
  CHECK(near(Constraint::from_config(Constraint("my>unit_box").config())(Tensor::of<float>({-3, 0.5})),
             {-1, 0.5}));
}
