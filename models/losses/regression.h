#pragma once

#include <string>

#include <unspool/core/options_handle.h>
#include <unspool/models/loss_base.h>

/// \file
/// Losses of numbers: each is the mean over the last axis of a function of the error.

namespace unspool {

struct HuberOptions;

namespace internal {
Loss make_mean_squared_error(const LossOptions& options);
Loss make_mean_absolute_error(const LossOptions& options);
Loss make_mean_absolute_percentage_error(const LossOptions& options);
Loss make_mean_squared_logarithmic_error(const LossOptions& options);
Loss make_log_cosh(const LossOptions& options);
Loss make_poisson(const LossOptions& options);
Loss make_huber(const HuberOptions& options);
}  // namespace internal

/// mean((y_true - y_pred)^2); also called "mse".
using MeanSquaredError = OptionsHandle<internal::make_mean_squared_error>;
/// mean(|y_true - y_pred|); also called "mae".
using MeanAbsoluteError = OptionsHandle<internal::make_mean_absolute_error>;
/// 100 * mean(|y_true - y_pred| / |y_true|), with |y_true| of at least 1e-7; also called "mape".
using MeanAbsolutePercentageError = OptionsHandle<internal::make_mean_absolute_percentage_error>;
/// mean((log(1 + y_true) - log(1 + y_pred))^2), where numbers below 1e-7 count as 1e-7; also called "msle".
using MeanSquaredLogarithmicError = OptionsHandle<internal::make_mean_squared_logarithmic_error>;
/// mean(log(cosh(y_pred - y_true))): like the squared error near 0, like the absolute error far from it.
using LogCosh = OptionsHandle<internal::make_log_cosh>;
/// mean(y_pred - y_true * log(y_pred)), for counts y_true and their predicted means.
using Poisson = OptionsHandle<internal::make_poisson>;

/// Arguments of Huber.
struct HuberOptions {
  double delta = 1;          ///< The error from which on the loss is linear.
  Reduction reduction = {};  ///< How the losses become one number.
  std::string name = {};     ///< The name in the logs.

  static const Fields& fields();
};
/// mean(e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2) of the error e = y_pred - y_true.
using Huber = OptionsHandle<internal::make_huber>;

}  // namespace unspool
