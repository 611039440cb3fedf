// Mistakes of programs that make layers: scripts/check-compile-errors.sh says how to add a case.
#include <unspool/layers/dense.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/masking.h>
#include <unspool/layers/noise.h>
#include <unspool/layers/reshaping.h>
#include <unspool/layers/stacked_rnn_cells.h>

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

//! all options by name, LSTM({.units = 64, .return_sequences = true})
LSTM(64, {.return_sequences = true});

//+
auto dense = Dense(10);
dense = Dense(10, "relu");
dense = Dense({.units = 10, .activation = "relu"});
const Ref<Layer> layer = Reshape({3, 4});
auto [y, h, c] = LSTM({.units = 64, .return_state = true})(Tensor::ones({1, 2, 3}));
Masking();
Masking(-1);
Masking({});
Dropout(0);
