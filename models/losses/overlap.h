#pragma once

#include <string>
#include <string_view>

#include <unspool/autograd/axes.h>
#include <unspool/core/options_handle.h>
#include <unspool/models/loss_base.h>

/// \file
/// Losses of the overlap of a labelled and a predicted set, as in segmentation. Labels and predictions are in
/// [0, 1].

namespace unspool {

/// Axes are null (all), a number or a list in configs.
template <>
struct ConfigValue<Axes> {
  static constexpr std::string_view name = "Axes";
  static Config to(const Axes& value);
  static Axes from(const Config& config);
};

struct DiceOptions;
struct TverskyOptions;

namespace internal {
Loss make_dice(const DiceOptions& options);
Loss make_tversky(const TverskyOptions& options);
}  // namespace internal

/// Arguments of Dice.
struct DiceOptions {
  Reduction reduction = {};  ///< How the losses become one number.
  std::string name = {};     ///< The name in the logs.
  Axes axis = {};            ///< Over which to sum. Default: over all, which gives one loss for the batch.

  static const Fields& fields();
};
/// 1 - 2 sum(y p) / (sum(y) + sum(p)).
using Dice = OptionsHandle<internal::make_dice>;

/// Arguments of Tversky.
struct TverskyOptions {
  double alpha = 0.5;        ///< The weight of sum(y (1 - p)).
  double beta = 0.5;         ///< The weight of sum(p (1 - y)).
  Reduction reduction = {};  ///< How the losses become one number.
  std::string name = {};     ///< The name in the logs.
  Axes axis = {};            ///< Over which to sum. Default: over all, which gives one loss for the batch.

  static const Fields& fields();
};
/// 1 - s / (s + alpha sum(y (1 - p)) + beta sum(p (1 - y))), with s = sum(y p).
using Tversky = OptionsHandle<internal::make_tversky>;

}  // namespace unspool
