#pragma once

#include <string>

#include <unspool/optim/optimizer.h>

#include "case.h"
#include "report.h"

namespace golden {

/// One call of a cell or layer: the groups cells, rnn, custom, wrappers and layers.
void run_layer(const Case& file, Report& report);
/// Several calls of one stateful layer.
void run_stateful(const Case& file, Report& report);
/// An activation function with its derivative, in float32 and float64.
void run_activation(const Case& file, Report& report);
/// The distribution of initial weights.
void run_initializer(const Case& file, Report& report);
/// Steps of an optimizer, or values of a learning-rate schedule.
void run_optimizer(const Case& file, Report& report);
/// A loss and its gradient.
void run_loss(const Case& file, Report& report);
/// A metric over several batches.
void run_metric(const Case& file, Report& report);
/// A model that is trained by train_on_batch() or fit().
void run_training(const Case& file, Report& report);

/// Compares the variables of an optimizer with those in the file.
void check_optimizer_state(const Case& file, const Optimizer& optimizer, Report& report);
/// A model, or weights, in a file that Keras wrote.
void run_keras_file(const Case& file, Report& report);

/// Runs a case. Throws ValueError for an unknown group.
void run(const Case& file, Report& report);

}  // namespace golden
