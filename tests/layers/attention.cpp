#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("Attention is a weighted mean of the values") {
  const Tensor query = Tensor::of({{{0, 0}, {100, 0}}});
  const Tensor value = Tensor::of({{{1, 0}, {0, 1}}});
  // No preference, then all for the first.
  CHECK(near(Attention()({query, value}), {0.5, 0.5, 1, 0}));
  auto [output, weights] = unpack<2>(Attention({.return_attention_scores = true})({query, value}));
  CHECK(near(weights, {0.5, 0.5, 1, 0}));
  const Tensor key = Tensor::of({{{0, 1}, {1, 0}}});
  CHECK(near(Attention()({query, value, key}), {0.5, 0.5, 0, 1}));
  CHECK(Attention()->compute_output_shapes({{unknown, unknown, 4}, {unknown, 5, 3}, {unknown, 5, 4}}) ==
        std::vector<Shape>{{unknown, unknown, 3}});
}

TEST_CASE("masks of Attention") {
  const Tensor query = with_mask(Tensor::zeros({1, 2, 2}), mask_of_bits({{1, 0}}));
  const Tensor value = with_mask(Tensor::of({{{1, 2}, {3, 4}, {50, 60}}}), mask_of_bits({{1, 1, 0}}));
  const Tensor y = Attention()({query, value});
  CHECK(near(y, {2, 3, 0, 0}));
  CHECK(mask_of(y).to_vector<int>() == std::vector<int>{1, 0});
  CHECK_FALSE(mask_of(Attention()({Tensor::zeros({1, 2, 2}), value})));
  // Each step sees what is not after it.
  CHECK(near(Attention({.use_causal_mask = true})({Tensor::zeros({1, 2, 2}), value}), {1, 2, 2, 3}));
}

TEST_CASE("scores of Attention with their weights") {
  const Ref<layers::Attention> concat = Attention({.use_scale = true, .score_mode = "concat"});
  concat({Tensor::ones({1, 2, 3}), Tensor::ones({1, 4, 3})});
  CHECK(paths_of(concat->weights()) ==
        std::vector<std::string>{concat->name() + "/scale", concat->name() + "/concat_score_weight"});
  CHECK(concat->weights()[0].shape() == Shape{});
  const Ref<layers::AdditiveAttention> additive = AdditiveAttention();
  additive({Tensor::ones({1, 2, 3}), Tensor::ones({1, 4, 3})});
  CHECK(additive->weights().at(0).shape() == Shape{3});
  CHECK(AdditiveAttention({.use_scale = false})({Tensor::ones({1, 2, 3}), Tensor::ones({1, 4, 3})}).shape() ==
        Shape{1, 2, 3});
  // What Keras says in the call stands in the config only where it says something.
  CHECK_FALSE(Attention()->get_config().contains("use_causal_mask"));
  CHECK(clone(Attention({.use_causal_mask = true}))->options().use_causal_mask);
  CHECK_FALSE(AdditiveAttention()->get_config().contains("score_mode"));
}

TEST_CASE("dropout of attention weights") {
  const Ref<layers::Attention> layer =
      Attention({.dropout = 0.5, .seed = 1, .return_attention_scores = true});
  const std::vector<Tensor> inputs = {Tensor::zeros({8, 16, 2}), Tensor::ones({8, 16, 2})};
  const Tensor weights = unpack<2>(layer(inputs, {.training = true}))[1];
  double kept = 0;
  for (const double weight : weights.to_vector<double>()) kept += weight > 0 ? 1 : 0;
  CHECK(std::fabs(kept / 2048 - 0.5) < 4 * std::sqrt(0.25 / 2048));
  CHECK(near(layer(inputs)[0], std::vector<double>(256, 1)));
  CHECK(layer->seed_generators().size() == 1);
  CHECK(Attention()->seed_generators().empty());
}

TEST_CASE("errors of Attention") {
  CHECK(contains(message_of<ValueError>([] { Attention({.score_mode = "sum"}); }), "got \"sum\""));
  CHECK(contains(message_of<ValueError>([] { Attention({.dropout = 2}); }), "Attention: dropout"));
  const Tensor x = Tensor::ones({1, 2, 3});
  const std::string one = message_of<ValueError>([&] { Attention({.name = "a"})(x); });
  CHECK(contains(one, "the layer a expected {query, value} or {query, value, key}"));
  CHECK(contains(one, "got [1, 2, 3]"));
  CHECK(contains(message_of<ValueError>([&] { Attention()({x, Tensor::ones({1, 2, 4})}); }), "[1, 2, 4]"));
  CHECK(contains(message_of<ValueError>([&] { AdditiveAttention()({x, x, x, x}); }), "[1, 2, 3], [1, 2, 3]"));
}
