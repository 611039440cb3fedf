#include <unspool/layers/internal/recurrent_options.h>
#include <unspool/layers/simple_rnn.h>

namespace unspool {

const Fields& SimpleRNNOptions::fields() {
  using O = SimpleRNNOptions;
  static const Fields all = internal::joined_fields<O>(
      internal::cell_fields<O>(), internal::loop_fields<O>(), internal::seed_field<O>(),
      internal::sequence_fields<O>(), internal::layer_fields<O>());
  return all;
}

Ref<layers::SimpleRNN> SimpleRNN(SimpleRNNOptions options) {
  return make<layers::SimpleRNN>(std::move(options));
}

}  // namespace unspool

namespace unspool::layers {

SimpleRNN::SimpleRNN(SimpleRNNOptions options)
    : RNN(make<SimpleRNNCell>(internal::options_of_cell<SimpleRNNCellOptions>(options, "simple_rnn_cell")),
          options_from<RNNOptions>(options)),
      options_(std::move(options)) {
  set_input_spec({{.ndim = 3}});
}

}  // namespace unspool::layers
