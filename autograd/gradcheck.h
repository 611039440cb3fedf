#pragma once

#include <string>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/callable.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// The arguments of gradcheck().
struct GradcheckOptions {
  double step = 1e-5;  ///< The step of central differences, relative to max(1, |x|).
  /// The largest error, relative to the largest gradient of that input (at least 1).
  double tolerance = 1e-6;
  bool second_order = true;        ///< Whether gradients of gradients are checked as well.
  double second_tolerance = 1e-5;  ///< The tolerance of second order.
  Index entries = 24;              ///< How many elements of each input are checked, spread evenly.
};

/// The result of gradcheck().
struct GradcheckResult {
  double worst = 0;          ///< The largest relative error of first order.
  double worst_second = 0;   ///< The largest relative error of second order.
  std::string message = {};  ///< Empty, or the disagreement: input, position, both numbers.
  /// Whether all gradients agree.
  explicit operator bool() const { return message.empty(); }
};

/// A function of any number of tensors.
using TensorFunction = Callable<std::vector<Tensor>(const std::vector<Tensor>&)>;

///@{
/// Compares the gradients that the tape computes for `function`, of one tensor or of several, with central
/// differences: those of every floating output with respect to each float64 input and each variable, of first
/// and second order. The function must return the same results each time. Throws TypeError if an input or
/// variable to check is float32.
///
///     CHECK(gradcheck([&](auto& x) { return std::vector{tanh(matmul(x[0], x[1]))}; }, {a, b}));
GradcheckResult gradcheck(const TensorFunction& function, const std::vector<Tensor>& inputs,
                          const std::vector<Variable>& variables = {}, GradcheckOptions options = {});
GradcheckResult gradcheck(const Callable<Tensor(const Tensor&)>& function, const Tensor& input,
                          const std::vector<Variable>& variables = {}, GradcheckOptions options = {});
///@}

}  // namespace unspool
