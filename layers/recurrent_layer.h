#pragma once

#include <string>

#include <unspool/layers/rnn.h>

namespace unspool::layers {

/// An RNN that makes its own cell, a CellClass, and takes the options of both in one struct: the base of
/// SimpleRNN, LSTM and GRU. Each option is kept by the part that uses it, the RNN or the cell.
template <Options O, class CellClass>
class RecurrentLayer : public RNN {
 public:
  /// What the layer is made from.
  using Options = O;

  /// The arguments that make the layer again, as the RNN and its cell have them now.
  O options() const {
    O all = options_from<O>(own_cell().options());
    copy_options(RNN::options(), all);
    return all;
  }
  /// options() as a config.
  Config get_config() const override { return loop_first(this->config_of(options())); }

 protected:
  /// Makes the cell with this name. Throws ValueError for options that the cell or the RNN refuses.
  RecurrentLayer(const O& options, const std::string& cell_name)
      : RNN(make<CellClass>(options_of_cell(options, cell_name)), options_from<RNNOptions>(options)) {
    set_input_spec({{.ndim = 3}});
  }

  /// The cell as what it is.
  CellClass& own_cell() const { return static_cast<CellClass&>(*cell()); }

 private:
  static typename CellClass::Options options_of_cell(const O& options, const std::string& name) {
    auto of_cell = options_from<typename CellClass::Options>(options);
    of_cell.name = name;
    return of_cell;
  }
};

}  // namespace unspool::layers
