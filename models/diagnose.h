#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/core/named_list.h>
#include <unspool/core/tensor.h>

namespace unspool {

class Dataset;
class Model;

/// What can be wrong with a model, its data or its training. docs/design/diagnose.md has the thresholds, and
/// the reason for each of them.
enum class Fault : std::uint8_t {
  mask_keeps_all,       ///< A mask that masks nothing.
  mask_keeps_none,      ///< A mask that masks every time step of a sample.
  unscaled_data,        ///< Inputs or targets that are far from the order of magnitude of 1.
  labels_misfit_loss,   ///< Labels or outputs that are not what the loss expects.
  unshuffled_data,      ///< Samples that are trained on class by class.
  no_gradient,          ///< A layer whose weights get no gradient.
  exploding_gradients,  ///< A gradient that grows on its way back through time or layers.
  vanishing_gradients,  ///< A gradient that is lost in rounding on its way back.
  saturated_gates,      ///< A gate whose derivative is nearly 0 for most values.
  dead_units,           ///< Units of relu that are 0 for all samples.
  high_learning_rate,   ///< A learning rate that is too high by far.
  low_learning_rate,    ///< A learning rate that is too low by far.
};
/// "exploding gradients".
std::string_view name_of(Fault fault);

/// Something that is wrong.
struct Finding {
  Fault fault = Fault::no_gradient;  ///< What it is.
  std::string layer = {};            ///< The path of the layer, without the name of the model.
  std::optional<Index> step = {};    ///< The time step, counted from 0; empty if it is about none.
  std::string words = {};            ///< What was found, with figures.
  std::string advice = {};           ///< What to do.
};
/// Prints "exploding gradients in lstm, time step 0: ...", then what to do.
std::ostream& operator<<(std::ostream& stream, const Finding& finding);

/// What diagnose() returns.
struct Diagnosis {
  /// Those about the data first, those about the learning rate last: a finding may be the consequence of one
  /// before it.
  std::vector<Finding> findings = {};
  /// Whether there are no findings.
  bool healthy() const { return findings.empty(); }
};
/// Prints the findings with numbers, or that there are none.
std::ostream& operator<<(std::ostream& stream, const Diagnosis& diagnosis);

/// How the data will be used: as in FitOptions.
struct DiagnoseOptions {
  Index batch_size = 32;                 ///< As fit() will get it.
  bool shuffle = true;                   ///< As fit() will get it.
  double validation_split = 0;           ///< As fit() will get it.
  NamedList<Tensor> sample_weight = {};  ///< As in Batch.
};

///@{
/// Says in words what is wrong with a compiled model, or with what it is trained on: tensors or a Dataset, as
/// in fit(). Runs a batch through the model and back, and tries some steps of the optimizer, which it takes
/// back: weights, optimizer, random number generators and states are left as they were. A model that is not
/// built is built. Throws what fit() throws for inputs that the model cannot take.
///
///     std::cout << diagnose(model, x, y);
Diagnosis diagnose(const Model& model, const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                   const DiagnoseOptions& options = {});
Diagnosis diagnose(const Model& model, const Dataset& data);
///@}

}  // namespace unspool
