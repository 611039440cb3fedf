#include <doctest/doctest.h>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/models/sequential.h>
#include <unspool/models/swap_ema_weights.h>
#include <unspool/optim/sgd.h>

#include "../support/errors.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

const Tensor ema_x = Tensor::of({{1}, {2}, {3}, {4}});
const Tensor ema_y = Tensor::of({{3}, {5}, {7}, {9}});

Sequential averaged_model(bool use_ema = true) {
  Sequential model({Input({.shape = {1}}), Dense({.units = 1, .kernel_initializer = "ones"})});
  model.compile(
      {.optimizer = SGD({.learning_rate = 0.05, .use_ema = use_ema, .ema_momentum = 0.8}), .loss = "mse"});
  return model;
}

struct AveragedRun {
  std::vector<double> losses;
  std::vector<double> val_losses;
  std::vector<double> kernels;  // At the end of each epoch, and of fit().
};

AveragedRun averaged_run(bool swap_on_epoch) {
  Sequential model = averaged_model();
  AveragedRun run;
  const auto kernel = [&] { return model.get_weights()[0].item<double>(); };
  const auto see = LambdaCallback({.on_epoch_end = [&] { run.kernels.push_back(kernel()); }});
  const History history = model.fit(ema_x, ema_y,
                                    {.batch_size = 2,
                                     .epochs = 3,
                                     .verbose = 0,
                                     .callbacks = {SwapEMAWeights({.swap_on_epoch = swap_on_epoch}), see},
                                     .validation_data = {ema_x, ema_y},
                                     .shuffle = false});
  run.kernels.push_back(kernel());
  run.losses = history["loss"];
  run.val_losses = history["val_loss"];
  return run;
}

void check_near(const std::vector<double>& got, const std::vector<double>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]).epsilon(2e-6));
}

}  // namespace

TEST_CASE("SwapEMAWeights validates with the averages, as Keras does") {
  // From Keras 3.15.
  const AveragedRun trained = averaged_run(false);
  check_near(trained.losses, {7.35625029, 0.409389496, 0.107089922});
  check_near(trained.val_losses, {3.04263353, 1.20877576, 0.565865219});
  check_near(trained.kernels, {2.4124999, 2.07335019, 2.14689374, 1.93713665});
  const AveragedRun swapped = averaged_run(true);
  check_near(swapped.losses, {7.35625029, 0.409389496, 0.107089922});
  check_near(swapped.val_losses, {3.04263353, 1.20877576, 0.565865219});
  check_near(swapped.kernels, {1.60249996, 1.82093, 1.93713665, 1.93713665});
}

TEST_CASE(
    "SwapEMAWeights puts the trained weights back after predict(), and ends with the averages if stopped") {
  Sequential model = averaged_model();
  const auto swap = SwapEMAWeights({.swap_on_epoch = true});
  const auto stop = LambdaCallback({.on_epoch_end = [&](Index epoch) {
    if (epoch == 1) model.stop_training();
  }});
  model.fit(ema_x, ema_y,
            {.batch_size = 2, .epochs = 9, .verbose = 0, .callbacks = {swap, stop}, .shuffle = false});
  CHECK(model.get_weights()[0].item<double>() == doctest::Approx(1.82093).epsilon(2e-6));

  model.train_on_batch(ema_x, ema_y);
  const std::vector<Tensor> trained = model.get_weights();
  const Tensor with_averages = model.predict(ema_x, {.callbacks = {swap}});
  CHECK(same_bits(model.get_weights(), trained));
  CHECK_FALSE(same_bits(with_averages, model.predict(ema_x)));
  model.optimizer().finalize_variable_values();
  CHECK(same_bits(with_averages, model.predict(ema_x)));

  Sequential plain = averaged_model(false);
  CHECK(contains(message_of<ValueError>(
                     [&] { plain.evaluate(ema_x, ema_y, {.verbose = 0, .callbacks = {SwapEMAWeights()}}); }),
                 "SwapEMAWeights: expected an optimizer with use_ema = true"));
}
