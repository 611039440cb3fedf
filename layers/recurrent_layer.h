#pragma once

#include <string>

#include <unspool/layers/rnn.h>

namespace unspool::layers {

/// The base class of SimpleRNN, LSTM and GRU: an RNN that makes its cell, a CellClass, and takes the options
/// of both in one struct. Each option is stored once, in the RNN or in the cell.
template <Options O, class CellClass>
class RecurrentLayer : public RNN {
 public:
  /// The options struct.
  using Options = O;

  /// The options, read from the RNN and its cell.
  O options() const {
    O all = options_from<O>(own_cell().options());
    copy_options(RNN::options(), all);
    return all;
  }
  /// options() as a config.
  Config get_config() const override { return loop_first(this->config_of(options())); }

 protected:
  /// Makes the cell with this name. Throws ValueError for options that are invalid for the cell or the RNN.
  RecurrentLayer(const O& options, const std::string& cell_name)
      : RNN(make<CellClass>(options_of_cell(options, cell_name)), options_from<RNNOptions>(options)) {
    set_input_spec({{.ndim = 3}});
  }

  /// The cell with its class.
  CellClass& own_cell() const { return static_cast<CellClass&>(*cell()); }

 private:
  static typename CellClass::Options options_of_cell(const O& options, const std::string& name) {
    auto of_cell = options_from<typename CellClass::Options>(options);
    of_cell.name = name;
    return of_cell;
  }
};

}  // namespace unspool::layers
