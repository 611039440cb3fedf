#pragma once

#include <string>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// Whether a and b have the same shape, dtype and bits.
bool same_bits(const Tensor& a, const Tensor& b);

/// Returns "" if a and b agree within this tolerance, relative to max(1, |b|), else the first difference.
std::string difference(const Tensor& a, const Tensor& b, double tolerance);

/// Compares like the function above; a tolerance of 0 asks for equal bits.
std::string disagreement(const Tensor& a, const Tensor& b, double tolerance);

}  // namespace unspool::internal
