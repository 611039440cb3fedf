#include <algorithm>
#include <cmath>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/creation.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/axis_weights.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/floating.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/preprocessing.h>
#include <unspool/layers/registry.h>

namespace unspool {

namespace {

std::string name_or(std::string_view name, const char* class_name) {
  return std::string(name.empty() ? class_name : name);
}

}  // namespace

const Fields& NormalizationOptions::fields() {
  using O = NormalizationOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("axis", &O::axis, "the axes with a mean and a variance for each index"),
      field("mean", &O::mean, "given in place of adapt()"),
      field("variance", &O::variance, "given in place of adapt()"),
      field("invert", &O::invert, "whether to undo the normalization"));
  return all;
}

const Fields& RescalingOptions::fields() {
  using O = RescalingOptions;
  static const Fields all = internal::fields_of_layer<O>(field("scale", &O::scale, "multiplied first"),
                                                         field("offset", &O::offset, "added"));
  return all;
}

const Fields& DiscretizationOptions::fields() {
  using O = DiscretizationOptions;
  static const Fields all =
      fields_of<O>(field("bin_boundaries", &O::bin_boundaries, "the limits between the ranges"),
                   field("num_bins", &O::num_bins, "the number of ranges that adapt() makes"),
                   field("epsilon", &O::epsilon, "the error of their quantiles"),
                   field("output_mode", &O::output_mode, "int, one_hot, multi_hot or count"),
                   field("sparse", &O::sparse, "only false"), field("dtype", &O::dtype, "of the output"),
                   field("name", &O::name, "of the layer"));
  return all;
}

template Ref<layers::Normalization> detail::make_from_options<layers::Normalization>(
    const layers::Normalization::Options&);
template Ref<layers::Rescaling> detail::make_from_options<layers::Rescaling>(
    const layers::Rescaling::Options&);
template Ref<layers::Discretization> detail::make_from_options<layers::Discretization>(
    const layers::Discretization::Options&);

}  // namespace unspool

namespace unspool::layers {
namespace {

[[noreturn]] void fail_without_end(const std::string& layer) {
  throw ValueError(layer + ": adapt: expected a Dataset with an end, got one without: call take() on it");
}

/// Keras' sketch of quantiles: values, ascending, with the number of elements that each stands for.
using Sketch = std::vector<std::pair<double, double>>;

/// As numpy.interp: linear between the points, constant outside of them.
double interpolate(double x, const std::vector<double>& xs, const std::vector<double>& ys) {
  const auto above = std::upper_bound(xs.begin(), xs.end(), x);
  if (above == xs.begin()) return ys.front();
  if (above == xs.end()) return ys.back();
  const auto i = static_cast<std::size_t>(above - xs.begin()) - 1;
  return ys[i] + (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i]) * (x - xs[i]);
}

/// At most 1 / epsilon values in place of more.
Sketch compress(const Sketch& sketch, double epsilon) {
  if (static_cast<double>(sketch.size()) * epsilon < 1) return sketch;
  std::vector<double> values;
  std::vector<double> counts;
  double total = 0;
  for (const auto& [value, count] : sketch) {
    values.push_back(value);
    counts.push_back(total += count);
  }
  std::vector<double> parts;
  for (const double count : counts) parts.push_back(count / total);
  Sketch compressed;
  double before = 0;
  const auto size = static_cast<Index>(std::ceil(1.0 / epsilon));
  for (Index i = 0; i < size; ++i) {
    const double part = epsilon + static_cast<double>(i) * epsilon;
    const double count = interpolate(part, parts, counts);
    // Keras keeps float32 numbers.
    compressed.emplace_back(static_cast<float>(interpolate(part, parts, values)),
                            static_cast<float>(count - before));
    before = count;
  }
  return compressed;
}

Sketch sketch_of(const std::vector<double>& values, const std::vector<double>& counts) {
  Sketch sketch;
  for (std::size_t i = 0; i < values.size(); ++i) sketch.emplace_back(values[i], counts[i]);
  return sketch;
}

}  // namespace

Normalization::Normalization(NormalizationOptions options) : OptionsLayer(std::move(options)) {
  const std::string who = name_or(options_.name, "Normalization");
  const Numbers& mean = options_.mean;
  const Numbers& variance = options_.variance;
  if (static_cast<bool>(mean) != static_cast<bool>(variance)) {
    throw ValueError(fmt::format("{}: expected both mean and variance, or neither, got only the {}", who,
                                 mean ? "mean" : "variance"));
  }
  if (!mean) return;
  const Shape& shape = mean.tensor().shape();
  if (!(shape == variance.tensor().shape())) {
    throw ValueError(fmt::format("{}: expected mean and variance of one shape, got {} and {}", who,
                                 to_string(shape), to_string(variance.tensor().shape())));
  }
  if (shape.rank() > static_cast<int>(options_.axis.list().size())) {
    throw ValueError(fmt::format("{}: expected a mean with at most the {} axes of the argument axis, got {}",
                                 who, options_.axis.list().size(), to_string(shape)));
  }
}

std::vector<Index> Normalization::kept_axes(const Shape& shape) const {
  return options_.axis.list().empty() ? std::vector<Index>() : options_.axis.of(shape);
}

void Normalization::build(const Shape& input_shape) {
  const std::vector<Index> axes = kept_axes(input_shape);
  const Shape sizes = internal::sizes_of_axes(input_shape, axes, name());
  InputSpec spec;
  for (const Index axis : options_.axis.list()) {
    spec.axes.emplace_back(static_cast<int>(axis), input_shape[static_cast<int>(axis)]);
  }
  if (options_.mean) {
    spread(options_.mean, input_shape);
  } else {
    mean_ = add_weight({.name = "mean", .shape = sizes, .initializer = "zeros", .trainable = false});
    variance_ = add_weight({.name = "variance", .shape = sizes, .initializer = "ones", .trainable = false});
    // Keras' files have it, for those of its older versions.
    add_weight({.name = "count", .initializer = "zeros", .dtype = int32, .trainable = false});
  }
  set_input_spec({std::move(spec)});
}

Tensor Normalization::spread(const Numbers& numbers, const Shape& input) const {
  const std::vector<Index> axes = kept_axes(input);
  const Shape& given = numbers.tensor().shape();
  Shape shape;
  for (int axis = 0; axis < input.rank(); ++axis) shape.push_back(1);
  for (int i = 1; i <= given.rank(); ++i) {
    const int axis = static_cast<int>(axes[axes.size() - static_cast<std::size_t>(i)]);
    const Index size = given[given.rank() - i];
    if (size != 1 && size != input[axis]) {
      throw ValueError(
          fmt::format("the layer {}: expected a mean and a variance of size {} for axis {} of its "
                      "input {}, got the shape {}",
                      name(), input[axis], axis, to_string(input), to_string(given)));
    }
    shape.set(axis, size);
  }
  // Keras rounds them to float32 in a float64 layer, too.
  return reshape(cast(cast(numbers.tensor(), float32), dtype()), shape);
}

Tensor Normalization::call(const Tensor& given, const CallArgs&) {
  const Tensor x = internal::floating(given, dtype());
  const std::vector<Index> axes = kept_axes(x.shape());
  const auto statistic = [&](const Numbers& numbers, const Variable& variable) {
    return numbers ? spread(numbers, x.shape()) : internal::along_axes(variable, axes, x.rank());
  };
  const Tensor mean = statistic(options_.mean, mean_);
  // At least the epsilon of Keras.
  const Tensor deviation = maximum(sqrt(statistic(options_.variance, variance_)), 1e-7);
  return options_.invert ? mean + x * deviation : (x - mean) / deviation;
}

std::vector<Shape> Normalization::compute_output_shapes(const std::vector<Shape>& inputs) {
  kept_axes(first_of(inputs));
  check_input_shapes(inputs);
  return {first_of(inputs)};
}

void Normalization::check_end(bool is_infinite) const {
  if (is_infinite) fail_without_end(name());
}

void Normalization::adapt(const Tensor& data) {
  Seen seen;
  add(seen, data);
  take(seen);
}

void Normalization::add(Seen& seen, const Tensor& batch) {
  if (options_.mean) {
    throw ValueError("the layer " + name() + ": adapt: expected a layer without mean and variance, got both");
  }
  if (!batch || batch.rank() == 0) {
    throw ValueError("the layer " + name() + ": adapt: expected data with a batch axis, got " +
                     (batch ? describe(batch) : "an empty tensor"));
  }
  const NoGradient guard;
  const std::vector<Index> axes = kept_axes(batch.shape());
  Shape shape = batch.shape();
  std::vector<Index> others;
  Index count = 1;
  for (int axis = 0; axis < batch.rank(); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) continue;
    others.push_back(axis);
    count *= shape[axis];
    shape.set(axis, unknown);
  }
  if (count == 0) return;
  build_once(shape);
  check_input_shapes({batch.shape()});
  const Tensor x = cast(batch, float64);
  const Tensor mean = others.empty() ? x : unspool::mean(x, others);
  const Tensor variance = others.empty() ? zeros_like(x) : unspool::variance(x, others);
  seen.count += static_cast<double>(count);
  if (!seen.mean) {
    seen.mean = mean;
    seen.variance = variance;
    return;
  }
  // The variance around the mean of both parts.
  const double weight = static_cast<double>(count) / seen.count;
  const Tensor both = seen.mean * (1 - weight) + mean * weight;
  seen.variance =
      (seen.variance + square(seen.mean - both)) * (1 - weight) + (variance + square(mean - both)) * weight;
  seen.mean = both;
}

void Normalization::take(const Seen& seen) {
  if (!seen.mean) {
    throw ValueError("the layer " + name() + ": adapt: expected at least one sample, got none");
  }
  mean_.assign(seen.mean);
  variance_.assign(seen.variance);
}

Rescaling::Rescaling(RescalingOptions options) : OptionsLayer(std::move(options)) {
  if (!options_.scale.value() || !options_.offset) {
    throw ValueError(fmt::format("{}: expected numbers as scale and offset, got none as the {}",
                                 name_or(options_.name, "Rescaling"), options_.offset ? "scale" : "offset"));
  }
}

Tensor Rescaling::call(const Tensor& x, const CallArgs&) {
  return internal::floating(x, dtype()) * cast(options_.scale.value().tensor(), dtype()) +
         cast(options_.offset.tensor(), dtype());
}

Discretization::Discretization(DiscretizationOptions options) : OptionsLayer(std::move(options)) {
  const std::string who = name_or(options_.name, "Discretization");
  if (static_cast<bool>(options_.bin_boundaries) == options_.num_bins.has_value()) {
    throw ValueError(fmt::format("{}: expected either bin_boundaries, or num_bins and adapt(), got {}", who,
                                 options_.num_bins ? "both" : "neither"));
  }
  if (options_.num_bins && *options_.num_bins < 1) {
    throw ValueError(fmt::format("{}: expected num_bins >= 1, got {}", who, *options_.num_bins));
  }
  if (options_.bin_boundaries) {
    boundaries_ = options_.bin_boundaries.list(who + ": bin_boundaries");
    if (!std::is_sorted(boundaries_.begin(), boundaries_.end())) {
      throw ValueError(fmt::format("{}: expected bin_boundaries in ascending order, got {}", who,
                                   internal::joined(boundaries_, ", ")));
    }
  }
  if (options_.sparse) {
    throw ValueError(who + ": expected sparse = false, since there are no sparse tensors, got true");
  }
  if (!(options_.epsilon > 0 && options_.epsilon < 1)) {
    throw ValueError(
        fmt::format("{}: epsilon: expected a number between 0 and 1, got {}", who, options_.epsilon));
  }
  for (const char* mode : {"int", "one_hot", "multi_hot", "count"}) {
    if (options_.output_mode == mode) return;
  }
  throw ValueError(fmt::format("{}: expected an output_mode among int, one_hot, multi_hot and count, got {}",
                               who, in_quotes(options_.output_mode)));
}

Ref<Discretization> Discretization::from_config(const Config& config) {
  Config plain = detail::plain_layer_config(config);
  Numbers adapted;
  if (const auto bins = plain.find("num_bins"); bins && !bins->is_null()) {
    adapted = plain.get("bin_boundaries", Numbers());
    plain.set("bin_boundaries", Config());
  }
  Ref<Discretization> layer = make<Discretization>(unspool::from_config<DiscretizationOptions>(plain));
  if (adapted) layer->boundaries_ = adapted.list(layer->name() + ": bin_boundaries");
  return layer;
}

Config Discretization::get_config() const {
  Config config = OptionsLayer::get_config();
  return boundaries_.empty() ? config : config.set("bin_boundaries", to_config(boundaries_));
}

void Discretization::check_end(bool is_infinite) const {
  if (is_infinite) fail_without_end(name());
}

void Discretization::adapt(const Tensor& data) {
  Summary summary;
  add(summary, data);
  take(summary);
}

void Discretization::add(Summary& summary, const Tensor& batch) const {
  if (options_.bin_boundaries) {
    throw ValueError("the layer " + name() +
                     ": adapt: expected a layer with num_bins, got one with bin_boundaries");
  }
  if (!batch || batch.size() == 0) return;
  std::vector<float> values = no_gradient([&] { return cast(batch, float32); }).to_vector<float>();
  std::sort(values.begin(), values.end());
  // A value in every `step` stands for the values around it.
  const double step = std::max(static_cast<double>(values.size()) / (1.0 / options_.epsilon), 1.0);
  Sketch sketch = sketch_of(summary.values, summary.counts);
  for (auto i = static_cast<std::size_t>(step - 1); i < values.size(); i += static_cast<std::size_t>(step)) {
    sketch.emplace_back(values[i], static_cast<float>(step));
  }
  std::stable_sort(sketch.begin(), sketch.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  summary = {};
  for (const auto& [value, count] : compress(sketch, options_.epsilon)) {
    summary.values.push_back(value);
    summary.counts.push_back(count);
  }
}

void Discretization::take(const Summary& summary) {
  if (summary.values.empty()) {
    throw ValueError("the layer " + name() + ": adapt: expected at least one element, got none");
  }
  std::vector<double> found;
  const Sketch limits =
      compress(sketch_of(summary.values, summary.counts), 1.0 / static_cast<double>(*options_.num_bins));
  for (std::size_t i = 0; i + 1 < limits.size(); ++i) found.push_back(limits[i].first);
  boundaries_ = std::move(found);
}

Tensor Discretization::call(const Tensor& given, const CallArgs&) {
  if (boundaries_.empty() && !options_.bin_boundaries && *options_.num_bins > 1) {
    throw ValueError("the layer " + name() +
                     " expected bin_boundaries, or data by adapt() before it is called, got neither");
  }
  const Tensor x = expand_dims(internal::floating(given, dtype()), -1);
  const Tensor limits = cast(Tensor::from(boundaries_), dtype());
  const Tensor indices = sum(cast(greater_equal(x, limits), int32), {-1});
  if (options_.output_mode == "int") return indices;
  // One number is one sample.
  const Tensor ranges = indices.rank() == 0 ? expand_dims(indices, 0) : indices;
  const Tensor rows = one_hot(ranges, static_cast<Index>(boundaries_.size()) + 1, dtype());
  if (options_.output_mode == "one_hot") {
    return ranges.rank() > 1 && ranges.shape().back() == 1 ? squeeze(rows, {-2}) : rows;
  }
  const Index axis = ranges.rank() > 1 ? 1 : 0;
  return options_.output_mode == "count" ? sum(rows, {axis}) : max(rows, {axis});
}

}  // namespace unspool::layers
