#pragma once

#include <cstddef>
#include <string>

#include <unspool/core/tensor.h>

namespace unspool {

class GradientTape;

/// The arguments of explain().
struct ExplainOptions {
  int digits = 4;         ///< Significant digits of values.
  std::size_t most = 12;  ///< The elements that a shown value may have; larger ones are shown as shapes.
};

/// A worksheet of a tape: each record with its formula, shapes and small values; then, from the last record
/// to the first, the gradient that arrives and, by which formula, the gradients that leave; then the gradient
/// with respect to each input and variable as the sum of its parts over time. Values are shown where the tape
/// keeps them: make it with {.keep_all = true}, which also shows the steps of a compiled loop one by one.
/// Throws as GradientTape::sweep().
std::string explain(const GradientTape& tape, const Tensor& target, ExplainOptions options = {});

}  // namespace unspool
