#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include <unspool/core/shape.h>

namespace unspool {

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

}  // namespace unspool
