#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("LayerNormalization of the last axis") {
  // The numbers of Keras.
  CHECK(near(LayerNormalization()(Tensor::of({{1, 2, 3}})), {-1.2238274, 0, 1.2238274}));
  const Ref<layers::LayerNormalization> layer = LayerNormalization({.epsilon = 0});
  layer->build_once(Shape{unknown, 2});
  layer->set_weights({Tensor::of({2, 3}), Tensor::of({10, 20})});
  CHECK(near(layer(Tensor::of({{1, 3}})), {8, 23}));
}

TEST_CASE("LayerNormalization over several axes: gamma has their sizes") {
  const Ref<layers::LayerNormalization> layer =
      LayerNormalization({.axis = {2, -2}, .epsilon = 0, .center = false, .dtype = float64});
  const Tensor x = some({3, 2, 4});
  const Tensor y = layer(x);
  CHECK(layer->weights().size() == 1);
  CHECK(layer->weights()[0].shape() == Shape{2, 4});
  CHECK(near(mean(y, {1, 2}), {0, 0, 0}, 1e-12));
  CHECK(near(variance(y, {1, 2}), {1, 1, 1}, 1e-12));
  const Ref<layers::LayerNormalization> first = LayerNormalization({.axis = 1});
  CHECK(first->compute_output_shape({unknown, 2, unknown}) == Shape{unknown, 2, unknown});
  CHECK_FALSE(first->built());
  first(Tensor::ones({3, 2, 4}));
  CHECK(first->weights()[0].shape() == Shape{2});
  CHECK(LayerNormalization({.rms_scaling = true})(Tensor::ones({1, 3})).shape() == Shape{1, 3});
}

TEST_CASE("LayerNormalization without its weights") {
  const Ref<layers::LayerNormalization> layer = LayerNormalization({.center = false, .scale = false});
  CHECK(near(layer(Tensor::of({{1, 2, 3}})), {-1.2238274, 0, 1.2238274}));
  CHECK(layer->weights().empty());
}

TEST_CASE("BatchNormalization in training: statistics of the batch, and the moving ones") {
  // The numbers of Keras.
  const Ref<layers::BatchNormalization> layer = BatchNormalization();
  const Tensor x = Tensor::of({{1, 2, 3}, {4, 5, 6}});
  CHECK(near(layer(x), x.to_vector<double>(), 0.01));
  layer(x, in_training);
  CHECK(near(layer->weights()[2], {0.025, 0.035, 0.045}));
  CHECK(near(layer->weights()[3], {1.0125, 1.0125, 1.0125}));
  CHECK(paths_of(layer->weights())[3] == layer->name() + "/moving_variance");
  CHECK(layer->trainable_weights().size() == 2);
  CHECK(layer->non_trainable_weights().size() == 2);
}

TEST_CASE("BatchNormalization does not count what a mask leaves out") {
  // The numbers of Keras.
  const Ref<layers::BatchNormalization> layer = BatchNormalization();
  const Tensor x = Tensor::of({{{1}, {3}, {100}}});
  const Tensor y = layer(x, {.training = true, .mask = mask_of_bits({{1, 1, 0}})});
  CHECK(near(y, {-0.9995004, 0.9995005, 97.95104}, 1e-4));
  CHECK(mask_of(y));
  CHECK(near(layer->weights()[2], {0.02}));
  CHECK(near(layer->weights()[3], {1.0}));
}

TEST_CASE("a BatchNormalization that is not trainable takes the moving statistics in training, too") {
  const Ref<layers::BatchNormalization> layer = BatchNormalization({.epsilon = 0});
  layer->set_trainable(false);
  const Tensor x = Tensor::of({{1, 2}, {4, 5}});
  CHECK(near(layer(x, in_training), {1, 2, 4, 5}));
  CHECK(near(layer->weights()[2], {0, 0}));
}

TEST_CASE("BatchNormalization along another axis, and with renormalization") {
  const Ref<layers::BatchNormalization> layer =
      BatchNormalization({.axis = 1, .epsilon = 0, .dtype = float64});
  const Tensor y = layer(some({4, 3, 5}), in_training);
  CHECK(near(mean(y, {0, 2}), {0, 0, 0}, 1e-12));
  CHECK(layer->weights()[0].shape() == Shape{3});

  // Batch statistics that are the known ones leave x as it is.
  const Ref<layers::BatchNormalization> renorm = BatchNormalization(
      {.momentum = 0.5, .epsilon = 0, .renorm = true, .renorm_momentum = 0.5, .dtype = float64});
  const Tensor x = Tensor::of<double>({{3}, {5}});
  CHECK(near(renorm(x, in_training), {3, 5}, 1e-12));
  CHECK(renorm->weights().size() == 7);
  // gamma, beta, moving_mean, moving_variance, moving_stddev, renorm_mean, renorm_stddev.
  CHECK(near(renorm->weights()[2], {2}));
  CHECK(near(renorm->weights()[5], {2}));
  CHECK(near(renorm->weights()[6], {1}));
  const Ref<layers::BatchNormalization> clipped =
      BatchNormalization({.epsilon = 0,
                          .renorm = true,
                          .renorm_clipping = RenormClippingOptions{.rmax = 0.5, .dmax = 1},
                          .dtype = float64});
  CHECK(near(clipped(x * 2, in_training), {0.5, 1.5}, 1e-12));
  CHECK(clone(clipped)->options().renorm_clipping->rmax == 0.5);
}

TEST_CASE("the moving statistics are updates of a symbolic call") {
  const Ref<layers::BatchNormalization> layer = BatchNormalization();
  const Tensor input = Input({.shape = {3}});
  layer(input);
  REQUIRE(layer->updates().size() == 2);
  CHECK(layer->updates()[0].variable == layer->weights()[2]);
  CHECK(layer->get_updates_for(input).size() == 2);
  CHECK(layer->get_updates_for(std::nullopt).empty());
  layer->set_trainable(false);
  const Model frozen(input, layer(input));
  frozen(Tensor::ones({2, 3}), {.training = true});
  CHECK(near(layer->weights()[2], {0, 0, 0}));
}

TEST_CASE("RMSNormalization and UnitNormalization") {
  const Ref<layers::RMSNormalization> rms = RMSNormalization({.epsilon = 0});
  CHECK(near(rms(Tensor::of({{1, 7}})), {0.2, 1.4}));
  CHECK(rms->weights().size() == 1);
  CHECK(RMSNormalization({.axis = {1, 2}})(Tensor::ones({2, 3, 4})).shape() == Shape{2, 3, 4});
  CHECK(near(UnitNormalization()(Tensor::of({{3, 4}, {0, 0}})), {0.6, 0.8, 0, 0}));
  CHECK(near(UnitNormalization({.axis = {1, 2}})(Tensor::of({{{3}, {4}}})), {0.6, 0.8}));
  const Tensor zeros = Tensor::zeros({1, 2}, float64);
  const Ref<layers::UnitNormalization> unit = UnitNormalization({.dtype = float64});
  for (const double value :
       gradient([&](const Tensor& x) { return sum(unit(x)); }, zeros).to_vector<double>()) {
    CHECK(std::isfinite(value));
  }
}

TEST_CASE("errors of normalization") {
  CHECK(contains(message_of<ValueError>([] {
                   LayerNormalization({.axis = 3, .name = "l"})(Tensor::ones({2, 3}));
                 }),
                 "l: expected an axis of the input's shape [2, 3], got 3"));
  CHECK(contains(message_of<ValueError>([] {
                   LayerNormalization({.axis = {1, -1}})(Tensor::ones({2, 3}));
                 }),
                 "expected each axis of the input's shape"));
  CHECK(contains(message_of<ValueError>([] {
                   LayerNormalization({.name = "l"})(Input({.shape = {3, unknown}}));
                 }),
                 "the layer l expected a known size of the axis 2 that it normalizes, got [?, 3, ?]"));
  const std::string mask = message_of<ValueError>([] {
    BatchNormalization({.name = "b"})(Tensor::ones({2, 3}), {.mask = Tensor::ones({2, 3}, boolean)});
  });
  CHECK(contains(
      mask, "the layer b needs a mask of one axis less than its input [2, 3], of shape [2], got bool[2, 3]"));
  CHECK(contains(message_of<ValueError>([] {
                   BatchNormalization({.renorm_clipping = RenormClippingOptions{.rmin = 2, .rmax = 1}});
                 }),
                 "got rmin 2 and rmax 1"));
  const Ref<layers::BatchNormalization> built = BatchNormalization();
  built(Tensor::ones({2, 3}));
  CHECK(contains(message_of<ValueError>([&] { built(Tensor::ones({2, 4})); }), "to have value 3, found 4"));
}
