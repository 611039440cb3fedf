#pragma once

#include <memory>
#include <optional>
#include <string>

#include <unspool/models/callback.h>

namespace unspool {

/// Keras' arguments of EarlyStopping().
struct EarlyStoppingOptions {
  /// The name of a value in the logs.
  std::string monitor = "val_loss";
  /// A change must exceed this to count as an improvement.
  double min_delta = 0;
  /// After how many epochs without an improvement training stops.
  Index patience = 0;
  /// 1: prints when it stops, and when it restores weights.
  int verbose = 0;
  /// "min": smaller is better; "max": larger is better; "auto": what the model's metric of that name says.
  std::string mode = "auto";
  /// Improvements that do not reach this value do not reset the count of epochs.
  std::optional<double> baseline = std::nullopt;
  /// Whether to restore the weights of the best epoch at the end of training.
  bool restore_best_weights = false;
  /// The first epoch that is monitored.
  Index start_from_epoch = 0;
};
/// What EarlyStopping() makes.
class EarlyStoppingCallback : public Callback {
 public:
  /// The epoch, counted from 0, in which it stopped the last fit(); 0 if it did not, as in Keras.
  virtual Index stopped_epoch() const = 0;
  /// The epoch with the best value so far, counted from 0.
  virtual Index best_epoch() const = 0;
  /// The best value so far; none before the first monitored epoch.
  virtual std::optional<double> best() const = 0;
};

/// A callback that stops training when a value in the logs no longer improves. The first monitored epoch
/// always counts as an improvement, so at least one more epoch follows it, even with a patience of 0. Epochs
/// without a validation do not count. Throws ValueError for an unknown mode or a negative patience; fit()
/// throws ValueError if the mode is "auto" and no metric tells the direction, or if no value in the logs has
/// the name.
std::shared_ptr<EarlyStoppingCallback> EarlyStopping(EarlyStoppingOptions options = {});

}  // namespace unspool
