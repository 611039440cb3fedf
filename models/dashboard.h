#pragma once

#include <memory>
#include <string>

#include <unspool/models/callback.h>

namespace unspool {

/// The arguments of Dashboard().
struct DashboardOptions {
  /// Where the key s saves the model, as Model::save() does. Default: the name of the model and ".unspool".
  std::string save_path = {};
  /// By how much the keys + and - multiply and divide the learning rate.
  double rate_factor = 2;
  /// Whether to show the gradient of the states over time, with the saturation of gates.
  bool gradients = true;
};

/// A callback that shows fit() in the terminal, in place of the progress bar: curves of the loss and the
/// metrics, the time left, the throughput as a share of what the machine could do, and, for each recurrent
/// layer and time step, the norm of the gradient of its states and the share of saturated gates, from a few
/// samples of a batch now and then. Keys: q stops after the batch, s saves the model, + and - change the
/// learning rate. It uses less than 1 % of the time, and leaves the terminal as it was, however training
/// ends. Where the standard output is no terminal, fit() prints what it does without a dashboard. Throws
/// ValueError unless rate_factor > 1.
std::shared_ptr<Callback> Dashboard(DashboardOptions options = {});

}  // namespace unspool
