#pragma once

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// The largest absolute value of an eigenvalue of a square matrix, to about nine digits: the limit of
/// norm(A^k)^(1/k) (Gelfand's formula), with k a power of two. Throws ValueError for other shapes. NaN if an
/// element is not finite.
double spectral_radius(const Tensor& matrix);

}  // namespace unspool::internal
