// Recurrent networks: built-in layers, outputs and states, cells, long sequences in pieces, both directions,
// a classifier of digits, and a cell of one's own with structured inputs. The blocks have the order of Keras'
// guide of that name.
#include <iostream>
#include <vector>

#include <unspool/unspool.h>

#include "check.h"

using namespace unspool;
using guide::check;
using guide::near;
using guide::same;

namespace {

void built_in_layers() {
  // Sequences of words, as integers: each word becomes a vector, an LSTM reads the vectors.
  Sequential model;
  model.add(Embedding(1000, 64));
  model.add(LSTM(128));
  model.add(Dense(10));
  const Tensor words = random_integers({2, 7}, 0, 1000);
  check(model(words).shape() == Shape{2, 10});
  model.summary();

  // Dropout, reading backward and unrolling are options. An unrolled layer computes the same.
  const auto loop = LSTM({.units = 8, .dropout = 0.2, .go_backwards = true});
  const auto unrolled = LSTM({.units = 8, .dropout = 0.2, .go_backwards = true, .unroll = true});
  const Tensor x = random_normal({2, 5, 3});
  const Tensor y = loop(x);
  unrolled(x);
  unrolled.set_weights(loop.get_weights());
  check(near(unrolled(x), y));
}

// A recurrent layer returns the output of the last step, or with return_sequences those of all steps.
void outputs() {
  Sequential model;
  model.add(Embedding(1000, 64));
  model.add(GRU({.units = 256, .return_sequences = true}));  // (batch, time, 256)
  model.add(SimpleRNN(128));                                 // (batch, 128)
  model.add(Dense(10));
  const Tensor words = random_integers({2, 7}, 0, 1000);
  check(model(words).shape() == Shape{2, 10});
  model.summary();

  const Tensor x = random_normal({2, 7, 3});
  const auto gru = GRU({.units = 4, .return_sequences = true});
  check(gru(x).shape() == Shape{2, 7, 4});
}

// With return_state a layer returns its states, too. Here those of an encoder are the initial states of a
// decoder.
void states() {
  const Tensor encoder_input = Input({.shape = {None}});
  const Tensor encoder_embedded = Embedding(1000, 64)(encoder_input);
  const auto [output, state_h, state_c] =
      LSTM({.units = 64, .return_state = true, .name = "encoder"})(encoder_embedded);

  const Tensor decoder_input = Input({.shape = {None}});
  const Tensor decoder_embedded = Embedding(2000, 64)(decoder_input);
  const Tensor decoder_output =
      LSTM({.units = 64, .name = "decoder"})(decoder_embedded, {.initial_state = {state_h, state_c}});

  const Model model({encoder_input, decoder_input}, Dense(10)(decoder_output));
  model.summary();
  const Tensor source = random_integers({3, 12}, 0, 1000);
  const Tensor target = random_integers({3, 9}, 0, 2000);
  const Tensor y = model({source, target});
  check(y.shape() == Shape{3, 10});
  // The states matter: another source gives another output.
  check(!near(model({flip(source, {1}), target}), y, 1e-6));
}

// A cell is one step. RNN runs it over a sequence: RNN(LSTMCell(...)) is LSTM(...).
void cells() {
  const Tensor x = random_normal({2, 5, 3});
  const auto lstm = LSTM(10);
  const auto wrapped = RNN(LSTMCell(10));
  const Tensor y = lstm(x);
  wrapped(x);
  wrapped.set_weights(lstm.get_weights());
  check(same(wrapped(x), y));

  // A step by itself takes the input and the states, and returns the output and the next states.
  const auto cell = GRUCell(4);
  const auto [output, next] = cell(x[0], {zeros({5, 4})});
  check(output.shape() == Shape{5, 4} && same(output, next[0]));
  check(RNN(SimpleRNNCell(4))(x).shape() == Shape{2, 4});
}

// A stateful layer starts with the states at the end of its previous call, so that a long sequence can be
// read in pieces. Sample i of a batch continues sample i of the batch before.
void statefulness() {
  const Tensor paragraph1 = random_uniform({20, 10, 50});
  const Tensor paragraph2 = random_uniform({20, 10, 50});
  const Tensor paragraph3 = random_uniform({20, 10, 50});

  const auto lstm_layer = LSTM({.units = 64, .stateful = true});
  Tensor output = lstm_layer(paragraph1);
  const Tensor first = output;
  output = lstm_layer(paragraph2);
  output = lstm_layer(paragraph3);

  const auto whole = LSTM(64);
  const Tensor text = concat({paragraph1, paragraph2, paragraph3}, 1);
  whole(text);
  whole.set_weights(lstm_layer.get_weights());
  check(near(whole(text), output));

  // reset_states() starts from the initial states again: zeros, unless others were given.
  lstm_layer->reset_states();
  check(same(lstm_layer(paragraph1), first));
}

// The kept states are no weights. They can be the initial states of another layer.
void state_reuse() {
  const Tensor paragraph1 = random_uniform({20, 10, 50});
  const Tensor paragraph2 = random_uniform({20, 10, 50});
  const Tensor paragraph3 = random_uniform({20, 10, 50});

  const auto lstm_layer = LSTM({.units = 64, .stateful = true});
  lstm_layer(paragraph1);
  lstm_layer(paragraph2);
  const std::vector<Variable> states = lstm_layer->states();
  const std::vector<Tensor> existing_state(states.begin(), states.end());
  check(lstm_layer.weights().size() == 3 && existing_state.size() == 2);

  const auto new_lstm_layer = LSTM(64);
  const Tensor new_output = new_lstm_layer(paragraph3, {.initial_state = existing_state});
  new_lstm_layer.set_weights(lstm_layer.get_weights());
  check(new_output.shape() == Shape{20, 64});
  check(near(new_lstm_layer(paragraph3, {.initial_state = existing_state}), lstm_layer(paragraph3)));
}

// Both directions: the layer is copied, the copy reads the sequence from its end, and their outputs are
// joined.
void both_directions() {
  Sequential model;
  model.add(Input({.shape = {5, 10}}));
  model.add(Bidirectional(LSTM({.units = 64, .return_sequences = true})));
  model.add(Bidirectional(LSTM(32)));
  model.add(Dense(10));
  model.summary();
  check(model.predict(random_normal({4, 5, 10})).shape() == Shape{4, 10});

  // merge_mode says how the outputs are joined.
  const Tensor x = random_normal({4, 5, 10});
  check(Bidirectional(LSTM(32))(x).shape() == Shape{4, 64});
  check(Bidirectional(LSTM(32), {.merge_mode = "sum"})(x).shape() == Shape{4, 32});
}

// Keras has a fast kernel for LSTM and GRU with certain options, and a slower loop for cells. Here every cell
// is compiled, so both models below are equally fast, and give the same numbers.
constexpr Index pixels = 8;

Sequential build_model(bool built_in) {
  const Ref<Layer> lstm_layer = built_in ? Ref<Layer>(LSTM(64)) : RNN(LSTMCell(64));
  return Sequential({
      Input({.shape = {None, pixels}}),
      lstm_layer,
      BatchNormalization({.momentum = 0.9}),  // its averages have few batches to settle
      Dense(10),
  });
}

void digits() {
  // 1797 images of handwritten digits. A row of 8 pixels is one step.
  const Tensor table = read_csv("examples/data/digits.csv");
  const Tensor x = reshape(slice(table, 1, 0, 64) / 16, {-1, pixels, pixels});
  const Tensor y = cast(squeeze(slice(table, 1, 64, 65)), int32);
  const Tensor x_train = slice(x, 0, 0, 1500), y_train = slice(y, 0, 0, 1500);
  const Tensor x_test = slice(x, 0, 1500, 1797), y_test = slice(y, 0, 1500, 1797);

  Sequential model = build_model(true);
  Sequential model_of_cell = build_model(false);
  model_of_cell.set_weights(model.get_weights());
  std::vector<Logs> results;
  for (Sequential trained : {model, model_of_cell}) {
    set_seed(2);  // Both see the samples in one order.
    trained.compile({.optimizer = "adam",
                     .loss = SparseCategoricalCrossentropy({.from_logits = true}),
                     .metrics = {"accuracy"}});
    trained.fit(x_train, y_train,
                {.batch_size = 64, .epochs = 12, .verbose = 0, .validation_data = {x_test, y_test}});
    results.push_back(trained.evaluate(x_test, y_test, {.verbose = 0}));
  }
  std::cout << "accuracy on new digits: " << results[0]["accuracy"] << '\n';
  check(results[0]["accuracy"] > 0.6);
  check(results[0] == results[1]);

  // A third model with these weights, on one image.
  Sequential other = build_model(true);
  other.set_weights(model.get_weights());
  const Tensor result = argmax(other.predict(expand_dims(x_test[0], 0)), 1);
  std::cout << "predicted " << int(result) << ", and it is " << y_test.item<int>({0}) << '\n';
  check(int(result) == argmax(model.predict(x_test), 1).item<int>({0}));
}

// A cell for steps with two parts: a vector of i1 numbers and a matrix of i2 times i3. A sequence is one
// tensor here, so the parts of a step lie side by side in one vector, and the cell takes them apart. States
// can have any shape.
class NestedCell : public Cell {
 public:
  NestedCell(Index unit_1, Index unit_2, Index unit_3, Index i1, Index i2, Index i3)
      : Cell({.state_sizes = {unit_1, {unit_2, unit_3}}, .output_size = unit_1 + unit_2 * unit_3}),
        unit_1_(unit_1),
        unit_2_(unit_2),
        unit_3_(unit_3),
        i1_(i1),
        i2_(i2),
        i3_(i3) {}

  void build(const Shape&) override {
    kernel_1_ = add_weight({.name = "kernel_1", .shape = {i1_, unit_1_}, .initializer = "uniform"});
    kernel_2_3_ =
        add_weight({.name = "kernel_2_3", .shape = {i2_, i3_, unit_2_, unit_3_}, .initializer = "uniform"});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const auto parts = split(x, {i1_, i2_ * i3_});
    const Tensor input_1 = parts[0];
    const Tensor input_2 = reshape(parts[1], {-1, i2_, i3_});
    const Tensor output_1 = matmul(input_1, kernel_1_);
    const Tensor output_2_3 = einsum("bij,ijkl->bkl", input_2, kernel_2_3_);
    const Tensor state_1 = states[0] + output_1;
    const Tensor state_2_3 = states[1] + output_2_3;
    return {concat({output_1, reshape(output_2_3, {-1, unit_2_ * unit_3_})}), {state_1, state_2_3}};
  }

 private:
  Index unit_1_, unit_2_, unit_3_, i1_, i2_, i3_;
  Variable kernel_1_, kernel_2_3_;
};

void nested_inputs() {
  const Index unit_1 = 10, unit_2 = 4, unit_3 = 5, i1 = 8, i2 = 6, i3 = 4, steps = 12, samples = 64;

  const Tensor input_1 = Input({.shape = {None, i1}});
  const Tensor input_2 = Input({.shape = {None, i2, i3}});
  const Tensor step = Concatenate()({input_1, Reshape({-1, i2 * i3})(input_2)});
  const Tensor both = RNN(make<NestedCell>(unit_1, unit_2, unit_3, i1, i2, i3))(step);
  const Tensor output_1 =
      Lambda({.function = [=](const Tensor& y) { return slice(y, 1, 0, unit_1); }, .name = "vector"})(both);
  const Tensor output_2 =
      Lambda({.function =
                  [=](const Tensor& y) {
                    return reshape(slice(y, 1, unit_1, unit_1 + unit_2 * unit_3), {-1, unit_2, unit_3});
                  },
              .name = "matrix"})(both);
  Model model({input_1, input_2}, {output_1, output_2});
  model.compile({.optimizer = "adam", .loss = {"mse", "mse"}});

  const Tensor input_1_data = random_uniform({samples, steps, i1});
  const Tensor input_2_data = random_uniform({samples, steps, i2, i3});
  const Tensor target_1_data = random_uniform({samples, unit_1});
  const Tensor target_2_data = random_uniform({samples, unit_2, unit_3});
  const History history = model.fit({input_1_data, input_2_data}, {target_1_data, target_2_data},
                                    {.batch_size = 32, .epochs = 5, .verbose = 0});
  check(history["loss"].back() < history["loss"].front());
  const auto y = model.predict({input_1_data, input_2_data});
  check(y[0].shape() == Shape{samples, unit_1} && y[1].shape() == Shape{samples, unit_2, unit_3});
}

}  // namespace

int main() {
  set_seed(1);
  built_in_layers();
  outputs();
  states();
  cells();
  statefulness();
  state_reuse();
  both_directions();
  digits();
  nested_inputs();
  std::cout << "working_with_rnns: all checks hold\n";
}
