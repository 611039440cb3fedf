#include <cmath>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/axis_weights.h>
#include <unspool/layers/internal/dropout.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/floating.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/normalize.h>
#include <unspool/layers/normalization.h>

namespace unspool {

const Fields& LayerNormalizationOptions::fields() {
  using O = LayerNormalizationOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("axis", &O::axis, "the axis or axes over which each sample is normalized"),
      field("epsilon", &O::epsilon, "added to the variance"),
      field("center", &O::center, "whether beta is added"),
      field("scale", &O::scale, "whether the result is multiplied by gamma"),
      field("beta_initializer", &O::beta_initializer, "of beta"),
      field("gamma_initializer", &O::gamma_initializer, "of gamma"),
      field("beta_regularizer", &O::beta_regularizer, "a penalty on beta"),
      field("gamma_regularizer", &O::gamma_regularizer, "a penalty on gamma"),
      field("beta_constraint", &O::beta_constraint, "on beta after each update"),
      field("gamma_constraint", &O::gamma_constraint, "on gamma after each update"),
      field("rms_scaling", &O::rms_scaling, "without a mean and without beta"));
  return all;
}

const Fields& RenormClippingOptions::fields() {
  using O = RenormClippingOptions;
  static const Fields all = fields_of<O>(field("rmin", &O::rmin, "the least ratio of standard deviations"),
                                         field("rmax", &O::rmax, "the greatest"),
                                         field("dmax", &O::dmax, "the greatest distance of means"));
  return all;
}

const Fields& BatchNormalizationOptions::fields() {
  using O = BatchNormalizationOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("axis", &O::axis, "each of its indices is normalized by itself"),
      field("momentum", &O::momentum, "the part of the moving statistics that a training call keeps"),
      field("epsilon", &O::epsilon, "added to the variance"),
      field("center", &O::center, "whether beta is added"),
      field("scale", &O::scale, "whether the result is multiplied by gamma"),
      field("beta_initializer", &O::beta_initializer, "of beta"),
      field("gamma_initializer", &O::gamma_initializer, "of gamma"),
      field("moving_mean_initializer", &O::moving_mean_initializer, "of the moving mean"),
      field("moving_variance_initializer", &O::moving_variance_initializer, "of the moving variance"),
      field("beta_regularizer", &O::beta_regularizer, "a penalty on beta"),
      field("gamma_regularizer", &O::gamma_regularizer, "a penalty on gamma"),
      field("beta_constraint", &O::beta_constraint, "on beta after each update"),
      field("gamma_constraint", &O::gamma_constraint, "on gamma after each update"),
      field("renorm", &O::renorm, "batch renormalization"),
      field("renorm_clipping", &O::renorm_clipping, "bounds of its corrections"),
      field("renorm_momentum", &O::renorm_momentum, "the momentum of its statistics"),
      field("synchronized", &O::synchronized, "no difference in one process"));
  return all;
}

const Fields& RMSNormalizationOptions::fields() {
  using O = RMSNormalizationOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("axis", &O::axis, "the axis or axes over which each sample is normalized"),
      field("epsilon", &O::epsilon, "added to the mean square"));
  return all;
}

const Fields& UnitNormalizationOptions::fields() {
  using O = UnitNormalizationOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("axis", &O::axis, "the axis or axes over which each sample is normalized"));
  return all;
}

template Ref<layers::LayerNormalization> detail::make_from_options<layers::LayerNormalization>(
    const layers::LayerNormalization::Options&);
template Ref<layers::BatchNormalization> detail::make_from_options<layers::BatchNormalization>(
    const layers::BatchNormalization::Options&);
template Ref<layers::RMSNormalization> detail::make_from_options<layers::RMSNormalization>(
    const layers::RMSNormalization::Options&);
template Ref<layers::UnitNormalization> detail::make_from_options<layers::UnitNormalization>(
    const layers::UnitNormalization::Options&);

Tensor internal::normalize(const Tensor& x, const std::vector<Index>& axes, double epsilon) {
  // The bound is put on the square, so that the gradient at 0 is finite.
  return x * rsqrt(maximum(sum(square(x), axes, true), epsilon * epsilon));
}

}  // namespace unspool

namespace unspool::layers {
namespace {

void check_epsilon(std::string_view layer, double epsilon) {
  if (epsilon >= 0 && std::isfinite(epsilon)) return;
  throw ValueError(fmt::format("{}: epsilon: expected a finite number >= 0, got {}", layer, epsilon));
}

/// For inputs that come later: the axes have the sizes that the weights were made for.
InputSpec spec_of(const LayerAxes& axes, const Shape& input) {
  InputSpec spec;
  for (const Index axis : axes.list()) {
    spec.axes.emplace_back(static_cast<int>(axis), input[static_cast<int>(axis)]);
  }
  return spec;
}

std::vector<Index> all_but(Index axis, int rank) {
  std::vector<Index> axes;
  for (Index i = 0; i < rank; ++i) {
    if (i != axis) axes.push_back(i);
  }
  return axes;
}

}  // namespace

LayerNormalization::LayerNormalization(LayerNormalizationOptions options) : OptionsLayer(std::move(options)) {
  check_epsilon("LayerNormalization", options_.epsilon);
}

void LayerNormalization::build(const Shape& input_shape) {
  const Shape shape = internal::sizes_of_axes(input_shape, options_.axis.of(input_shape), name());
  if (options_.scale || options_.rms_scaling) {
    gamma_ = add_weight({.name = "gamma",
                         .shape = shape,
                         .initializer = options_.gamma_initializer,
                         .regularizer = options_.gamma_regularizer,
                         .constraint = options_.gamma_constraint});
  }
  if (options_.center && !options_.rms_scaling) {
    beta_ = add_weight({.name = "beta",
                        .shape = shape,
                        .initializer = options_.beta_initializer,
                        .regularizer = options_.beta_regularizer,
                        .constraint = options_.beta_constraint});
  }
  if (gamma_ || beta_) set_input_spec({spec_of(options_.axis, input_shape)});
}

Tensor LayerNormalization::call(const Tensor& given, const CallArgs&) {
  const Tensor x = internal::floating(given, dtype());
  const std::vector<Index> axes = options_.axis.of(x.shape());
  const Tensor centered = options_.rms_scaling ? x : x - mean(x, axes, true);
  Tensor factor = rsqrt(variance(x, axes, true) + options_.epsilon);
  if (gamma_) factor = factor * internal::along_axes(gamma_, axes, x.rank());
  const Tensor scaled = centered * factor;
  return beta_ ? scaled + internal::along_axes(beta_, axes, x.rank()) : scaled;
}

std::vector<Shape> LayerNormalization::compute_output_shapes(const std::vector<Shape>& inputs) {
  options_.axis.of(first_of(inputs));
  check_input_shapes(inputs);
  return {first_of(inputs)};
}

BatchNormalization::BatchNormalization(BatchNormalizationOptions options) : OptionsLayer(std::move(options)) {
  check_epsilon("BatchNormalization", options_.epsilon);
  internal::check_rate("BatchNormalization: momentum", options_.momentum);
  internal::check_rate("BatchNormalization: renorm_momentum", options_.renorm_momentum);
  if (!options_.renorm_clipping) return;
  const RenormClippingOptions& clipping = *options_.renorm_clipping;
  if (clipping.rmin && clipping.rmax && *clipping.rmax < *clipping.rmin) {
    throw ValueError(
        fmt::format("BatchNormalization: renorm_clipping: expected rmin <= rmax, got rmin {} and rmax {}",
                    *clipping.rmin, *clipping.rmax));
  }
  if (clipping.dmax && *clipping.dmax < 0) {
    throw ValueError(fmt::format(
        "BatchNormalization: dmax of renorm_clipping: expected a number >= 0, got {}", *clipping.dmax));
  }
}

void BatchNormalization::check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  const Shape& input = inputs.front().shape();
  if (!args.mask || input.empty()) return;
  const Shape expected = input.sub(0, input.rank() - 1);
  if (compatible(args.mask.shape(), expected)) return;
  throw ValueError(
      fmt::format("the layer {} needs a mask of one axis less than its input {}, of shape {}, got {}", name(),
                  to_string(input), to_string(expected), describe(args.mask)));
}

void BatchNormalization::build(const Shape& input_shape) {
  const std::vector<Index> axes = LayerAxes(options_.axis).of(input_shape);
  const Shape shape = internal::sizes_of_axes(input_shape, axes, name());
  if (options_.scale) {
    gamma_ = add_weight({.name = "gamma",
                         .shape = shape,
                         .initializer = options_.gamma_initializer,
                         .regularizer = options_.gamma_regularizer,
                         .constraint = options_.gamma_constraint});
  }
  if (options_.center) {
    beta_ = add_weight({.name = "beta",
                        .shape = shape,
                        .initializer = options_.beta_initializer,
                        .regularizer = options_.beta_regularizer,
                        .constraint = options_.beta_constraint});
  }
  const auto add_state = [&](const char* name, const Initializer& initializer) {
    return add_weight({.name = name, .shape = shape, .initializer = initializer, .trainable = false});
  };
  moving_mean_ = add_state("moving_mean", options_.moving_mean_initializer);
  moving_variance_ = add_state("moving_variance", options_.moving_variance_initializer);
  if (options_.renorm) {
    const Tensor deviation = no_gradient([&] { return sqrt(moving_variance_.value()); });
    const Initializer start([deviation](const Shape&, DType) { return deviation; });
    moving_stddev_ = add_state("moving_stddev", start);
    renorm_mean_ = add_state("renorm_mean", options_.moving_mean_initializer);
    renorm_stddev_ = add_state("renorm_stddev", start);
  }
  set_input_spec({{.ndim = input_shape.rank(), .axes = {{static_cast<int>(options_.axis), shape.front()}}}});
}

BatchNormalization::Moments BatchNormalization::moments(const Tensor& x, const Tensor& mask) const {
  const Index axis = x.shape().normalize(static_cast<int>(options_.axis));
  const std::vector<Index> others = all_but(axis, x.rank());
  if (!mask) return {mean(x, others, true), variance(x, others, true)};
  const Tensor zero = Tensor::scalar(0, x.dtype());
  const Tensor keep = expand_dims(mask, -1);
  // What Keras adds to the count, so that it is never 0.
  const Tensor count = sum(broadcast_to(cast(keep, x.dtype()), x.shape()), others, true) + 1e-7;
  const Tensor center = sum(where(keep, x, zero), others, true) / count;
  return {center, sum(square(where(keep, x - center, zero)), others, true) / count};
}

/// x * gamma + beta.
Tensor BatchNormalization::finish(const Tensor& x) const {
  const std::vector<Index> axes = LayerAxes(options_.axis).of(x.shape());
  const Tensor scaled = gamma_ ? x * internal::along_axes(gamma_, axes, x.rank()) : x;
  return beta_ ? scaled + internal::along_axes(beta_, axes, x.rank()) : scaled;
}

/// Moves a statistic towards that of the batch.
void BatchNormalization::move(const Variable& statistic, const Tensor& batch, double momentum) const {
  statistic.assign(statistic.value() * momentum + reshape(batch, statistic.shape()) * (1 - momentum));
}

/// The ratio of standard deviations and the distance of means; moves the statistics.
BatchNormalization::Correction BatchNormalization::renorm(const Tensor& x, const Moments& batch) const {
  const std::vector<Index> axes = LayerAxes(options_.axis).of(x.shape());
  const NoGradient guard;
  const Tensor deviation = sqrt(batch.variance + options_.epsilon);
  const Tensor known =
      internal::along_axes(maximum(renorm_stddev_, std::sqrt(options_.epsilon)), axes, x.rank());
  Tensor r = deviation / known;
  Tensor d = (batch.mean - internal::along_axes(renorm_mean_, axes, x.rank())) / known;
  const RenormClippingOptions clipping = options_.renorm_clipping.value_or(RenormClippingOptions{});
  if (clipping.rmin) r = maximum(r, *clipping.rmin);
  if (clipping.rmax) r = minimum(r, *clipping.rmax);
  if (clipping.dmax) d = clip(d, -*clipping.dmax, *clipping.dmax);
  move(renorm_mean_, batch.mean, options_.renorm_momentum);
  move(renorm_stddev_, deviation, options_.renorm_momentum);
  move(moving_mean_, batch.mean, options_.momentum);
  move(moving_stddev_, deviation, options_.momentum);
  moving_variance_.assign(relu(square(moving_stddev_.value()) - options_.epsilon));
  return {r, d};
}

Tensor BatchNormalization::call(const Tensor& given, const CallArgs& args) {
  const Tensor x = internal::floating(given, dtype());
  if (!args.is_training() || !trainable()) {
    const std::vector<Index> axes = LayerAxes(options_.axis).of(x.shape());
    return finish((x - internal::along_axes(moving_mean_, axes, x.rank())) *
                  rsqrt(internal::along_axes(moving_variance_, axes, x.rank()) + options_.epsilon));
  }
  const Moments batch = moments(x, args.mask);
  const Tensor factor = rsqrt(batch.variance + options_.epsilon);
  if (options_.renorm) {
    const Correction by = renorm(x, batch);
    return finish((x - batch.mean) * factor * by.ratio + by.distance);
  }
  {
    const NoGradient guard;
    move(moving_mean_, batch.mean, options_.momentum);
    move(moving_variance_, batch.variance, options_.momentum);
  }
  return finish((x - batch.mean) * factor);
}

std::vector<Tensor> BatchNormalization::compute_output_spec(const std::vector<Tensor>& inputs,
                                                            const CallArgs& args) {
  if (trainable()) {
    for (const Variable& statistic : {moving_mean_, moving_variance_}) {
      add_update(statistic, first_of(inputs).recorder()->abstract({statistic.shape(), dtype()}), inputs);
    }
  }
  return OptionsLayer::compute_output_spec(inputs, args);
}

std::vector<Shape> BatchNormalization::compute_output_shapes(const std::vector<Shape>& inputs) {
  LayerAxes(options_.axis).of(first_of(inputs));
  check_input_shapes(inputs);
  return {first_of(inputs)};
}

RMSNormalization::RMSNormalization(RMSNormalizationOptions options) : OptionsLayer(std::move(options)) {
  check_epsilon("RMSNormalization", options_.epsilon);
}

void RMSNormalization::build(const Shape& input_shape) {
  scale_ = add_weight({.name = "scale",
                       .shape = internal::sizes_of_axes(input_shape, options_.axis.of(input_shape), name()),
                       .initializer = "ones"});
  set_input_spec({spec_of(options_.axis, input_shape)});
}

Tensor RMSNormalization::call(const Tensor& given, const CallArgs&) {
  const Tensor x = internal::floating(given, dtype());
  const std::vector<Index> axes = options_.axis.of(x.shape());
  return x * rsqrt(mean(square(x), axes, true) + options_.epsilon) *
         internal::along_axes(scale_, axes, x.rank());
}

std::vector<Shape> RMSNormalization::compute_output_shapes(const std::vector<Shape>& inputs) {
  options_.axis.of(first_of(inputs));
  check_input_shapes(inputs);
  return {first_of(inputs)};
}

UnitNormalization::UnitNormalization(UnitNormalizationOptions options) : OptionsLayer(std::move(options)) {}

Tensor UnitNormalization::call(const Tensor& given, const CallArgs&) {
  const Tensor x = internal::floating(given, dtype());
  return internal::normalize(x, options_.axis.of(x.shape()), 1e-12);
}

}  // namespace unspool::layers
