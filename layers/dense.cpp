#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/recorder.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/internal/floating.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/registry.h>

namespace unspool {

const Fields& DenseOptions::fields() {
  using O = DenseOptions;
  static const Fields all =
      fields_of<O>(field("units", &O::units, "the size of the output's last axis"),
                   field("activation", &O::activation, "applied to the result"),
                   field("use_bias", &O::use_bias, "whether a bias is added"),
                   field("kernel_initializer", &O::kernel_initializer, "of the kernel"),
                   field("bias_initializer", &O::bias_initializer, "of the bias"),
                   field("kernel_regularizer", &O::kernel_regularizer, "a penalty on the kernel"),
                   field("bias_regularizer", &O::bias_regularizer, "a penalty on the bias"),
                   field("activity_regularizer", &O::activity_regularizer, "a penalty on the output")
                       .unless_default(),  // As in Keras.
                   field("kernel_constraint", &O::kernel_constraint, "on the kernel after each update"),
                   field("bias_constraint", &O::bias_constraint, "on the bias after each update"),
                   field("name", &O::name, "of the layer"),
                   field("trainable", &O::trainable, "whether training changes its weights"),
                   field("dtype", &O::dtype, "of weights and computation"));
  return all;
}

template Ref<layers::Dense> detail::make_from_options<layers::Dense>(const layers::Dense::Options&);

}  // namespace unspool

namespace unspool::layers {

Dense::Dense(DenseOptions options) : OptionsLayer(std::move(options)) {
  if (options_.units <= 0) {
    throw ValueError(fmt::format("Dense: units: expected a positive number, got {}", options_.units.value()));
  }
  set_input_spec({{.min_ndim = 2}});
}

Ref<Dense> Dense::from_config(const Config& config) {
  if (const auto units = config.find("units"); units && units->kind() == Config::Kind::real) {
    throw ValueError(fmt::format("{}: Dense: units: expected a positive integer, got {}", units->path(),
                                 units->describe()));
  }
  return make<Dense>(unspool::from_config<DenseOptions>(detail::plain_layer_config(config)));
}

void Dense::build(const Shape& input_shape) {
  const Index features = input_shape.back();
  if (features == unknown) {
    throw ValueError(fmt::format("the layer {} expected an input with a known last dimension, got {}", name(),
                                 to_string(input_shape)));
  }
  kernel_ = add_weight({.name = "kernel",
                        .shape = {features, options_.units},
                        .initializer = options_.kernel_initializer,
                        .regularizer = options_.kernel_regularizer,
                        .constraint = options_.kernel_constraint});
  if (options_.use_bias) {
    bias_ = add_weight({.name = "bias",
                        .shape = {options_.units},
                        .initializer = options_.bias_initializer,
                        .regularizer = options_.bias_regularizer,
                        .constraint = options_.bias_constraint});
  }
  set_input_spec({{.min_ndim = 2, .axes = {{-1, features}}}});
}

Tensor Dense::call(const Tensor& x, const CallArgs&) {
  const Tensor product = matmul(internal::floating(x, dtype()), kernel_);
  return options_.activation(options_.use_bias ? product + bias_ : product);
}

std::vector<Shape> Dense::compute_output_shapes(const std::vector<Shape>& inputs) {
  check_input_shapes(inputs);
  Shape shape = first_of(inputs);
  shape.set(-1, options_.units);
  // Activations may change the shape: glu halves the last axis.
  return {infer([&](const std::vector<Tensor>& x) { return std::vector{options_.activation(x[0])}; },
                {{shape, dtype()}})
              .at(0)
              .shape};
}

}  // namespace unspool::layers
