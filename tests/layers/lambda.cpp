#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("Lambda: a function as a layer") {
  CHECK(near(Lambda({.function = [](const Tensor& x) { return x * 2; }})(Tensor::of({{1, 2}})), {2, 4}));
  const Ref<layers::Lambda> pair = Lambda({.function = [](const std::vector<Tensor>& x) {
    return std::vector<Tensor>{x.at(0) + x.at(1), x.at(0) - x.at(1)};
  }});
  auto [plus, minus] = unpack<2>(pair({Tensor::of({3}), Tensor::of({1})}));
  CHECK(near(plus, {4}));
  CHECK(near(minus, {2}));
  CHECK(pair->compute_output_shapes({{unknown, 3}, {unknown, 1}}) ==
        std::vector<Shape>(2, Shape{unknown, 3}));
  CHECK(contains(message_of<ValueError>([] {
                   Lambda({.function = [](const Tensor& x) { return x; }, .name = "l"})(
                       {Tensor::of({1}), Tensor::of({1})});
                 }),
                 "l: expected one tensor for the function, got 2"));
}

TEST_CASE("Lambda: arguments, training, masks") {
  const Ref<layers::Lambda> layer =
      Lambda({.function =
                  [](const Tensor& x, const LambdaCall& call) {
                    return call.training ? x * call.arguments["by"].as<double>() : x;
                  },
              .arguments = Config::map({{"by", 3.0}})});
  CHECK(near(layer(Tensor::of({2}), {.training = true}), {6}));
  CHECK(near(layer(Tensor::of({2})), {2}));
  const Tensor masked = with_mask(Tensor::ones({1, 2, 1}), mask_of_bits({{1, 0}}));
  CHECK_FALSE(mask_of(layer(masked)));
  const Ref<layers::Lambda> passes =
      Lambda({.function = [](const Tensor& x) { return x; },
              .mask = [](const Tensor&, const LambdaCall& call) { return logical_not(call.mask); }});
  CHECK(mask_of(passes(masked)).to_vector<int>() == std::vector<int>{0, 1});
}

TEST_CASE("Lambda: the output's shape can be said") {
  bool called = false;
  const Ref<layers::Lambda> layer = Lambda({.function =
                                                [&](const Tensor& x) {
                                                  called = true;
                                                  return x;
                                                },
                                            .output_shape = {7}});
  CHECK(layer->compute_output_shape({unknown, 3}) == Shape{unknown, 7});
  CHECK_FALSE(called);
}

TEST_CASE("Lambda: functions in configs have names, and no code is run") {
  register_lambda("my>triple", [](const Tensor& x) { return x * 3; });
  const Ref<layers::Lambda> layer = Lambda({.function = "my>triple", .output_shape = {1}});
  const Ref<layers::Lambda> again = clone(layer);
  CHECK(near(again(Tensor::of({{2}})), {6}));
  CHECK(again->get_config() == layer->get_config());
  const auto from = [](const char* function) {
    return deserialize_layer(
        from_json(std::string(R"({"class_name": "Lambda", "config": {"function": )") + function + "}}"));
  };
  // As Keras writes a registered function.
  from(R"({"module": null, "class_name": "function", "config": "triple", "registered_name": "my>triple"})");
  const std::string code =
      message_of<TypeError>([&] { from(R"({"class_name": "__lambda__", "config": {"code": "x"}})"); });
  CHECK(contains(code, "Python lambda"));
  CHECK(contains(code, "register_lambda()"));
  CHECK(contains(message_of<TypeError>([&] { from("\"my>tripel\""); }), "did you mean \"my>triple\""));
  CHECK(
      contains(message_of<ValueError>([] { clone(Lambda({.function = [](const Tensor& x) { return x; }})); }),
               "register_lambda()"));
}
