#pragma once

#include <memory>
#include <string>

#include <unspool/models/callback.h>

namespace unspool {

/// Keras' arguments of ReduceLROnPlateau().
struct ReduceLROnPlateauOptions {
  /// The name of a value in the logs.
  std::string monitor = "val_loss";
  /// The learning rate is multiplied by this.
  double factor = 0.1;
  /// After how many epochs without an improvement the learning rate is reduced.
  Index patience = 10;
  /// 1: prints when the learning rate is reduced.
  int verbose = 0;
  /// "min": smaller is better; "max": larger is better; "auto": what the model's metric of that name says.
  std::string mode = "auto";
  /// A change must exceed this to count as an improvement.
  double min_delta = 1e-4;
  /// For how many epochs after a reduction epochs without an improvement do not count.
  Index cooldown = 0;
  /// The learning rate is never made smaller than this.
  double min_lr = 0;
};

/// A callback that reduces the learning rate when a value in the logs no longer improves, and adds
/// "learning_rate" to the logs: the one of the epoch that ends. Epochs without a validation do not count.
/// Throws ValueError for factor >= 1 or an unknown mode; fit() throws ValueError for an unknown name, and
/// TypeError if a schedule sets the learning rate.
std::shared_ptr<Callback> ReduceLROnPlateau(ReduceLROnPlateauOptions options = {});

}  // namespace unspool
