#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/product.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/simple_rnn_cell.h>

namespace unspool::layers {
namespace {

const SimpleRNNCellOptions& checked(const SimpleRNNCellOptions& options) {
  if (options.units <= 0) {
    throw ValueError(fmt::format("SimpleRNNCell: units must be positive, came {}", options.units.value()));
  }
  return options;
}

}  // namespace

SimpleRNNCell::SimpleRNNCell(SimpleRNNCellOptions options)
    : DropoutCell(
          {.state_sizes = {checked(options).units.value()},
           .name = options.name,
           .trainable = options.trainable,
           .dtype = options.dtype},
          {.dropout = options.dropout, .recurrent_dropout = options.recurrent_dropout, .seed = options.seed}),
      options_(std::move(options)) {}

void SimpleRNNCell::build(const Shape& input_shape) {
  const Index units = options_.units;
  kernel_ = add_weight({.name = "kernel",
                        .shape = {input_shape.back(), units},
                        .initializer = options_.kernel_initializer,
                        .regularizer = options_.kernel_regularizer,
                        .constraint = options_.kernel_constraint});
  recurrent_kernel_ = add_weight({.name = "recurrent_kernel",
                                  .shape = {units, units},
                                  .initializer = options_.recurrent_initializer,
                                  .regularizer = options_.recurrent_regularizer,
                                  .constraint = options_.recurrent_constraint});
  if (options_.use_bias) {
    bias_ = add_weight({.name = "bias",
                        .shape = {units},
                        .initializer = options_.bias_initializer,
                        .regularizer = options_.bias_regularizer,
                        .constraint = options_.bias_constraint});
  }
  set_input_spec({{.ndim = 2, .axes = {{-1, input_shape.back()}}}});
}

CellOutput SimpleRNNCell::call(const Tensor& x, const States& states, const CallArgs& args) {
  Tensor input = matmul(dropped_input(x, args), kernel_);
  if (options_.use_bias) input = input + bias_;
  const Tensor next = options_.activation(input + matmul(dropped_state(states[0], args), recurrent_kernel_));
  return {next, {next}};
}

}  // namespace unspool::layers
