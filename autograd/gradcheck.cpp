#include <algorithm>
#include <cmath>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

/// A point at which the function is checked: its inputs and variables, as one list of arrays that can be
/// changed.
class Point {
 public:
  Point(const std::vector<Tensor>& inputs, const std::vector<Variable>& variables)
      : inputs_(inputs), variables_(variables) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (is_floating(inputs[i].dtype())) add(inputs[i], "input", i);
    }
    for (std::size_t i = 0; i < variables.size(); ++i) add(variables[i].value(), "variable", i);
  }

  std::size_t size() const { return values_.size(); }
  const Tensor& value(std::size_t i) const { return values_[i]; }
  const std::string& name(std::size_t i) const { return names_[i]; }

  /// Replaces array i.
  void set(std::size_t i, const Tensor& value) {
    if (i < floating_inputs_) {
      inputs_[places_[i]] = value;
    } else {
      variables_[places_[i]].assign(value);
    }
  }
  const std::vector<Tensor>& inputs() const { return inputs_; }

  /// The sources for a tape that watches inputs().
  std::vector<Source> sources() const {
    std::vector<Source> sources;
    for (std::size_t i = 0; i < size(); ++i) {
      if (i < floating_inputs_) {
        sources.emplace_back(inputs_[places_[i]]);
      } else {
        sources.emplace_back(variables_[places_[i]]);
      }
    }
    return sources;
  }
  void watch(GradientTape& tape) const {
    for (const Source& source : sources()) {
      if (source.variable()) {
        tape.watch(source.variable());
      } else {
        tape.watch(source.tensor());
      }
    }
  }

 private:
  void add(const Tensor& value, const char* kind, std::size_t place) {
    if (value.dtype() != float64) {
      throw TypeError(
          fmt::format("gradcheck: expected float64 for {} {}, got {}", kind, place, describe(value)));
    }
    values_.push_back(value);
    names_.push_back(fmt::format("{} {}", kind, place));
    places_.push_back(place);
    if (kind == std::string_view("input")) ++floating_inputs_;
  }

  std::vector<Tensor> inputs_;
  std::vector<Variable> variables_;
  std::vector<Tensor> values_;
  std::vector<std::string> names_;
  std::vector<std::size_t> places_;
  std::size_t floating_inputs_ = 0;
};

/// A fixed random weight for each element, so that gradients of different outputs do not cancel.
Tensor weights_like(const Tensor& tensor, std::uint64_t stream) {
  return random_uniform(tensor.shape(), 0.5, 1.5, tensor.dtype(),
                        {.seed = 0x6772616463ULL, .stream = stream});
}

/// The weighted sum of all elements of all floating outputs; empty if there are none.
Tensor projected(const std::vector<Tensor>& outputs) {
  Tensor total;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i] || outputs[i].dtype() != float64) continue;
    const Tensor part = sum(outputs[i] * weights_like(outputs[i], i));
    total = total ? total + part : part;
  }
  return total;
}

using Scalars = Callable<Tensor(const std::vector<Tensor>&)>;

/// The gradients of `scalar` at the point; zeros for arrays that it does not depend on.
std::vector<Tensor> gradients(const Scalars& scalar, const Point& point) {
  GradientTape tape;
  point.watch(tape);
  const Tensor value = scalar(point.inputs());
  if (tape.recorded(value)) return tape.gradient(value, point.sources(), {.unconnected = Unconnected::zero});
  std::vector<Tensor> none;  // For a value that depends on no array.
  for (std::size_t i = 0; i < point.size(); ++i)
    none.push_back(Tensor::zeros(point.value(i).shape(), float64));
  return none;
}

struct Difference {
  double worst = 0;
  std::string message;
};

Difference compare(const Scalars& scalar, Point point, double step, double tolerance, Index entries,
                   const char* order) {
  Difference result;
  const std::vector<Tensor> exact = gradients(scalar, point);
  for (std::size_t i = 0; i < point.size(); ++i) {
    const Tensor original = point.value(i);
    const std::vector<double> values = original.to_vector<double>();
    const std::vector<double> gradient = exact[i].to_vector<double>();
    double scale = 1;
    for (double g : gradient) scale = std::max(scale, std::fabs(g));
    const std::size_t stride = std::max<std::size_t>(1, values.size() / static_cast<std::size_t>(entries));
    for (std::size_t at = 0; at < values.size(); at += stride) {
      const double h = step * std::max(1.0, std::fabs(values[at]));
      const auto value_at = [&](double moved) {
        std::vector<double> changed = values;
        changed[at] = moved;
        point.set(i, Tensor::from(changed, original.shape()));
        return scalar(point.inputs()).item<double>();
      };
      const double high = values[at] + h;
      const double low = values[at] - h;
      const double difference = (value_at(high) - value_at(low)) / (high - low);
      const double error = std::fabs(difference - gradient[at]) / scale;
      // This form of the comparison fails for NaN.
      if (!(error <= result.worst)) result.worst = error;
      if (!(error <= tolerance) && result.message.empty()) {
        result.message = fmt::format("{} gradient by {} at [{}]: the tape gives {}, differences give {}",
                                     order, point.name(i), at, gradient[at], difference);
      }
    }
    point.set(i, original);
  }
  return result;
}

}  // namespace

GradcheckResult gradcheck(const TensorFunction& function, const std::vector<Tensor>& inputs,
                          const std::vector<Variable>& variables, GradcheckOptions options) {
  const Point point(inputs, variables);
  const Scalars first = [&](const std::vector<Tensor>& at) {
    const Tensor value = projected(function(at));
    if (!value) throw TypeError("gradcheck: expected a function with a float64 output, got none");
    return value;
  };
  GradcheckResult result;
  const Difference difference =
      compare(first, point, options.step, options.tolerance, options.entries, "first");
  result.worst = difference.worst;
  result.message = difference.message;
  if (!options.second_order || !result.message.empty()) return result;

  Point moving = point;
  const Scalars second = [&](const std::vector<Tensor>& at) {
    for (std::size_t i = 0, place = 0; i < at.size(); ++i) {
      if (is_floating(at[i].dtype())) moving.set(place++, at[i]);
    }
    return projected(gradients(first, moving));
  };
  const Difference second_difference =
      compare(second, point, options.step, options.second_tolerance, options.entries, "second");
  result.worst_second = second_difference.worst;
  result.message = second_difference.message;
  return result;
}

GradcheckResult gradcheck(const Callable<Tensor(const Tensor&)>& function, const Tensor& input,
                          const std::vector<Variable>& variables, GradcheckOptions options) {
  return gradcheck([&](const std::vector<Tensor>& x) { return std::vector<Tensor>{function(x[0])}; },
                   std::vector<Tensor>{input}, variables, options);
}

}  // namespace unspool
