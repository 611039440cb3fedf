#include <algorithm>
#include <cmath>

#include <unspool/autograd/activations.h>
#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/softmax.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/activation_layers.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/layer_maker.h>

namespace unspool {

const Fields& ActivationLayerOptions::fields() {
  using O = ActivationLayerOptions;
  static const Fields all =
      internal::fields_of_layer<O>(field("activation", &O::activation, "applied to the input"));
  return all;
}

const Fields& ReLUOptions::fields() {
  using O = ReLUOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("max_value", &O::max_value, "the greatest output; null: no bound"),
      field("negative_slope", &O::negative_slope, "below the threshold"),
      field("threshold", &O::threshold, "from where on the output is the input"));
  return all;
}

const Fields& LeakyReLUOptions::fields() {
  using O = LeakyReLUOptions;
  static const Fields all =
      internal::fields_of_layer<O>(field("negative_slope", &O::negative_slope, "below 0"));
  return all;
}

const Fields& PReLUOptions::fields() {
  using O = PReLUOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("alpha_initializer", &O::alpha_initializer, "of alpha"),
      field("alpha_regularizer", &O::alpha_regularizer, "a penalty on alpha"),
      field("alpha_constraint", &O::alpha_constraint, "on alpha after each update"),
      field("shared_axes", &O::shared_axes, "axes along which alpha is one number, counted from 1"));
  return all;
}

const Fields& ELUOptions::fields() {
  using O = ELUOptions;
  static const Fields all = internal::fields_of_layer<O>(field("alpha", &O::alpha, "minus the least output"));
  return all;
}

const Fields& SoftmaxOptions::fields() {
  using O = SoftmaxOptions;
  static const Fields all =
      internal::fields_of_layer<O>(field("axis", &O::axis, "along which the output sums to 1"));
  return all;
}

template Ref<layers::Activation> detail::make_from_options<layers::Activation>(
    const layers::Activation::Options&);
template Ref<layers::ReLU> detail::make_from_options<layers::ReLU>(const layers::ReLU::Options&);
template Ref<layers::LeakyReLU> detail::make_from_options<layers::LeakyReLU>(
    const layers::LeakyReLU::Options&);
template Ref<layers::PReLU> detail::make_from_options<layers::PReLU>(const layers::PReLU::Options&);
template Ref<layers::ELU> detail::make_from_options<layers::ELU>(const layers::ELU::Options&);
template Ref<layers::Softmax> detail::make_from_options<layers::Softmax>(const layers::Softmax::Options&);

}  // namespace unspool

namespace unspool::layers {
namespace {

void check_not_negative(std::string_view argument, double value) {
  if (!(value >= 0)) throw ValueError(fmt::format("{}: expected a number >= 0, got {}", argument, value));
}

/// `mask` so that it broadcasts to `x`.
Tensor mask_for(const Tensor& x, const Tensor& mask, const std::string& layer) {
  const int missing = x.rank() - mask.rank();
  if (missing >= 0 && compatible(mask.shape(), x.shape().sub(0, mask.rank()))) {
    Tensor steps = mask;
    for (int i = 0; i < missing; ++i) steps = expand_dims(steps, -1);
    return steps;
  }
  Shape together;
  if (missing >= 0 && broadcast(mask.shape(), x.shape(), together) && compatible(together, x.shape())) {
    return mask;
  }
  throw ValueError(
      fmt::format("the layer {} expected a mask of the first or the last axes of its input {}, got {}", layer,
                  to_string(x.shape()), describe(mask)));
}

}  // namespace

Activation::Activation(ActivationLayerOptions options) : OptionsLayer(std::move(options)) {}

Tensor Activation::call(const Tensor& x, const CallArgs&) { return options_.activation.value()(x); }

ReLU::ReLU(ReLUOptions options) : OptionsLayer(std::move(options)) {
  if (options_.max_value) check_not_negative("ReLU: max_value", *options_.max_value);
  check_not_negative("ReLU: negative_slope", options_.negative_slope);
  check_not_negative("ReLU: threshold", options_.threshold);
}

Tensor ReLU::call(const Tensor& x, const CallArgs&) {
  return relu(x, options_.negative_slope, options_.max_value, options_.threshold);
}

LeakyReLU::LeakyReLU(LeakyReLUOptions options) : OptionsLayer(std::move(options)) {
  check_not_negative("LeakyReLU: negative_slope", options_.negative_slope);
}

Tensor LeakyReLU::call(const Tensor& x, const CallArgs&) { return leaky_relu(x, options_.negative_slope); }

PReLU::PReLU(PReLUOptions options) : OptionsLayer(std::move(options)) { set_input_spec({{.min_ndim = 1}}); }

void PReLU::build(const Shape& input_shape) {
  Shape shape = input_shape.sub(1, input_shape.rank());
  InputSpec spec{.ndim = input_shape.rank()};
  for (const Index axis : options_.shared_axes.list()) {
    if (axis < 1 || axis > shape.rank()) {
      throw ValueError(
          fmt::format("the layer {0}: expected shared_axes from 1 to {2} for the input {3}, got {1}", name(),
                      to_json(to_config(options_.shared_axes)), shape.rank(), to_string(input_shape)));
    }
    shape.set(static_cast<int>(axis) - 1, 1);
  }
  if (!shape.known()) {
    throw ValueError(
        fmt::format("the layer {} has an alpha for each element of a sample: expected known sizes, got {}: "
                    "name the axes that vary in shared_axes",
                    name(), to_string(input_shape)));
  }
  alpha_ = add_weight({.name = "alpha",
                       .shape = shape,
                       .initializer = options_.alpha_initializer,
                       .regularizer = options_.alpha_regularizer,
                       .constraint = options_.alpha_constraint});
  for (int axis = 1; axis < input_shape.rank(); ++axis) {
    if (shape[axis - 1] != 1) spec.axes.emplace_back(axis, shape[axis - 1]);
  }
  set_input_spec({spec});
}

Tensor PReLU::call(const Tensor& x, const CallArgs&) { return relu(x) - alpha_ * relu(-x); }

std::vector<Shape> PReLU::compute_output_shapes(const std::vector<Shape>& inputs) {
  check_input_shapes(inputs);
  return {first_of(inputs)};
}

ELU::ELU(ELUOptions options) : OptionsLayer(std::move(options)) {
  if (!std::isfinite(options_.alpha)) {
    throw ValueError(fmt::format("ELU: alpha: expected a finite number, got {}", options_.alpha));
  }
}

Tensor ELU::call(const Tensor& x, const CallArgs&) { return elu(x, options_.alpha); }

Softmax::Softmax(SoftmaxOptions options) : OptionsLayer(std::move(options)) {}

Tensor Softmax::call(const Tensor& x, const CallArgs& args) {
  const std::vector<Index> axes = options_.axis.of(x.shape());
  const auto softmax_of = [&](const Tensor& z) {
    return axes.size() == 1 ? softmax(z, static_cast<int>(axes.front())) : exp(z - logsumexp(z, axes, true));
  };
  if (!args.mask) return softmax_of(x);
  const Tensor keep = mask_for(x, args.mask, name());
  const Tensor zero = Tensor::scalar(0, x.dtype());
  // As far below all others as Keras puts it.
  return where(keep, softmax_of(where(keep, x, Tensor::scalar(-1e9, x.dtype()))), zero);
}

}  // namespace unspool::layers
