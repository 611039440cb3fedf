#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/models/finding.h>
#include <unspool/models/internal/objective.h>
#include <unspool/models/internal/probe.h>

namespace unspool::internal {

/// What diagnose() looks at. The parts of the diagnosis read it and add findings; docs/design/diagnose.md
/// gives the reasons for their thresholds.
struct Examination {
  const Model& model;
  /// Samples of all parts of the data, for statistics.
  Batch sample;
  /// Batches as training will see them.
  std::vector<Batch> batches;
  /// Labels in the order of training; empty where each epoch has an order of its own.
  TensorList labels_in_order;
  /// The labels to train on and those to validate on, if a part is split off.
  TensorList training_labels;
  TensorList validation_labels;
  /// What some of the samples show on their way through the model.
  Probe seen;
  std::vector<Finding> findings = {};

  bool has(Fault fault) const;
  /// The labels of the sample, by output.
  TensorList labels() const;
  /// The layer that made an output, or the model.
  std::string output_layer(std::size_t output) const;
};

///@{
/// The parts of a diagnosis.
void examine_masks(Examination& examination);
void examine_scale(Examination& examination);
void examine_labels(Examination& examination);
void examine_order(Examination& examination);
void examine_gradients(Examination& examination);
void examine_activations(Examination& examination);
void examine_learning_rate(Examination& examination);
///@}

}  // namespace unspool::internal
