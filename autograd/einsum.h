#pragma once

#include <concepts>
#include <string_view>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool {

///@{
/// Sums of products over the indices that an equation names, as in NumPy: `einsum("bij,bjk->bik", a, b)`. An
/// index on the left only is summed over; without an arrow those that occur once are the result's, in the
/// order of the alphabet. An index twice in one operand stands for its diagonal, and "..." for axes in front
/// that have no name and broadcast. Throws ValueError if the equation does not fit the operands.
Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands);
template <std::convertible_to<Tensor>... T>
Tensor einsum(std::string_view equation, const T&... operands) {
  return einsum(equation, std::vector<Tensor>{Tensor(operands)...});
}
///@}

/// The product as NumPy's dot has it: the sum over the last axis of a and the last but one of b (its only one
/// if it is a vector), all other axes beside each other. A number of rank 0 is a factor.
Tensor dot(const Tensor& a, const Tensor& b);
/// The products of all elements of a with all elements of b: a matrix.
Tensor outer(const Tensor& a, const Tensor& b);

}  // namespace unspool
