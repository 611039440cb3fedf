#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/recorder.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/dense.h>

namespace unspool::layers {

Dense::Dense(DenseOptions options) : Layer(layer_options(options)), options_(std::move(options)) {
  if (options_.units <= 0) {
    throw ValueError(fmt::format("Dense: units must be positive, came {}", options_.units.value()));
  }
  set_input_spec({{.min_ndim = 2}});
}

void Dense::build(const Shape& input_shape) {
  const Index features = input_shape.back();
  if (features == unknown) {
    throw ValueError(fmt::format("the last dimension of the input of {} must be known, came {}", name(),
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
  const Tensor product = matmul(x, kernel_);
  return options_.activation(options_.use_bias ? product + bias_ : product);
}

std::vector<Shape> Dense::compute_output_shapes(const std::vector<Shape>& inputs) {
  check_input_shapes(inputs);
  Shape shape = inputs.at(0);
  shape.set(-1, options_.units);
  // Activations may change the shape: glu halves the last axis.
  return {infer([&](const std::vector<Tensor>& x) { return std::vector{options_.activation(x[0])}; },
                {{shape, dtype()}})
              .at(0)
              .shape};
}

Config Dense::get_config() const { return config_of(options_); }

}  // namespace unspool::layers
