// Mistakes of programs that make layers: scripts/check-compile-errors.sh says how to add a case.
// No compiler names an option that is misspelt in a call, or whose value is of a wrong type, but both say what
// to write to see it.
#include <functional>
#include <vector>

#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/masking.h>
#include <unspool/layers/noise.h>
#include <unspool/layers/reshaping.h>
#include <unspool/layers/stacked_rnn_cells.h>
#include <unspool/layers/time_distributed.h>

using namespace unspool;

//! a required option, such as .units, is missing or not the first
Dense({.activation = "relu"});

//! a required option, such as .units, is missing or not the first
Dense({});

//! a required option, such as .units, is missing or not the first //! field 'activation' will be initialized after field 'units'
Dense({.activation = "relu", .units = 3});

//! a required option, such as .units, is missing or not the first
LSTM({.return_sequences = true});

//! options by name, Dense({.units = 10})
Dense();

//! options by name, Dense({.units = 10})
Dense("relu");

//! options by name, Dense({.units = 10})
Dense(2.5);

//! options by name, Dense({.units = 10})
Dense(3, 4);

//! all options by name, LSTM({.units = 64, .return_sequences = true}) //! ExpectedAllOptionsByNameInOneListOf<LSTMOptions>
LSTM(64, {.return_sequences = true});

//! an option is misspelt, or its value is of a wrong type: write LSTMOptions options{...} //! MisspeltOptionOrWrongTypeOfValueFor<LSTMOptions>
LSTM({.units = 3, .return_sequence = true});

//! O = unspool::LSTMOptions //! MisspeltOptionOrWrongTypeOfValueFor<LSTMOptions>
LSTM lstm({.unit = 3});

//! O = unspool::DenseOptions //! MisspeltOptionOrWrongTypeOfValueFor<DenseOptions>
Dense({.units = "ten"});

//! O = unspool::DenseOptions //! MisspeltOptionOrWrongTypeOfValueFor<DenseOptions>
Dense({.units = 3, .activation = 5});

//! O = unspool::LSTMOptions //! MisspeltOptionOrWrongTypeOfValueFor<LSTMOptions>
LSTM({.units = 3, .dropout = "0.5"});

//! misspelt, or its value is of a wrong type //! operator()
TimeDistributed(Dense(3), {.nam = "steps"});

//! misspelt, or its value is of a wrong type //! operator()
RNN(LSTMCell(3), {.return_sequence = true});

//! has no non-static data member named //! 'return_sequence' does not refer to any field in type 'unspool::LSTMOptions'; did you mean 'return_sequences'?
LSTMOptions options{.units = 3, .return_sequence = true};

//! ambiguous //! write InputOptions options{...}
Input({.shapes = {8, 8}});

//+
Tensor x = Input({8, 8});
x = Input({None, 16});
x = Input({10});
x = Input({.shape = {8, 8}});
x = Input({.shape = {None}, .dtype = int32});
x = Input({.batch_shape = {1, 2}});

//! write WeightOptions options{...}
class Own : public Layer {
  void build(const Shape&) override { add_weight({.name = "gain", .initialiser = "ones"}); }
};

//! expected true or false
LSTM({.units = 3, .return_sequences = "yes"});

//! expected true or false
Dense({.units = 3, .use_bias = nullptr});

//! expected true or false
const Flag flag = 0.5;

//! LSTMOptions::use_bias //! field 'return_sequences' will be initialized after field 'use_bias'
LSTM({.units = 3, .return_sequences = true, .use_bias = false});

//! layers::Dense //! base 'LayerRef' is marked 'final'
class Own : public Dense {};

//! lacks a call() with all parameters
class Own : public Cell {
 public:
  Own() : Cell({.state_sizes = {3}}) {}
  CellOutput call(const Tensor& x, const States& states) { return {x, states}; }
};
RNN(make<Own>());

//! no public constructor that takes these arguments
class Own : public Layer {
 public:
  explicit Own(Index units) : units_(units) {}
  Index units_;
};
make<Own>("three");

//! no public constructor that takes these arguments
class Own : public Layer {
  Own() = default;
};
make<Own>();

//! use_bias //! use_bias
Dense d(3);
d.use_bias;

//+
auto dense = Dense(10);
dense = Dense(10, "relu");
Dense declared(10);
dense = declared;
LSTM lstm({.units = 64, .return_state = true});
auto [sequence, state, carry] = lstm(Tensor::ones({1, 2, 3}), {.initial_state = lstm.states()});
lstm.reset_states();
Masking none({});
std::vector<Dense> all{Dense(3), declared};
const std::vector<Dense> copies = all;
std::function<Tensor(const Tensor&)> function = [declared](const Tensor& x) { return declared(x); };
LSTM({.units = 3, .stateful = 1, .name = {}});
dense = Dense({.units = 10, .activation = "relu"});
const Ref<Layer> layer = Reshape({3, 4});
auto [y, h, c] = LSTM({.units = 64, .return_state = true})(Tensor::ones({1, 2, 3}));
Masking();
Masking(-1);
Masking({});
Dropout(0);
