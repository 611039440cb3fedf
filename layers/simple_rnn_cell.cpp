#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/product.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/simple_rnn_cell.h>

namespace unspool {

const Fields& SimpleRNNCellOptions::fields() {
  using O = SimpleRNNCellOptions;
  static const Fields all = fields_of<O>(
      field("units", &O::units, "the size of the state"),
      field("activation", &O::activation, "applied to the new state"),
      field("use_bias", &O::use_bias, "whether a bias is added"),
      field("kernel_initializer", &O::kernel_initializer, "of the kernel"),
      field("recurrent_initializer", &O::recurrent_initializer, "of the recurrent kernel"),
      field("bias_initializer", &O::bias_initializer, "of the bias"),
      field("kernel_regularizer", &O::kernel_regularizer, "a penalty on the kernel"),
      field("recurrent_regularizer", &O::recurrent_regularizer, "a penalty on the recurrent kernel"),
      field("bias_regularizer", &O::bias_regularizer, "a penalty on the bias"),
      field("kernel_constraint", &O::kernel_constraint, "on the kernel after each update"),
      field("recurrent_constraint", &O::recurrent_constraint, "on the recurrent kernel after each update"),
      field("bias_constraint", &O::bias_constraint, "on the bias after each update"),
      field("dropout", &O::dropout, "the part of the input that a training call leaves out"),
      field("recurrent_dropout", &O::recurrent_dropout,
            "the part of the state that a training call leaves out"),
      field("seed", &O::seed, "makes dropout repeat"), field("name", &O::name, "of the cell"),
      field("trainable", &O::trainable, "whether training changes its weights"),
      field("dtype", &O::dtype, "of weights and computation"));
  return all;
}

Ref<layers::SimpleRNNCell> SimpleRNNCell(SimpleRNNCellOptions options) {
  return make<layers::SimpleRNNCell>(std::move(options));
}

}  // namespace unspool

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
