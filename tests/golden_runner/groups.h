#pragma once

#include <string>

#include "case.h"
#include "report.h"

namespace golden {

/// One step, or one call, of a cell or a layer: the groups cells, rnn, custom, wrappers and layers.
void run_layer(const Case& file, Report& report);
/// Several calls on one layer that keeps its states.
void run_stateful(const Case& file, Report& report);
/// A function with its derivative, in float32 and float64.
void run_activation(const Case& file, Report& report);
/// What drawn weights must be like.
void run_initializer(const Case& file, Report& report);
/// Steps of an optimizer, or what a schedule of learning rates gives.
void run_optimizer(const Case& file, Report& report);

/// Runs a case by its group. ValueError for a group that has no runner here.
void run(const Case& file, Report& report);

}  // namespace golden
