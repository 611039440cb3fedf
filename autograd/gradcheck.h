#pragma once

#include <functional>
#include <string>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/tensor.h>

namespace unspool {

struct GradcheckOptions {
  /// Half the distance of the two values in a central difference, relative to max(1, |x|).
  double step = 1e-5;
  /// Largest difference allowed, relative to the largest gradient of that input (at least 1).
  double tolerance = 1e-6;
  /// Whether the gradients of the gradients are checked too, to second_tolerance.
  bool second_order = true;
  double second_tolerance = 1e-5;
  /// Entries of each input that are moved one by one; of a larger input this many, spread evenly.
  Index entries = 24;
};

/// What a check found. True if everything agrees.
struct GradcheckResult {
  double worst = 0;
  double worst_second = 0;
  /// Empty, or what disagrees: input, position, both numbers.
  std::string message = {};
  explicit operator bool() const { return message.empty(); }
};

using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// Compares the gradients that the tape gives for `function` (any of its floating outputs) with central
/// differences, by each float64 input and each variable, first and second order. The function must give the
/// same result each time it is called. TypeError if an input or variable that it is checked by is float32.
///
///     CHECK(gradcheck([&](auto& x) { return std::vector{tanh(matmul(x[0], x[1]))}; }, {a, b}));
GradcheckResult gradcheck(const TensorFunction& function, const std::vector<Tensor>& inputs,
                          const std::vector<Variable>& variables = {}, GradcheckOptions options = {});
/// The same for a function of one tensor.
GradcheckResult gradcheck(const std::function<Tensor(const Tensor&)>& function, const Tensor& input,
                          const std::vector<Variable>& variables = {}, GradcheckOptions options = {});

}  // namespace unspool
