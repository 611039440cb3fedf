#pragma once

#include <string>

#include <unspool/core/tensor.h>

namespace unspool::internal {

bool same_bits(const Tensor& a, const Tensor& b);

/// Empty if a and b agree within this tolerance, relative to the larger of 1 and b; else where they differ.
std::string difference(const Tensor& a, const Tensor& b, double tolerance);

/// The same, with tolerance 0 standing for equal bits.
std::string disagreement(const Tensor& a, const Tensor& b, double tolerance);

}  // namespace unspool::internal
