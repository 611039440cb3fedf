#pragma once

#include <string>

#include <unspool/models/loss_base.h>

/// \file
/// Losses of numbers: each is the mean over the last axis of a function of the error.

namespace unspool {

/// mean((y_true - y_pred)^2); also called "mse".
Loss MeanSquaredError(LossOptions options = {});
/// mean(|y_true - y_pred|); also called "mae".
Loss MeanAbsoluteError(LossOptions options = {});
/// 100 * mean(|y_true - y_pred| / |y_true|), with |y_true| of at least 1e-7; also called "mape".
Loss MeanAbsolutePercentageError(LossOptions options = {});
/// mean((log(1 + y_true) - log(1 + y_pred))^2), where numbers below 1e-7 count as 1e-7; also called "msle".
Loss MeanSquaredLogarithmicError(LossOptions options = {});
/// mean(log(cosh(y_pred - y_true))): like the squared error near 0, like the absolute error far from it.
Loss LogCosh(LossOptions options = {});
/// mean(y_pred - y_true * log(y_pred)), for counts y_true and their predicted means.
Loss Poisson(LossOptions options = {});

/// Arguments of Huber.
struct HuberOptions {
  double delta = 1;          ///< The error from which on the loss is linear.
  Reduction reduction = {};  ///< How the losses become one number.
  std::string name = {};     ///< The name in the logs.

  static const Fields& fields();
};
/// mean(e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2) of the error e = y_pred - y_true.
Loss Huber(HuberOptions options = {});

}  // namespace unspool
