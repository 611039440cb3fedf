#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unspool/models/internal/probe.h>

namespace unspool::internal {

/// A value in the logs over training, on the training data and on those for validation.
struct DashboardCurve {
  using Points = std::vector<std::pair<double, double>>;  ///< Epochs done, and the value.
  std::string name;
  Points training;
  Points validation;
};

/// What a dashboard shows.
struct DashboardView {
  std::string model;
  Index epoch = 0;  ///< Counted from 0.
  Index epochs = 1;
  Index batch = 0;  ///< How many of the epoch are done.
  std::optional<Index> steps;
  bool validating = false;
  std::optional<double> seconds_left;
  double seconds = 0;         ///< Since training began.
  double seconds_a_step = 0;  ///< 0 if unknown.
  double learning_rate = 0;
  double flops = 0;  ///< Of the products of a step, forward and backward, per second; 0 if unknown.
  double peak = 0;   ///< What the threads of the process could do; 0 if unknown.
  int threads = 1;
  std::vector<DashboardCurve> curves;
  std::vector<ProbedSequence> sequences;
  /// For each layer with weights the norm of their gradient, relative to that of the weights.
  std::vector<std::pair<std::string, double>> layers;
  bool has_keys = false;
  std::string message;
};

/// The view in so many columns and at most so many rows, as lines separated by newlines.
std::string draw(const DashboardView& view, int columns, int rows, bool colored);

}  // namespace unspool::internal
