#include <doctest/doctest.h>
#include <string>
#include <vector>

#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/normalization.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>

#include "../support/errors.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Sequential encoder_and_head() {
  const Sequential encoder(
      {Input({.shape = {4, 3}}), LSTM({.units = 2, .name = "lstm"}), BatchNormalization({.name = "norm"})},
      {.name = "encoder"});
  return Sequential({Input({.shape = {4, 3}}), encoder, Dense({.units = 1, .name = "head"})},
                    {.name = "net"});
}

std::vector<std::string> trainable_names(const Model& model) {
  std::vector<std::string> names;
  for (const Variable& weight : model.trainable_weights()) {
    const std::string path = weight.path();
    names.push_back(path.substr(path.find_last_of('/', path.find_last_of('/') - 1) + 1));
  }
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a weight is found by its path, with the name of the model or without it") {
  const Sequential model({Input({.shape = {4, 3}}), LSTM({.units = 2, .name = "lstm"}), Dense({.units = 1})},
                         {.name = "net"});
  for (const Variable& weight : model.weights()) CHECK(model.get_variable(weight.path()) == weight);
  CHECK(model.get_variable("lstm/lstm_cell/kernel") == model.weights()[0]);
  CHECK(model.get_variable("net/lstm/lstm_cell/recurrent_kernel") == model.weights()[1]);
  CHECK(
      contains(message_of<ValueError>([&] { model.get_variable("lstm/lstm_cell/kernels"); }),
               "the model net: expected the path of one of its weights, got \"lstm/lstm_cell/kernels\": did "
               "you mean \"lstm/lstm_cell/kernel\"?"));
}

TEST_CASE("a pattern freezes layers and single weights") {
  const Sequential model = encoder_and_head();
  const Names all = {"lstm_cell/kernel", "lstm_cell/recurrent_kernel",
                     "lstm_cell/bias",   "norm/gamma",
                     "norm/beta",        "head/kernel",
                     "head/bias"};
  REQUIRE(trainable_names(model) == all);
  // The moving mean and variance of the normalization are weights of the layer, too.
  CHECK(model.freeze("encoder/*") == 7);
  CHECK(trainable_names(model) == Names{"head/kernel", "head/bias"});
  CHECK(model.unfreeze("encoder/norm") == 4);
  CHECK(trainable_names(model) == Names{"norm/gamma", "norm/beta", "head/kernel", "head/bias"});
  CHECK(model.unfreeze("*") == 9);
  CHECK(trainable_names(model) == all);
  CHECK(model.freeze("*/bias") == 2);
  CHECK(model.freeze("*/norm/?eta") == 1);
  CHECK(trainable_names(model) ==
        Names{"lstm_cell/kernel", "lstm_cell/recurrent_kernel", "norm/gamma", "head/kernel"});
  CHECK(contains(message_of<ValueError>([&] { model.freeze("decoder/*"); }),
                 "freeze: expected a pattern that matches a layer or a weight of net, got \"decoder/*\""));
}

TEST_CASE("training leaves frozen weights as they are, and a saved model keeps them frozen") {
  Sequential model = encoder_and_head();
  model.freeze("encoder/lstm");
  model.freeze("*/bias");
  model.compile({.optimizer = "sgd", .loss = "mse"});
  const std::vector<Tensor> before = model.get_weights();
  model.fit(random_normal({4, 4, 3}, 0, 1, float32, RandomKey{1, 0}), Tensor::full({4, 1}, 3),
            {.verbose = 0});
  for (std::size_t i = 0; i < before.size(); ++i) {
    const Variable weight = model.weights()[i];
    const bool moving = weight.name().starts_with("moving");
    CAPTURE(weight.path());
    CHECK(same_bits(before[i], weight.value()) == (!weight.trainable() && !moving));
  }
  const Model loaded = from_snapshot(to_snapshot(model));
  CHECK(trainable_names(loaded) == trainable_names(model));
  CHECK(loaded.get_variable("head/kernel").trainable());
  CHECK_FALSE(loaded.get_variable("head/bias").trainable());
}
