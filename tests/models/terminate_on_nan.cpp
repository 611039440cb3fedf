#include <doctest/doctest.h>
#include <iostream>
#include <limits>
#include <string>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lambda.h>
#include <unspool/layers/lstm.h>
#include <unspool/models/sequential.h>
#include <unspool/models/terminate_on_nan.h>

#include "../support/errors.h"
#include "../support/printed.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// The first layers are finite; the logarithm of a negative number is not.
Sequential model_with_log() {
  Sequential model(
      {Input({.shape = {2, 1}}), LSTM({.units = 2, .name = "lstm"}),
       Dense({.units = 1, .kernel_initializer = "zeros", .bias_initializer = "zeros", .name = "dense"}),
       Lambda({.function = [](const Tensor& input) { return log(input - 1.0F); }, .name = "log"}),
       Dense({.units = 1, .name = "out"})},
      {.name = "net"});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  return model;
}

}  // namespace

TEST_CASE("TerminateOnNaN stops and names the first layer") {
  Sequential model = model_with_log();
  Index batches = 0;
  const auto count = LambdaCallback({.on_train_batch_end = [&] { ++batches; }});
  const std::string text = printed_by(std::cout, [&] {
    model.fit(Tensor::ones({6, 2, 1}), Tensor::ones({6, 1}),
              {.batch_size = 2, .epochs = 3, .verbose = 0, .callbacks = {TerminateOnNaN(), count}});
  });
  CHECK(contains(
      text, "Batch 0: the loss is nan: the first output that is not finite is that of the layer net/log"));
  CHECK(batches == 1);
  CHECK(contains(message_of<RuntimeError>([&] {
                   model_with_log().fit(Tensor::ones({2, 2, 1}), Tensor::ones({2, 1}),
                                        {.verbose = 0, .callbacks = {TerminateOnNaN({.raise_error = true})}});
                 }),
                 "TerminateOnNaN: Batch 0: the loss is nan"));
}

TEST_CASE("TerminateOnNaN says so if all layers are finite") {
  Sequential model({Input({.shape = {1}}), Dense({.units = 1})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  const float most = std::numeric_limits<float>::max();
  const std::string text = printed_by(std::cout, [&] {
    model.fit(Tensor::ones({1, 1}), Tensor::full({1, 1}, most),
              {.verbose = 0, .callbacks = {TerminateOnNaN()}});
  });
  CHECK(contains(text, "Batch 0: the loss is inf: the outputs of all layers are finite"));
}

TEST_CASE("TerminateOnNaN leaves training that is finite alone") {
  Sequential model({Input({.shape = {1}}), Dense({.units = 1})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  const History history = model.fit(Tensor::ones({4, 1}), Tensor::ones({4, 1}),
                                    {.epochs = 2, .verbose = 0, .callbacks = {TerminateOnNaN()}});
  CHECK(history.epoch.size() == 2);
}
