#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Keeps the masks that it is called with.
class Watching : public Layer {
 public:
  Tensor call(const Tensor& x, const CallArgs& args) override {
    masks.push_back(args.mask);
    trainings.push_back(args.is_training());
    return x;
  }
  std::vector<Tensor> masks;
  std::vector<bool> trainings;
};

}  // namespace

TEST_CASE("a layer on every step, with one set of weights") {
  clear_session();
  const Ref<layers::TimeDistributed> layer = TimeDistributed(Dense({.units = 2, .activation = "tanh"}));
  const Tensor x = some({3, 4, 5}, float32);
  const Tensor y = layer(x);
  CHECK(y.shape() == Shape{3, 4, 2});
  CHECK(paths_of(layer->weights()) ==
        std::vector<std::string>{"time_distributed/dense/kernel", "time_distributed/dense/bias"});
  const auto dense = std::dynamic_pointer_cast<layers::Dense>(layer->layer().pointer());
  for (Index t = 0; t < 4; ++t) {
    const Tensor step = (*dense)(squeeze(slice(x, 1, t, t + 1), {1}));
    CHECK(step.to_vector<float>() == slice(y, 1, t, t + 1).to_vector<float>());
  }
}

TEST_CASE("sequences of sequences, images, several outputs and a Sequential within") {
  const Tensor x = some({2, 3, 4, 5}, float32);
  CHECK(TimeDistributed(LSTM({.units = 6}))(x).shape() == Shape{2, 3, 6});
  CHECK(TimeDistributed(Dense({.units = 6}))(x).shape() == Shape{2, 3, 4, 6});
  const auto [sequence, state] =
      unpack<2>(TimeDistributed(GRU({.units = 6, .return_sequences = true, .return_state = true}))(x));
  CHECK(sequence.shape() == Shape{2, 3, 4, 6});
  CHECK(state.shape() == Shape{2, 3, 6});
  CHECK(TimeDistributed(TimeDistributed(Dense({.units = 6})))(x).shape() == Shape{2, 3, 4, 6});
  const Sequential model({GRU({.units = 6}), Dense({.units = 7})});
  const Ref<layers::TimeDistributed> nested = TimeDistributed(model.network());
  CHECK(nested(x).shape() == Shape{2, 3, 7});
  CHECK(nested->weights().size() == 5);
  const Ref<layers::TimeDistributed> again = clone(nested);
  again(x);
  CHECK(again->get_config() == nested->get_config());
}

TEST_CASE("mask and training reach the layer step by step, and the mask goes on as it is") {
  const Ref<Watching> watching = make<Watching>();
  const Tensor mask = mask_of_bits({{1, 0, 1}, {0, 0, 1}});
  const Tensor y = TimeDistributed(watching)(with_mask(Tensor::ones({2, 3, 4}), mask), {.training = true});
  CHECK(mask_of(y).id() == mask.id());
  REQUIRE(watching->masks.size() == 3);
  CHECK(watching->masks[0].to_vector<bool>() == std::vector<bool>{true, false});
  CHECK(watching->masks[2].to_vector<bool>() == std::vector<bool>{true, true});
  CHECK(watching->trainings == std::vector<bool>{true, true, true});
  // Of a sequence of sequences, each step has the mask of its own.
  const Tensor deep = reshape(mask_of_bits({{1, 0, 1, 1, 0, 0}}), {1, 2, 3});
  SimpleRNNOptions sums = {
      .units = 1, .activation = "linear", .kernel_initializer = "ones", .recurrent_initializer = "ones"};
  CHECK(near(TimeDistributed(SimpleRNN(sums))(counting({1, 2, 3, 1}), {.mask = deep}), {2, 3}));
}

TEST_CASE("losses: weights count once, outputs at every step") {
  const Ref<layers::TimeDistributed> layer = TimeDistributed(
      Dense({.units = 2, .kernel_regularizer = L2({.l2 = 1}), .activity_regularizer = L1({.l1 = 1})}));
  const Tensor x = some({2, 3, 4}, float32);
  const Tensor y = layer(x);
  double activity = 0;
  REQUIRE(layer->losses().size() == 4);
  for (std::size_t t = 0; t < 3; ++t) activity += layer->losses()[t].item<double>();
  CHECK(activity == doctest::Approx(sum(abs(y)).item<double>() / 2));
  CHECK(near(layer->losses()[3], {sum(square(layer->weights()[0])).item<double>()}));
  const Ref<layers::TimeDistributed> own =
      TimeDistributed(Dense({.units = 2}), {.activity_regularizer = "l2"});
  own(x);
  CHECK(own->losses().size() == 1);
}

TEST_CASE("shapes of TimeDistributed with unknown batch and time") {
  const Ref<layers::TimeDistributed> layer = TimeDistributed(LSTM({.units = 3, .return_state = true}));
  CHECK(layer->compute_output_shapes({{unknown, unknown, 4, 5}}) ==
        std::vector<Shape>{{unknown, unknown, 3}, {unknown, unknown, 3}, {unknown, unknown, 3}});
  CHECK_FALSE(layer->built());
  CHECK(layer(Input({.shape = {unknown, 4, 5}}))[0].shape() == Shape{unknown, unknown, 3});
}

TEST_CASE("TimeDistributed is made again from its config, which has Keras' keys") {
  const Ref<layers::TimeDistributed> layer = TimeDistributed(
      Dense({.units = 2, .dtype = float64}), {.activity_regularizer = "l2", .name = "t", .trainable = false});
  CHECK(layer->dtype() == float64);
  const Ref<layers::TimeDistributed> again = clone(layer);
  CHECK(again->get_config() == layer->get_config());
  CHECK(again->dtype() == float64);
  CHECK(again->activity_regularizer());
  CHECK(again->layer()->name() == layer->layer()->name());
  CHECK(TimeDistributed(Dense({.units = 1}))->get_config().keys() ==
        std::vector<std::string>{"name", "trainable", "dtype", "layer"});
}

TEST_CASE("errors of TimeDistributed") {
  CHECK(contains(message_of<ValueError>([] { TimeDistributed(Ref<Layer>()); }), "got an empty Ref"));
  const Ref<layers::TimeDistributed> layer = TimeDistributed(Dense({.units = 2}), {.name = "t"});
  const std::string rank = message_of<ValueError>([&] { layer(Tensor::ones({2, 3})); });
  CHECK(contains(rank, "the layer t expected"));
  CHECK(contains(rank, "[2, 3]"));
  CHECK(contains(message_of<ValueError>([&] { layer->compute_output_shape({2, 3}); }), "[2, 3]"));
  const Tensor x = Tensor::ones({2, 3, 4});
  CHECK(contains(message_of<ValueError>([&] {
                   layer(x, {.mask = mask_of_bits({{1, 1}, {1, 1}})});
                 }),
                 "a mask of shape [2, 3], got bool[2, 2]"));
  CHECK(contains(message_of<ValueError>([&] {
                   layer(x, {.mask = Tensor::of<bool>({true, true})});
                 }),
                 "[2, 3]"));
  CHECK(contains(message_of<ValueError>([&] { layer(Tensor::ones({2, 0, 4})); }), "at least one"));
  CHECK(contains(message_of<ValueError>([&] {
                   layer({x, Tensor::ones({2, 4, 4})});
                 }),
                 "expected inputs with one batch and time"));
}
