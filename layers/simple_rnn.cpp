#include <unspool/layers/simple_rnn.h>

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
