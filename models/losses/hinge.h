#pragma once

#include <unspool/core/options_handle.h>
#include <unspool/models/loss_base.h>

/// \file
/// Losses of scores, which separate classes by a margin.

namespace unspool {

namespace internal {
Loss make_hinge(const LossOptions& options);
Loss make_squared_hinge(const LossOptions& options);
Loss make_categorical_hinge(const LossOptions& options);
}  // namespace internal

/// mean(max(1 - y_true * y_pred, 0)) over the last axis, for labels -1 and 1. If all labels are 0 or 1, 0
/// stands for -1.
using Hinge = OptionsHandle<internal::make_hinge>;
/// mean(max(1 - y_true * y_pred, 0)^2) over the last axis, with labels as in Hinge.
using SquaredHinge = OptionsHandle<internal::make_squared_hinge>;
/// max(1 + the largest score of a wrong class - the score of the right one, 0), for one-hot labels.
using CategoricalHinge = OptionsHandle<internal::make_categorical_hinge>;

}  // namespace unspool
