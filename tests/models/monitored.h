#pragma once

#include <memory>
#include <string>
#include <vector>

#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/sgd.h>

namespace unspool::testing {

/// What a callback sees: epochs of one batch, with these values of "val_loss", of a model of one weight,
/// which is the number of the epoch at its end. The learning rate is 0.1.
inline History watched_fit(Model& model, const std::vector<double>& values,
                           std::vector<std::shared_ptr<Callback>> callbacks) {
  const auto source = LambdaCallback({.on_epoch_end = [&](Index epoch, Logs& logs) {
    logs.set("val_loss", values.at(static_cast<std::size_t>(epoch)));
    model.set_weights({Tensor::full({1, 1}, static_cast<double>(epoch))});
  }});
  callbacks.insert(callbacks.begin(), source);
  return model.fit(
      Tensor::zeros({1, 1}), Tensor::zeros({1, 1}),
      {.epochs = static_cast<Index>(values.size()), .verbose = 0, .callbacks = std::move(callbacks)});
}

inline Sequential watched_model() {
  Sequential model({Input({.shape = {1}}), Dense({.units = 1, .use_bias = false})});
  model.compile({.optimizer = SGD({.learning_rate = 0.1}), .loss = "mse"});
  return model;
}

}  // namespace unspool::testing
