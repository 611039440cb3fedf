#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/recurrent_options.h>
#include <unspool/layers/lstm.h>

namespace unspool {

const Fields& LSTMOptions::fields() {
  using O = LSTMOptions;
  static const Fields all = internal::joined_fields<O>(
      internal::cell_fields<O>(), internal::seed_field<O>(), internal::loop_fields<O>(),
      internal::implementation_field<O>(), internal::sequence_fields<O>(), internal::layer_fields<O>());
  return all;
}

template Ref<layers::LSTM> detail::make_from_options<layers::LSTM>(const layers::LSTM::Options&);

}  // namespace unspool

namespace unspool::layers {

LSTM::LSTM(const LSTMOptions& options) : RecurrentLayer(options, "lstm_cell") {}

}  // namespace unspool::layers
