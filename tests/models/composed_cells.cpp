#include <doctest/doctest.h>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/reduction.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/gru_cell.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm_cell.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/stacked_rnn_cells.h>
#include <unspool/models/sequential.h>

#include "../serialization/folder.h"
#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A cell around another one, without build().
class Wrapper : public Cell {
 public:
  explicit Wrapper(const Ref<Cell>& cell, const std::string& name = "")
      : Cell({.state_sizes = sizes_of(cell), .output_size = cell->output_size(), .name = name}),
        inner_(add_layer("inner", cell)) {}
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    return inner_(x, states, args);
  }
  Config get_config() const override { return Cell::get_config().set("inner", serialize_layer(*inner_)); }
  static Ref<Wrapper> from_config(const Config& config) {
    return make<Wrapper>(layer_from_config<Cell>(config["inner"]), config["name"].as<std::string>());
  }

 private:
  static std::vector<StateSize> sizes_of(const Ref<Cell>& cell) {
    std::vector<StateSize> sizes;
    for (const Shape& size : cell->state_sizes()) sizes.emplace_back(size);
    return sizes;
  }

  Ref<Cell> inner_;
};

/// Reads a value, so that it cannot be built before it is called.
class ReadsValue : public Cell {
 public:
  ReadsValue() : Cell({.state_sizes = {2}}), dense_(add_layer("dense", Dense({.units = 2}))) {}
  CellOutput call(const Tensor& x, const States&, const CallArgs&) override {
    const Tensor next = dense_(x) * x.item<float>({0, 0});
    return {next, {next}};
  }

 private:
  Ref<layers::Dense> dense_;
};

const Tensor composed_x = random_uniform({12, 4, 3}, -1, 1, float32, RandomKey{7, 0});
const Tensor composed_y = random_uniform({12, 3}, -1, 1, float32, RandomKey{8, 0});

struct Composed {
  std::string name;
  Model model;
  std::size_t weights;
};

Model in_sequence(const Ref<Cell>& cell) { return Sequential({Input({.shape = {4, 3}}), RNN(cell)}); }

std::vector<Composed> composed_models() {
  register_layer<Wrapper>("test>Wrapper");
  set_seed(5);
  std::vector<Composed> all;
  all.push_back({"a wrapper", in_sequence(make<Wrapper>(LSTMCell({.units = 3, .dropout = 0.3}))), 3});
  all.push_back({"a wrapper in a wrapper",
                 in_sequence(make<Wrapper>(make<Wrapper>(GRUCell({.units = 3, .recurrent_dropout = 0.3})))),
                 3});
  all.push_back({"a wrapper around stacked cells",
                 in_sequence(make<Wrapper>(StackedRNNCells({LSTMCell({.units = 2}), GRUCell({.units = 3})}))),
                 6});
  all.push_back({"wrappers in a stack",
                 in_sequence(StackedRNNCells({make<Wrapper>(LSTMCell({.units = 2})), GRUCell({.units = 3})})),
                 6});
  const Ref<Cell> twice = GRUCell({.units = 3, .dropout = 0.3});
  all.push_back(
      {"one cell twice in a stack", Sequential({Input({.shape = {4, 3}}), RNN({twice, twice})}), 3});
  const Ref<Cell> wrapped_twice = make<Wrapper>(GRUCell({.units = 3}));
  all.push_back({"one wrapper twice in a stack",
                 Sequential({Input({.shape = {4, 3}}), RNN({wrapped_twice, wrapped_twice})}), 3});
  const Ref<Cell> inner = GRUCell({.units = 3});
  all.push_back({"one cell in two wrappers",
                 Sequential({Input({.shape = {4, 3}}), RNN({make<Wrapper>(inner), make<Wrapper>(inner)})}),
                 3});
  {
    const Tensor in = Input({.shape = {4, 3}});
    const Ref<Cell> shared = make<Wrapper>(GRUCell({.units = 3}));
    const Tensor sequence = RNN(shared, {.return_sequences = true})(in);
    all.push_back({"one cell in two RNNs of a graph", Model({in}, RNN(shared)(sequence)), 3});
  }
  {
    const Tensor in = Input({.shape = {4, 3}});
    const Ref<Cell> shared = make<Wrapper>(GRUCell({.units = 3}));
    const Tensor both = Bidirectional(
        RNN(shared), {.merge_mode = "sum", .backward_layer = RNN(shared, {.go_backwards = true})})(in);
    all.push_back({"a wrapper in both directions", Model({in}, both), 6});
  }
  {
    const Tensor in = Input({.shape = {4, 3}});
    const Ref<Cell> cell = GRUCell({.units = 3});
    const Tensor sequence = RNN(cell, {.return_sequences = true})(in);
    const Tensor both = Bidirectional(RNN({twice, twice}), {.merge_mode = "sum"})(sequence);
    all.push_back({"one cell twice in both directions, beside a shared cell",
                   Model({in}, RNN(cell)(sequence) + both), 9});
  }
  {
    const Tensor part_in = Input({.shape = {4, 3}});
    const Ref<Cell> shared = make<Wrapper>(LSTMCell({.units = 3}));
    const Model part({part_in}, RNN(shared, {.return_sequences = true})(part_in));
    const Tensor in = Input({.shape = {4, 3}});
    all.push_back(
        {"a cell of a nested model and of the model around", Model({in}, RNN(shared)(part(in))), 3});
  }
  return all;
}

void check_same(const Model& one, const Model& other, std::size_t weights) {
  CHECK(other.weights().size() == weights);
  CHECK(other.predict(composed_x).to_vector<float>() == one.predict(composed_x).to_vector<float>());
}

}  // namespace

TEST_CASE("composed cells: saved before the first call, after it, and after training") {
  const Folder folder;
  const std::string file = folder / "composed.unspool";
  for (Composed& composed : composed_models()) {
    CAPTURE(composed.name);
    Model& model = composed.model;
    CHECK(model->built());
    CHECK(model.weights().size() == composed.weights);
    const auto saved = [&] {
      model.save(file);
      return load_model(file);
    };
    {
      const Model again = saved();
      check_same(model, again, composed.weights);
    }
    check_same(model, saved(), composed.weights);
    model.compile({.optimizer = "adam", .loss = "mse"});
    model.fit(composed_x, composed_y, {.batch_size = 4, .epochs = 2, .verbose = 0});
    Model again = saved();
    check_same(model, again, composed.weights);
    // Training goes on as if it had not been interrupted.
    model.fit(composed_x, composed_y, {.batch_size = 4, .epochs = 3, .verbose = 0, .initial_epoch = 2});
    again.fit(composed_x, composed_y, {.batch_size = 4, .epochs = 3, .verbose = 0, .initial_epoch = 2});
    check_same(model, again, composed.weights);
    // Copies.
    check_same(model, Model(deep_copy(model.network())), composed.weights);
    const Ref<Layer> fresh = clone(model.network());
    fresh->build_once(Shape{unknown, 4, 3});
    CHECK(fresh->get_config() == model->get_config());
    CHECK(fresh->weights().size() == composed.weights);
    const Ref<Layer> read = layer_from_config(from_json(to_json(serialize_layer(*model.network()))));
    CHECK(read->get_config() == model->get_config());
    read->build_once(Shape{unknown, 4, 3});
    read->set_weights(model.get_weights());
    check_same(model, Model(read), composed.weights);
  }
}

TEST_CASE("a model is not saved before all its weights are there") {
  const Folder folder;
  const Sequential model({Input({.shape = {4, 3}}), RNN(make<ReadsValue>(), {.unroll = true})});
  CHECK(contains(message_of<ValueError>([&] { model.save(folder / "too_early.unspool"); }),
                 "expected a built model, got one without weights: call it once"));
}
