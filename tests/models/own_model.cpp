#include <doctest/doctest.h>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/reduction.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/noise.h>
#include <unspool/layers/registry.h>
#include <unspool/models/model.h>
#include <unspool/optim/adam.h>

#include "../layers/support.h"
#include "../serialization/folder.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

struct OwnNetOptions {
  Index units = 4;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields() {
    using O = OwnNetOptions;
    static const Fields all =
        fields_of<O>(field("units", &O::units), field("name", &O::name), field("trainable", &O::trainable),
                     field("dtype", &O::dtype), field("activity_regularizer", &O::activity_regularizer));
    return all;
  }
};

/// What a subclass of Keras' Model is: layers as members, and a call.
class OwnNet : public Layer {
 public:
  using Options = OwnNetOptions;
  explicit OwnNet(OwnNetOptions options = {}) : Layer(layer_options(options)), options_(options) {}
  Tensor call(const Tensor& x, const CallArgs& args) override {
    return out_(dropout_(hidden_(x), {.training = args.training}));
  }
  Config get_config() const override { return config_of(options_); }

 private:
  OwnNetOptions options_;
  Ref<Layer> hidden_ = add_layer("hidden", LSTM({.units = options_.units}));
  Ref<Layer> dropout_ = add_layer("dropout", Dropout({.rate = 0.1}));
  Ref<Layer> out_ = add_layer("out", Dense({.units = 1}));
};

/// A callback with a constructor.
class CountEpochs : public Callback {
 public:
  explicit CountEpochs(int first) : epochs(first) {}
  void on_epoch_end(Index, Logs&) override { ++epochs; }
  int epochs;
};

}  // namespace

TEST_CASE("a model of one's own: layers as members, and a call") {
  register_layer<OwnNet>("test>OwnNet");
  set_seed(2);
  const Tensor x = some({24, 5, 2}, float32);
  const Tensor y = sum(x, {1, 2}) * 3;
  Model model(make<OwnNet>(OwnNetOptions{.units = 6}));
  model.compile({.optimizer = Adam(0.05), .loss = "mse"});
  const auto counted = make<CountEpochs>(1);
  const History history = model.fit(x, y, {.epochs = 20, .verbose = 0, .callbacks = {counted}});
  CHECK(counted->epochs == 21);
  CHECK(history["loss"].back() < 0.3 * history["loss"].front());
  CHECK(model.layers().size() == 3);
  CHECK(model.weights().size() == 5);
  CHECK(model.summary_text().find("Total params") != std::string::npos);

  const Folder folder;
  model.save(folder / "own.unspool");
  Model again = load_model(folder / "own.unspool");
  CHECK(same_bits(again.predict(x), model.predict(x)));
  model.fit(x, y, {.epochs = 22, .verbose = 0, .initial_epoch = 20});
  again.fit(x, y, {.epochs = 22, .verbose = 0, .initial_epoch = 20});
  CHECK(same_bits(again.get_weights(), model.get_weights()));
}

TEST_CASE("a layer without build() has the paths of its first call, however it is built") {
  const auto path = [](const Ref<OwnNet>& net) {
    const std::string whole = net->weights().front().path();
    return whole.substr(net->name().size());
  };
  const auto by_shape = make<OwnNet>();
  by_shape->build_once({unknown, 5, 2});
  const auto by_call = make<OwnNet>();
  by_call(some({2, 5, 2}, float32));
  CHECK(path(by_shape).starts_with("/lstm"));
  CHECK(path(by_call).starts_with("/lstm"));
}
