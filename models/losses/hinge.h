#pragma once

#include <unspool/models/loss_base.h>

/// \file
/// Losses of scores, which separate classes by a margin.

namespace unspool {

/// mean(max(1 - y_true * y_pred, 0)) over the last axis, for labels -1 and 1. If all labels are 0 or 1, 0
/// stands for -1.
Loss Hinge(LossOptions options = {});
/// mean(max(1 - y_true * y_pred, 0)^2) over the last axis, with labels as in Hinge.
Loss SquaredHinge(LossOptions options = {});
/// max(1 + the largest score of a wrong class - the score of the right one, 0), for one-hot labels.
Loss CategoricalHinge(LossOptions options = {});

}  // namespace unspool
