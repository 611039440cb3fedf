#include <unspool/layers/simple_rnn.h>

namespace unspool {

const Fields& SimpleRNNOptions::fields() {
  using O = SimpleRNNOptions;
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
      field("activity_regularizer", &O::activity_regularizer, "a penalty on the outputs"),
      field("kernel_constraint", &O::kernel_constraint, "on the kernel after each update"),
      field("recurrent_constraint", &O::recurrent_constraint, "on the recurrent kernel after each update"),
      field("bias_constraint", &O::bias_constraint, "on the bias after each update"),
      field("dropout", &O::dropout, "the part of the input that a training call leaves out"),
      field("recurrent_dropout", &O::recurrent_dropout,
            "the part of the state that a training call leaves out"),
      field("return_sequences", &O::return_sequences, "the outputs of all steps, not of the last alone"),
      field("return_state", &O::return_state, "the last state comes after the output"),
      field("go_backwards", &O::go_backwards, "from the last step to the first; outputs stay in that order"),
      field("stateful", &O::stateful, "the next call starts with the state that this one ends with"),
      field("unroll", &O::unroll, "each step is recorded by itself"),
      field("seed", &O::seed, "makes dropout repeat"),
      field("zero_output_for_mask", &O::zero_output_for_mask,
            "the output of a masked step is 0, not the one before"),
      field("time_major", &O::time_major, "sequences are (time, batch, features)"),
      field("name", &O::name, "of the layer"),
      field("trainable", &O::trainable, "whether training changes its weights"),
      field("dtype", &O::dtype, "of weights and computation"));
  return all;
}

Ref<layers::SimpleRNN> SimpleRNN(SimpleRNNOptions options) {
  return make<layers::SimpleRNN>(std::move(options));
}

}  // namespace unspool

namespace unspool::layers {
namespace {

SimpleRNNCellOptions cell_options(const SimpleRNNOptions& options) {
  auto cell = options_from<SimpleRNNCellOptions>(options);
  cell.name = "simple_rnn_cell";
  return cell;
}

}  // namespace

SimpleRNN::SimpleRNN(SimpleRNNOptions options)
    : RNN(make<SimpleRNNCell>(cell_options(options)), options_from<RNNOptions>(options)),
      options_(std::move(options)) {
  set_input_spec({{.ndim = 3}});
}

}  // namespace unspool::layers
