#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/dropout.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/noise.h>

namespace unspool {

const Fields& DropoutOptions::fields() {
  using O = DropoutOptions;
  static const Fields all = internal::fields_of_layer<O>(
      field("rate", &O::rate, "the part of the elements that a training call leaves out"),
      field("noise_shape", &O::noise_shape, "the shape of the mask, which is broadcast; null: the input's"),
      field("seed", &O::seed, "makes it repeat"));
  return all;
}

const Fields& SpatialDropout1DOptions::fields() {
  using O = SpatialDropout1DOptions;
  // Keras' class does not take `trainable`.
  static const Fields all = fields_of<O>(
      field("rate", &O::rate, "the part of the features that a training call leaves out"),
      field("seed", &O::seed, "makes it repeat"), field("name", &O::name, "of the layer"),
      field("trainable", &O::trainable, "without effect: there are no weights").never_written(),
      field("dtype", &O::dtype, "of the computation"),
      field("activity_regularizer", &O::activity_regularizer, "a penalty on the output").unless_default());
  return all;
}

const Fields& GaussianNoiseOptions::fields() {
  using O = GaussianNoiseOptions;
  static const Fields all =
      internal::fields_of_layer<O>(field("stddev", &O::stddev, "the standard deviation of the noise"),
                                   field("seed", &O::seed, "makes it repeat"));
  return all;
}

template Ref<layers::Dropout> detail::make_from_options<layers::Dropout>(const layers::Dropout::Options&);
template Ref<layers::SpatialDropout1D> detail::make_from_options<layers::SpatialDropout1D>(
    const layers::SpatialDropout1D::Options&);
template Ref<layers::GaussianNoise> detail::make_from_options<layers::GaussianNoise>(
    const layers::GaussianNoise::Options&);

}  // namespace unspool

namespace unspool::layers {
namespace {

Tensor dropped(const Tensor& x, const Shape& noise_shape, double rate, SeedGenerator& seeds) {
  return x * internal::dropout_mask(noise_shape, rate, x.dtype(), seeds);
}

}  // namespace

Dropout::Dropout(DropoutOptions options)
    : OptionsLayer(std::move(options)), seeds_(internal::generator_of(options_.seed)) {
  internal::check_rate("Dropout: rate", options_.rate);
  if (!options_.noise_shape) return;
  for (const Index size : *options_.noise_shape) {
    if (size == 0) {
      throw ValueError("Dropout: noise_shape: expected positive sizes, or -1 for that of the input, got " +
                       to_string(*options_.noise_shape));
    }
  }
}

Tensor Dropout::call(const Tensor& x, const CallArgs& args) {
  if (!args.is_training() || options_.rate == 0) return x;
  Shape noise = x.shape();
  if (const GivenShape& given = options_.noise_shape) {
    Shape together;
    if (given->rank() != x.rank() || !broadcast(*given, x.shape(), together) ||
        !compatible(together, x.shape())) {
      throw ValueError(
          fmt::format("the layer {0} expected a noise_shape that broadcasts to its input's {2}, got {1}",
                      name(), to_string(*given), to_string(x.shape())));
    }
    for (int axis = 0; axis < x.rank(); ++axis) {
      if ((*given)[axis] != unknown) noise.set(axis, (*given)[axis]);
    }
  }
  return dropped(x, noise, options_.rate, seeds_);
}

SpatialDropout1D::SpatialDropout1D(SpatialDropout1DOptions options)
    : OptionsLayer(std::move(options)), seeds_(internal::generator_of(options_.seed)) {
  internal::check_rate("SpatialDropout1D: rate", options_.rate);
  set_input_spec({{.ndim = 3}});
}

Tensor SpatialDropout1D::call(const Tensor& x, const CallArgs& args) {
  if (!args.is_training() || options_.rate == 0) return x;
  return dropped(x, {x.shape()[0], 1, x.shape()[2]}, options_.rate, seeds_);
}

GaussianNoise::GaussianNoise(GaussianNoiseOptions options)
    : OptionsLayer(std::move(options)), seeds_(internal::generator_of(options_.seed)) {
  internal::check_rate("GaussianNoise: stddev", options_.stddev);
}

Tensor GaussianNoise::call(const Tensor& x, const CallArgs& args) {
  if (!args.is_training() || options_.stddev == 0) return x;
  return x + random_normal(x.shape(), 0, options_.stddev, x.dtype(), seeds_);
}

}  // namespace unspool::layers
