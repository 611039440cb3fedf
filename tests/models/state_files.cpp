#include <array>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/shaping.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/cell.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/gru_cell.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/lstm_cell.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/rnn.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/adam.h>
#include <unspool/serialization/safetensors.h>

#include "../serialization/folder.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// h' = tanh(x K + h U). Its first state is a weight.
class LearnedStartCell : public Cell {
 public:
  explicit LearnedStartCell(Index units, std::string name = {})
      : Cell({.state_sizes = {units}, .name = std::move(name)}), units_(units) {}

  void build(const Shape& shape) override {
    kernel_ = add_weight({.name = "kernel", .shape = {shape.back(), units_}});
    recurrent_kernel_ = add_weight({.name = "recurrent_kernel", .shape = {units_, units_}});
    start_ = add_weight({.name = "start", .shape = {1, units_}});
  }
  States get_initial_state(Index batch_size, DType) override {
    return {broadcast_to(start_, {batch_size, units_})};
  }
  CellOutput call(const Tensor& input, const States& states, const CallArgs&) override {
    const Tensor next = tanh(matmul(input, kernel_) + matmul(states[0], recurrent_kernel_));
    return {next, {next}};
  }
  Config get_config() const override { return Cell::get_config().set("units", units_); }
  static Ref<LearnedStartCell> from_config(const Config& config) {
    return make<LearnedStartCell>(config["units"].as<Index>(), config["name"].as<std::string>());
  }

 private:
  Index units_;
  Variable kernel_, recurrent_kernel_, start_;
};

void register_learned_start() {
  static const bool once = [] {
    register_layer<LearnedStartCell>("test>LearnedStartCell");
    return true;
  }();
  static_cast<void>(once);
}

const Shape part_shape = {2, 3, 2};
Tensor part_of_sequence(std::uint64_t number) {
  return random_uniform(part_shape, -1, 1, float32, RandomKey{21, number});
}

Sequential stateful_model(const std::string& kind) {
  set_seed(6);
  const Tensor input = Input({.batch_shape = part_shape});
  if (kind == "built_in") {
    return Sequential(
        {input, LSTM({.units = 3, .return_sequences = true, .stateful = true}),
         RNN({GRUCell({.units = 2}), LSTMCell({.units = 3})}, {.return_sequences = true, .stateful = true}),
         Bidirectional(GRU({.units = 2, .stateful = true})), Dense({.units = 1})});
  }
  return Sequential(
      {input, RNN(make<LearnedStartCell>(4), {.stateful = kind == "learned_stateful"}), Dense({.units = 1})});
}

const char* const other_process_case = "a model saved in the middle of a sequence goes on in another process";

/// Predicts the next part, trains on it, and predicts it from the first states, with each result in the list.
std::vector<Tensor> go_on(Model& model, bool trains) {
  const FitOptions options{.batch_size = 2, .epochs = 1, .verbose = 0, .shuffle = false};
  std::vector<Tensor> results = model.predict(part_of_sequence(2), {.batch_size = 2}).all();
  if (trains) {
    model.fit(part_of_sequence(3), Tensor::ones({2, 1}), options);
    results.push_back(model.predict(part_of_sequence(4), {.batch_size = 2}));
  }
  model.reset_states();
  results.push_back(model.predict(part_of_sequence(2), {.batch_size = 2}));
  return results;
}

/// What the other process does.
void compare_in_other_process(const std::string& path) {
  set_seed(1234);
  Model model = load_model(path);
  const std::vector<Tensor> got = go_on(model, model.compiled());
  const Safetensors expected = load_safetensors(path + ".safetensors");
  REQUIRE(got.size() == expected.tensors.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits(got[i], find_tensor(expected.tensors, std::to_string(i))));
  }
}

}  // namespace

TEST_CASE("a model saved in the middle of a sequence goes on in another process") {
  register_learned_start();
  if (const char* const path = std::getenv("UNSPOOL_STATE_FILE")) return compare_in_other_process(path);
  for (const char* const kind : {"built_in", "learned_stateful", "learned"}) {
    for (const char* const ending : {".unspool", ".keras"}) {
      CAPTURE(kind);
      CAPTURE(ending);
      const Folder folder;
      const std::string path = (folder / "model").native() + ending;
      Sequential model = stateful_model(kind);
      model.compile({.optimizer = Adam(.01), .loss = "mse"});
      model.fit(part_of_sequence(0), Tensor::ones({2, 1}), {.batch_size = 2, .epochs = 2, .verbose = 0});
      const Tensor first = model.predict(part_of_sequence(1), {.batch_size = 2});
      model.save(path);
      Safetensors expected;
      for (const Tensor& result : go_on(model, true)) {
        expected.tensors.push_back({std::to_string(expected.tensors.size()), result});
      }
      if (std::string(kind) != "learned") {
        // The states matter: the next part differs from what it is at the beginning of a sequence.
        CHECK_FALSE(same_bits(expected.tensors.front().tensor, expected.tensors.back().tensor));
      }
      save_safetensors(path + ".safetensors", expected);

      ::setenv("UNSPOOL_STATE_FILE", path.c_str(), 1);
      std::array<std::string, 2> words = {"test_models", std::string("--test-case=") + other_process_case};
      std::array<char*, 3> arguments = {words[0].data(), words[1].data(), nullptr};
      pid_t child = 0;
      REQUIRE(::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments.data(), environ) == 0);
      ::unsetenv("UNSPOOL_STATE_FILE");
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      CHECK(status == 0);
    }
  }
}

TEST_CASE("a file without states begins a sequence with the first states of its own weights") {
  register_learned_start();
  const Sequential model = stateful_model("learned_stateful");
  model.predict(part_of_sequence(1), {.batch_size = 2});
  Snapshot snapshot = to_snapshot(model);
  CHECK(std::erase_if(snapshot.tensors,
                      [](const NamedTensor& tensor) { return tensor.name.starts_with("states/"); }) == 1);
  set_seed(77);
  const Model read = from_snapshot(snapshot);
  model.reset_states();
  CHECK(same_bits(read.predict(part_of_sequence(1), {.batch_size = 2}),
                  model.predict(part_of_sequence(1), {.batch_size = 2})));
}
