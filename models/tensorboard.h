#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>

#include <unspool/models/callback.h>
#include <unspool/models/callback_path.h>
#include <unspool/models/frequency.h>

namespace unspool {

/// Keras' arguments of TensorBoard(). The first one may stand in front of the others.
struct TensorBoardOptions {
  /// The folder. Default: "logs".
  std::string log_dir = {};
  /// Writes histograms of the weights after every so many epochs; 0: never.
  Index histogram_freq = 0;
  /// Whether to write the graph of the model.
  bool write_graph = true;
  /// Whether to write the number of steps per second.
  bool write_steps_per_second = false;
  /// "epoch", or the number of batches after which to write the logs of the epoch so far as well.
  Frequency update_freq = "epoch";
  /// Whether to write histograms of the gradients of the last batch, in the epochs of histogram_freq.
  bool write_grads = false;
};

///@{
/// A callback that writes files for TensorBoard (`tensorboard --logdir logs`), into the folders "train" and
/// "validation" of `log_dir`. With the tags of Keras: "epoch_loss" and so on for the values in the logs and
/// the learning rate, "batch_loss" and so on if update_freq counts batches, "evaluation_loss_vs_iterations"
/// for each validation, and a histogram "lstm/lstm_cell/kernel/histogram" for each weight. Histograms of
/// gradients have the tag "lstm/lstm_cell/kernel/gradient". Throws ValueError if histogram_freq is negative,
/// or 0 with write_grads; fit() throws FileError if a file cannot be written.
std::shared_ptr<Callback> TensorBoard(TensorBoardOptions options = {});
template <std::convertible_to<std::string> Path>
std::shared_ptr<Callback> TensorBoard(Path&& log_dir, TensorBoardOptions options = {}) {
  options.log_dir = internal::callback_path(std::forward<Path>(log_dir), options.log_dir, "TensorBoard");
  return TensorBoard(std::move(options));
}
///@}

}  // namespace unspool
