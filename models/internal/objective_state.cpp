#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/objective.h>

namespace unspool {
namespace internal {
namespace {

/// The next tensor of a list, which must have this shape.
Tensor take_tensor(std::span<const Tensor>& tensors, const Shape& shape, const std::string& what) {
  if (tensors.empty() || !(tensors.front().shape() == shape)) {
    throw ValueError(fmt::format("{}: expected a state of shape {}, got {}", what, to_string(shape),
                                 tensors.empty() ? "none" : describe(tensors.front())));
  }
  const Tensor tensor = tensors.front();
  tensors = tensors.subspan(1);
  return tensor;
}

const Shape shape_of_mean{2};  // The total and the count.

Tensor state_of(const Mean& mean) { return Tensor::of<double>({mean.total(), mean.count()}); }

void take_mean(Mean& mean, std::span<const Tensor>& tensors) {
  const Tensor sums = take_tensor(tensors, shape_of_mean, "the mean of the loss");
  mean.set_state(sums.item<double>({0}), sums.item<double>({1}));
}

void append_state_shapes(const Metric& metric, std::vector<Shape>& shapes) {
  for (const Variable& variable : metric.variables()) shapes.push_back(variable.shape());
}

}  // namespace

void append_state(const Metric& metric, TensorList& tensors) {
  const std::vector<Variable> variables = metric.variables();
  if (variables.empty()) {
    throw ValueError("the metric " + metric.name() +
                     ": expected a state in variables, made by add_variable(), got none: save at the end of "
                     "epochs only");
  }
  for (const Variable& variable : variables) tensors.push_back(variable.value());
}

void take_state(const Metric& metric, std::span<const Tensor>& tensors) {
  for (const Variable& variable : metric.variables()) {
    variable.assign(take_tensor(tensors, variable.shape(), "the metric " + metric.name()));
  }
}

void Objective::append_state(TensorList& tensors) const {
  tensors.push_back(state_of(total_));
  for (const Output& output : outputs_) {
    tensors.push_back(state_of(output.mean));
    for (const Tracked& tracked : output.metrics) internal::append_state(tracked.metric, tensors);
  }
}

void Objective::take_state(std::span<const Tensor>& tensors) {
  take_mean(total_, tensors);
  for (Output& output : outputs_) {
    take_mean(output.mean, tensors);
    for (const Tracked& tracked : output.metrics) internal::take_state(tracked.metric, tensors);
  }
}

void Objective::append_state_shapes(std::vector<Shape>& shapes) const {
  shapes.push_back(shape_of_mean);
  for (const Output& output : outputs_) {
    shapes.push_back(shape_of_mean);
    for (const Tracked& tracked : output.metrics) internal::append_state_shapes(tracked.metric, shapes);
  }
}

}  // namespace internal

std::vector<Tensor> Model::State::metrics_state() const {
  internal::TensorList tensors;
  compiled_or_fail().objective.append_state(tensors);
  if (base != nullptr) {
    for (const Metric& metric : base->metrics()) internal::append_state(metric, tensors);
  }
  return tensors;
}

bool Model::State::fits_metrics_state(const std::vector<Tensor>& tensors) const {
  std::vector<Shape> shapes;
  compiled_or_fail().objective.append_state_shapes(shapes);
  if (base != nullptr) {
    for (const Metric& metric : base->metrics()) internal::append_state_shapes(metric, shapes);
  }
  return std::equal(shapes.begin(), shapes.end(), tensors.begin(), tensors.end(),
                    [](const Shape& shape, const Tensor& tensor) { return shape == tensor.shape(); });
}

void Model::State::set_metrics_state(const std::vector<Tensor>& tensors) {
  std::span<const Tensor> left = tensors;
  objective().take_state(left);
  if (base != nullptr) {
    for (const Metric& metric : base->metrics()) internal::take_state(metric, left);
  }
  if (!left.empty()) {
    throw ValueError(fmt::format("expected the state of {} metrics' variables, got {}",
                                 tensors.size() - left.size(), tensors.size()));
  }
}

}  // namespace unspool
