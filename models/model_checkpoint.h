#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <unspool/models/callback.h>
#include <unspool/models/callback_path.h>
#include <unspool/models/frequency.h>

namespace unspool {

/// Keras' arguments of ModelCheckpoint(). The first one may stand in front of the others.
struct ModelCheckpointOptions {
  /// Where to save; see ModelCheckpoint().
  std::string filepath = {};
  /// The name of a value in the logs, for save_best_only.
  std::string monitor = "val_loss";
  /// 1: prints what is saved.
  int verbose = 0;
  /// Whether to save only when the value is better than that of all saved models.
  bool save_best_only = false;
  /// Whether to save the weights only, as Model::save_weights() does.
  bool save_weights_only = false;
  /// "min": smaller is better; "max": larger is better; "auto": what the model's metric of that name says.
  std::string mode = "auto";
  /// "epoch", or the number of batches after which to save.
  Frequency save_freq = "epoch";
  /// With save_best_only: the value that the first saved model must be better than.
  std::optional<double> initial_value_threshold = std::nullopt;
};

///@{
/// A callback that saves the model. `path` may have the epoch (from 1), the batch (from 1, if save_freq
/// counts batches) and values of the logs in it, in Python's formats:
/// "net_{epoch:02d}-{val_loss:.2f}.unspool". Folders are created. With save_best_only an epoch without
/// validation saves nothing. Throws ValueError for an unknown mode; fit() throws ValueError for an unknown
/// name in the path or as `monitor`.
std::shared_ptr<Callback> ModelCheckpoint(ModelCheckpointOptions options);
template <std::convertible_to<std::string> Path>
std::shared_ptr<Callback> ModelCheckpoint(Path&& path, ModelCheckpointOptions options = {}) {
  options.filepath = internal::callback_path(std::forward<Path>(path), options.filepath, "ModelCheckpoint");
  return ModelCheckpoint(std::move(options));
}
///@}

}  // namespace unspool
