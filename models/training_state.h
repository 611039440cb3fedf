#pragma once

#include <unspool/models/model.h>
#include <unspool/serialization/snapshot.h>

namespace unspool {

/// Everything that the rest of a fit() depends on, for another process to go on with: the weights and states
/// of the layers, the optimizer, random number generators, the order of samples, the epoch and the batch, the
/// metrics so far, and the states of callbacks (Callback::get_state()), the History among them. For
/// callbacks, in on_epoch_begin() or on_train_batch_begin(), when all callbacks have finished the batch
/// before. Throws RuntimeError elsewhere, ValueError for a metric of one's own that keeps its state elsewhere
/// than in variables, unless an epoch begins.
Snapshot training_state(const Model& model);

/// Lets fit() go on from a training_state() of a model with the same layers that was trained with the same
/// arguments: the batches that were done are read from the data, and skipped. For callbacks, in
/// on_train_begin(). Throws RuntimeError elsewhere, FileError for another model; `name` stands for
/// the file in errors.
void restore_training_state(const Model& model, const Snapshot& state,
                            const std::string& name = "the training state");

}  // namespace unspool
