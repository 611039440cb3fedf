#include <cstring>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <functional>

#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/simple_rnn.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/adafactor.h>
#include <unspool/optim/adam.h>
#include <unspool/optim/nadam.h>
#include <unspool/optim/rmsprop.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>

#include "../serialization/folder.h"
#include "../support/process_memory.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

std::vector<Tensor> values(const std::vector<Variable>& variables) {
  std::vector<Tensor> all;
  for (const Variable& variable : variables) all.push_back(variable.value());
  return all;
}

const Tensor x = random_uniform({30, 4, 2}, -1, 1, float32, RandomKey{7, 0});
const Tensor y = random_uniform({30, 1}, -1, 1, float32, RandomKey{8, 0});

Sequential saved_model(double dropout = 0,
                       const Optimizer& optimizer = Adam({.learning_rate = .01, .clipnorm = 1})) {
  set_seed(3);
  Sequential model(
      {Input({.shape = {4, 2}}), SimpleRNN({.units = 3, .dropout = dropout}), Dense({.units = 1})});
  model.compile({.optimizer = optimizer, .loss = "mse", .metrics = {"mae"}});
  return model;
}

/// A new optimizer of each kind that keeps something of its own.
std::vector<Optimizer> optimizers_with_state() {
  return {Adam({.learning_rate = CosineDecay({.initial_learning_rate = .02, .decay_steps = 15}),
                .amsgrad = true,
                .use_ema = true,
                .ema_momentum = .9}),
          RMSprop({.learning_rate = .01, .momentum = .5, .centered = true, .gradient_accumulation_steps = 3}),
          Adafactor({.learning_rate = .01}), Nadam({.learning_rate = .01})};
}

}  // namespace

TEST_CASE("a model that was saved and loaded is the same") {
  const Folder folder;
  Sequential model = saved_model();
  model.fit(x, y, {.batch_size = 8, .epochs = 2, .verbose = 0});
  model.save(folder / "model");
  Model read = load_model(folder / "model");
  CHECK(read.name() == model.name());
  CHECK(same_bits(read.get_weights(), model.get_weights()));
  CHECK(same_bits(read.predict(x), model.predict(x)));
  CHECK(same_bits(values(read.optimizer().variables()), values(model.optimizer().variables())));
  CHECK(read.optimizer().config() == model.optimizer().config());
  CHECK(read.evaluate(x, y, {.verbose = 0}) == model.evaluate(x, y, {.verbose = 0}));
  CHECK(read.summary_text() == model.summary_text());
  CHECK(read.weights()[0].path() == model.weights()[0].path());

  // The same bytes again.
  read.save(folder / "again");
  CHECK(read_file(folder / "again") == read_file(folder / "model"));
}

TEST_CASE("training goes on to the bit as if it had not been interrupted") {
  for (const double dropout : {0., .3}) {
    CAPTURE(dropout);
    const Folder folder;
    Sequential whole = saved_model(dropout);
    whole.fit(x, y, {.batch_size = 8, .epochs = 5, .verbose = 0});

    Sequential first = saved_model(dropout);
    first.fit(x, y, {.batch_size = 8, .epochs = 2, .verbose = 0});
    first.save(folder / "model");
    set_seed(99);
    Model second = load_model(folder / "model");
    second.fit(x, y, {.batch_size = 8, .epochs = 5, .verbose = 0, .initial_epoch = 2});
    CHECK(same_bits(second.get_weights(), whole.get_weights()));
    CHECK(same_bits(values(second.optimizer().variables()), values(whole.optimizer().variables())));
  }
}

TEST_CASE("what optimizers keep is saved, whatever it is") {
  const std::size_t kinds = optimizers_with_state().size();
  for (std::size_t i = 0; i < kinds; ++i) {
    const Folder folder;
    Sequential whole = saved_model(0, optimizers_with_state()[i]);
    CAPTURE(whole.optimizer()->class_name());
    // Twice: the end of fit puts running means into the weights.
    whole.fit(x, y, {.batch_size = 8, .epochs = 2, .verbose = 0});
    whole.fit(x, y, {.batch_size = 8, .epochs = 4, .verbose = 0, .initial_epoch = 2});

    Sequential first = saved_model(0, optimizers_with_state()[i]);
    first.fit(x, y, {.batch_size = 8, .epochs = 2, .verbose = 0});
    first.save(folder / "model");
    Model second = load_model(folder / "model");
    CHECK(second.optimizer().config() == whole.optimizer().config());
    second.fit(x, y, {.batch_size = 8, .epochs = 4, .verbose = 0, .initial_epoch = 2});
    CHECK(same_bits(second.get_weights(), whole.get_weights()));
    CHECK(same_bits(values(second.optimizer().variables()), values(whole.optimizer().variables())));
  }
}

TEST_CASE("models that were never compiled, never trained, or have frozen layers") {
  const Folder folder;
  const Sequential bare({Input({.shape = {2}}), Dense({.units = 1})});
  bare.save(folder / "bare");
  CHECK_FALSE(load_model(folder / "bare").compiled());

  Sequential fresh = saved_model();
  fresh.save(folder / "fresh");
  Model read = load_model(folder / "fresh");
  CHECK(read.compiled());
  CHECK_FALSE(read.optimizer()->built());
  CHECK(read.train_on_batch(x, y) == fresh.train_on_batch(x, y));

  // The optimizer has slots for what trained then.
  fresh->sublayers()[0]->set_trainable(false);
  fresh.save(folder / "frozen");
  Model frozen = load_model(folder / "frozen");
  CHECK(frozen->trainable_weights().size() == 2);
  CHECK(same_bits(values(frozen.optimizer().variables()), values(fresh.optimizer().variables())));
  CHECK(frozen.train_on_batch(x, y) == fresh.train_on_batch(x, y));
}

TEST_CASE("weights alone, into a model of other names") {
  const Folder folder;
  const Sequential from({Input({.shape = {2}}), Dense({.units = 3}), Dense({.units = 1})});
  from.save_weights(folder / "weights");
  Sequential to({Input({.shape = {2}}), Dense({.units = 3}), Dense({.units = 1})});
  CHECK(to.weights()[0].path() != from.weights()[0].path());
  to.load_weights(folder / "weights");
  CHECK(same_bits(to.get_weights(), from.get_weights()));
  from.save(folder / "model");
  Sequential other({Input({.shape = {2}}), Dense({.units = 3}), Dense({.units = 1})});
  other.load_weights(folder / "model");
  CHECK(same_bits(other.get_weights(), from.get_weights()));

  Sequential wide({Input({.shape = {2}}), Dense({.units = 4}), Dense({.units = 1})});
  const std::vector<Tensor> before = wide.get_weights();
  CHECK_THROWS_WITH_AS(wide.load_weights(folder / "weights"),
                       doctest::Contains("expected the shape [2, 4] of kernel in \"weights/"), FileError);
  Sequential deep({Input({.shape = {2}}), Dense({.units = 3}), Dense({.units = 1}), Dense({.units = 1})});
  CHECK_THROWS_WITH_AS(deep.load_weights(folder / "weights"), doctest::Contains("expected 6 tensors"),
                       FileError);
  CHECK(same_bits(wide.get_weights(), before));
  CHECK_THROWS_WITH_AS(load_model(folder / "weights"), doctest::Contains("\"weights\""), FileError);
}

TEST_CASE("models in models") {
  const Folder folder;
  const Sequential inner({Dense({.units = 3}), Dense({.units = 2})});
  const Sequential outer({Input({.shape = {2}}), inner, Dense({.units = 1})});
  outer.save(folder / "model");
  const Model read = load_model(folder / "model");
  const Tensor in = random_uniform({5, 2});
  CHECK(same_bits(read.predict(in), outer.predict(in)));
  CHECK(read.get_layer(inner.name())->sublayers().size() == 2);
}

TEST_CASE("a stateful model keeps its batch size, and its layers their nodes") {
  const Folder folder;
  const Sequential model({Input({.batch_shape = {2, 3, 1}}), SimpleRNN({.units = 4, .stateful = true})});
  model.save(folder / "model");
  const Model again = load_model(folder / "model");
  CHECK(again.layers()[0]->output_shape() == Shape{2, 4});
  CHECK(again.weights()[0].path() == model.weights()[0].path());
  const Tensor ones = Tensor::ones({2, 3, 1});
  CHECK(same_bits(again(ones), model(ones)));
}

TEST_CASE("any damage to a file is noticed, and the model stays as it was") {
  const Folder folder;
  set_seed(1);
  Sequential model({Input({.shape = {2}}), Dense({.units = 1, .name = "d"})}, {.name = "m"});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  model.save(folder / "model");
  const std::string whole = read_file(folder / "model");
  const std::vector<Tensor> before = model.get_weights();
  REQUIRE(whole.size() < 4096);

  const auto refused = [&](const std::string& bytes) {
    // Not synced to the disk: there are thousands of them.
    std::ofstream(folder / "bad", std::ios::binary) << bytes;
    bool both = false;
    try {
      load_model(folder / "bad");
    } catch (const FileError&) {
      both = true;
    }
    try {
      model.load_weights(folder / "bad");
      return false;
    } catch (const FileError&) {
      return both && same_bits(model.get_weights(), before);
    }
  };
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    if (!refused(whole.substr(0, size))) FAIL("a cut was not noticed");
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    CAPTURE(at);
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ static_cast<char>(1 << (at % 8)));
    if (!refused(changed)) FAIL("a changed byte was not noticed");
  }
  CHECK_THROWS_AS(load_model(folder / "none"), FileError);
}

TEST_CASE("loading a model takes the memory of its file, not that of initial weights beside it") {
  const Folder folder;
  const auto made = [] {
    Sequential model(
        {Input({.shape = {10, 64}}),
         LSTM({.units = 700, .recurrent_initializer = "glorot_uniform", .return_sequences = true}),
         GRU({.units = 700, .recurrent_initializer = "glorot_uniform"})});
    model.compile({.optimizer = Adam({.learning_rate = .01}), .loss = "mse"});
    model.optimizer()->build(model.trainable_weights());
    return model;
  };
  for (const char* const name : {"m.unspool", "m.keras"}) {
    CAPTURE(name);
    const std::string path = folder / name;
    // Both in processes of their own, so that none has memory to take again.
    CHECK(growth_of_peak([&] { made().save(path); }) > 0);
    const auto bytes = static_cast<double>(std::filesystem::file_size(path));
    CHECK(bytes > 60e6);
    const auto growth = static_cast<double>(growth_of_peak([&] { load_model(path); }));
    CHECK(growth > bytes);
    CHECK(growth < 1.2 * bytes + quarantined_memory);
  }
}

TEST_CASE("files that are whole and hold something else") {
  Sequential model = saved_model();
  model.train_on_batch(x, y);
  const Snapshot good = to_snapshot(model);
  const auto changed = [&](const std::function<void(Config&, std::vector<NamedTensor>&)>& change) {
    Snapshot bad = good;
    change(bad.config, bad.tensors);
    return bad;
  };
  const auto says = [&](const Snapshot& bad, const char* what) {
    CHECK_THROWS_WITH_AS(from_snapshot(bad, "file"), doctest::Contains(what), FileError);
  };
  says({}, "file");
  says(changed([](Config& config, auto&) { config.set("version", 2); }),
       "expected version 1 of the model format, got 2");
  says(changed([](Config& config, auto&) { config.set("kind", "cake"); }), "cake");
  says(changed([](Config& config, auto&) { config.erase("inputs"); }), "inputs");
  says(changed([](Config& config, auto&) { config.set("inputs", Config::list()); }), "file");
  says(changed([](Config&, auto& tensors) { tensors.pop_back(); }), "optimizer");
  says(changed([](Config&, auto& tensors) { tensors.erase(tensors.begin()); }), "weights");
  says(changed([](Config&, auto& tensors) { tensors[0].tensor = Tensor::zeros({9}); }), "float32[9]");
  says(changed([](Config&, auto& tensors) {
         tensors[0].tensor = Tensor::zeros({2, 3}, float64);
       }),
       "float64");
  const auto in_compile = [&](const char* key, const Config& value) {
    return changed([&](Config& config, auto&) {
      Config compile = config["compile"];
      config.set("compile", compile.set(key, value));
    });
  };
  says(in_compile("loss", "mean_cube"), "mean_cube");
  says(in_compile("optimizer", "adan"), "adan");
  says(in_compile("built_for", Config::list({Config(100)})), "100");
  says(in_compile("metrics", 5), "metrics");
  CHECK_NOTHROW(from_snapshot(good));
}

TEST_CASE("what cannot be saved") {
  const Folder folder;
  CHECK_THROWS_WITH_AS(Sequential({Dense({.units = 1})}).save(folder / "model"), doctest::Contains("Input"),
                       ValueError);
  const Sequential built({Input({.shape = {2}}), Dense({.units = 1})});
  CHECK_THROWS_AS(built.save(folder / "model.h5"), ValueError);
  CHECK_THROWS_AS(built.save_weights(folder / "model.keras"), ValueError);
  CHECK_THROWS_AS(built.save(folder / "no/such/folder"), FileError);
  Sequential own = built;
  own.compile({.optimizer = "sgd", .loss = [](const Tensor& a, const Tensor&) { return a; }});
  CHECK_THROWS_WITH_AS(own.save(folder / "model"), doctest::Contains("register_loss"), ValueError);
  CHECK(folder.entries() == 0);
}
