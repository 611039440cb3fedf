#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// As a user writes one: its weights and its equations.
class MinimalGatedCell : public Cell {
 public:
  explicit MinimalGatedCell(Index units, DType dtype = float32)
      : Cell({.state_sizes = {units}, .dtype = dtype}), units_(units) {}

  void build(const Shape& input) override {
    kernel_ = add_weight(
        {.name = "kernel", .shape = {input.back(), 2 * units_}, .initializer = GlorotUniform({.seed = 1})});
    recurrent_ = add_weight(
        {.name = "recurrent_kernel", .shape = {units_, 2 * units_}, .initializer = Orthogonal({.seed = 1})});
    bias_ = add_weight({.name = "bias", .shape = {2 * units_}, .initializer = "zeros"});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor& h = states[0];
    auto [xf, xc] = split<2>(matmul(x, kernel_) + bias_, -1);
    auto [uf, uc] = split<2>(recurrent_, -1);
    Tensor f = sigmoid(xf + matmul(h, uf));
    Tensor c = tanh(xc + matmul(f * h, uc));
    Tensor next = (1 - f) * h + f * c;
    return {next, {next}};
  }
  Config get_config() const override { return Cell::get_config().set("units", units_); }

 private:
  Index units_;
  Variable kernel_, recurrent_, bias_;
};

/// Two states, one of them a matrix, and an output of another size.
class MatrixCell : public Cell {
 public:
  MatrixCell() : Cell({.state_sizes = {{2, 3}, 4}, .output_size = 5}) {}
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor total = sum(x, {1}, true);
    return {total + Tensor::zeros({1, 5}), {states[0] + expand_dims(total, 2), states[1] + total}};
  }
};

/// Adds a constant at every step, kept once a call.
class ConstantCell : public Cell {
 public:
  ConstantCell() : Cell({.state_sizes = {2}}) {}
  void build_all(const std::vector<Shape>& shapes) override {
    kernel_ = add_weight({.name = "kernel", .shape = {shapes.at(0).back(), 2}, .initializer = "ones"});
    constant_ =
        add_weight({.name = "constant_kernel", .shape = {shapes.at(1).back(), 2}, .initializer = "ones"});
  }
  CallCache call_cache(const Tensor&, const CallArgs& args) override {
    ++prepared;
    return {.tensors = {matmul(args.constants.at(0), constant_)}};
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const Tensor next = states[0] + matmul(x, kernel_) + args.call_cache->tensors.at(0);
    return {next, {next}};
  }
  int prepared = 0;

 private:
  Variable kernel_, constant_;
};

class WrongCell : public Cell {
 public:
  explicit WrongCell(States returned) : Cell({.state_sizes = {2}}), returned_(std::move(returned)) {}
  CellOutput call(const Tensor& x, const States&, const CallArgs&) override { return {x, returned_}; }

 private:
  States returned_;
};

}  // namespace

TEST_CASE("a custom cell: shapes, weights, one step") {
  clear_session();
  const Ref<MinimalGatedCell> cell = make<MinimalGatedCell>(3);
  CHECK(cell->name() == "minimal_gated_cell");
  CHECK(cell->state_sizes() == std::vector<Shape>{{3}});
  CHECK(cell->output_size() == Shape{3});
  const auto [output, states] = cell(some({2, 4}, float32), cell->get_initial_state(2));
  CHECK(output.shape() == Shape{2, 3});
  CHECK(states.at(0).id() == output.id());
  CHECK(cell->count_params() == 4 * 6 + 3 * 6 + 6);
  CHECK(paths_of(cell->weights())[1] == "minimal_gated_cell/recurrent_kernel");
}

TEST_CASE("a custom cell in RNN trains: gradients of first and second order") {
  const Ref<layers::RNN> rnn =
      RNN(make<MinimalGatedCell>(3, float64), {.return_sequences = true, .return_state = true});
  CHECK(rnn->dtype() == float64);
  const Tensor x = some({2, 4, 2});
  auto [sequence, state] = unpack<2>(rnn(x));
  CHECK(sequence.shape() == Shape{2, 4, 3});
  CHECK(state.shape() == Shape{2, 3});
  CHECK(near(state - slice(sequence, 1, 3, 4)[0] * 0, state.to_vector<double>()));
  const GradcheckResult result = gradcheck([&](const std::vector<Tensor>& in) { return rnn(in[0]).all(); },
                                           {x}, rnn->trainable_weights());
  CHECK_MESSAGE(result, result.message);
  // With holes in the mask, and backwards.
  const Ref<layers::RNN> masked =
      RNN(make<MinimalGatedCell>(2, float64), {.return_sequences = true, .go_backwards = true});
  const Tensor mask = mask_of_bits({{1, 0, 1, 0}, {0, 1, 1, 1}});
  masked(x);
  const GradcheckResult holes = gradcheck(
      [&](const std::vector<Tensor>& in) {
        return masked(in[0], {.mask = mask, .initial_state = {in[1]}}).all();
      },
      {x, some({2, 2})}, masked->trainable_weights());
  CHECK_MESSAGE(holes, holes.message);
}

TEST_CASE("states of several shapes") {
  const Ref<layers::RNN> rnn = RNN(make<MatrixCell>(), {.return_state = true});
  auto [output, matrix, vector] = unpack<3>(rnn(Tensor::ones({2, 3, 4})));
  CHECK(output.shape() == Shape{2, 5});
  CHECK(near(output, std::vector<double>(10, 4)));
  CHECK(matrix.shape() == Shape{2, 2, 3});
  CHECK(near(matrix, std::vector<double>(12, 12)));
  CHECK(near(vector, std::vector<double>(8, 12)));
  CHECK(rnn->compute_output_shapes({{unknown, unknown, 4}}) ==
        std::vector<Shape>{{unknown, 5}, {unknown, 2, 3}, {unknown, 4}});
  // A mask reaches states of every rank.
  auto [o, m, v] = unpack<3>(rnn(Tensor::ones({1, 3, 4}), {.mask = mask_of_bits({{1, 0, 1}})}));
  CHECK(near(m, std::vector<double>(6, 8)));
  CHECK(near(v, std::vector<double>(4, 8)));
}

TEST_CASE("constants, and what is made of them once a call") {
  const Ref<ConstantCell> cell = make<ConstantCell>();
  const Ref<layers::RNN> rnn = RNN(cell);
  const Tensor x = Tensor::ones({2, 3, 4});
  const Tensor constant = Tensor::ones({2, 5});
  CHECK(near(rnn(x, {.constants = {constant}}), {27, 27, 27, 27}));
  CHECK(cell->prepared == 1);
  // In the list of inputs: the sequence, the states, the constants.
  CHECK(near(rnn({x, Tensor::ones({2, 2}), constant}), {28, 28, 28, 28}));
  CHECK(contains(message_of<ValueError>([&] {
                   rnn({x, constant}, {.constants = {constant}});
                 }),
                 "either in the list of inputs or by name"));
}

TEST_CASE("errors of cells") {
  const Ref<MinimalGatedCell> cell = make<MinimalGatedCell>(3);
  const Tensor x = Tensor::ones({2, 4});
  CHECK(contains(message_of<ValueError>([&] { cell(x, {}); }), "expected 1 state, got 0"));
  CHECK(contains(message_of<ValueError>([&] { cell(x, {Tensor::ones({2, 4})}); }), "[2, 3]"));
  CHECK(contains(message_of<ValueError>([&] { cell(x, {Tensor::ones({1, 3})}); }), "float32[1, 3]"));
  CHECK(contains(message_of<ValueError>([&] {
                   make<WrongCell>(States{})(x, {Tensor::ones({2, 2})});
                 }),
                 "call() returned 0"));
  CHECK(contains(message_of<ValueError>([&] {
                   make<WrongCell>(States{Tensor::ones({2, 3})})(x, {Tensor::ones({2, 2})});
                 }),
                 "float32[2, 3]"));
  CHECK(contains(message_of<ValueError>([] { make<MinimalGatedCell>(0); }), "got [0]"));
  CHECK(contains(message_of<ValueError>([&] { cell->get_initial_state(-1); }), "-1"));
  CHECK(contains(message_of<ValueError>([] { RNN(Ref<Cell>()); }), "expected a cell, got an empty Ref"));
}

TEST_CASE("a custom cell is saved under the name that it was registered by") {
  register_layer<MinimalGatedCell>("my>MinimalGatedCell", [](const Config& config) {
    return make<MinimalGatedCell>(config["units"].as<Index>());
  });
  const Ref<layers::RNN> rnn = RNN(make<MinimalGatedCell>(3), {.return_sequences = true});
  const Config config = from_json(to_json(serialize_layer(*rnn)));
  CHECK(config["config"]["cell"]["registered_name"].as<std::string>() == "my>MinimalGatedCell");
  CHECK(config["config"]["cell"]["class_name"].as<std::string>() == "MinimalGatedCell");
  CHECK(config["config"]["cell"]["module"].is_null());
  const Ref<layers::RNN> again = layer_from_config<layers::RNN>(config);
  CHECK(again->options().return_sequences);
  CHECK(again->cell()->state_sizes() == std::vector<Shape>{{3}});
}
