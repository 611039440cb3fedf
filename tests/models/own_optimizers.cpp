#include <doctest/doctest.h>
#include <functional>

#include <unspool/unspool.h>

#include "../layers/support.h"
#include "../serialization/folder.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A GAN: a generator and a critic of numbers, each with an optimizer.
class Gan : public ModelBase {
 public:
  using ModelBase::ModelBase;
  Tensor call(const Tensor& x, const CallArgs&) override { return critic_(generator_(x)); }
  std::vector<Optimizer> optimizers() override { return {g_optimizer_, d_optimizer_}; }
  Logs train_step(const Batch& batch) override {
    const Tensor real = batch.x[0];
    const Tensor noise = random_normal(real.shape());
    const Tensor one = ones({real.shape()[0], 1});
    const Loss bce = BinaryCrossentropy({.from_logits = true});
    const double d_loss = step(critic_, d_optimizer_, [&] {
      return bce(one, critic_(real)) + bce(one * 0, critic_(generator_(noise)));
    });
    const double g_loss =
        step(generator_, g_optimizer_, [&] { return bce(one, critic_(generator_(noise))); });
    return {{"d_loss", d_loss}, {"g_loss", g_loss}};
  }

 private:
  static double step(const Ref<Layer>& part, const Optimizer& optimizer, const std::function<Tensor()>& f) {
    GradientTape tape;
    const Tensor loss = f();
    optimizer.apply(tape.gradient(loss, part->trainable_weights()), part->trainable_weights());
    return loss.item<double>();
  }
  Ref<Layer> generator_ = add_layer("generator", Dense(1));
  Ref<Layer> critic_ = add_layer("critic", Dense(1));
  Optimizer g_optimizer_ = Adam(0.05);
  Optimizer d_optimizer_ = Adam(0.02);
};

Model gan() {
  set_seed(1);
  Model model(make<Gan>());
  model(Tensor::ones({1, 1}));
  model.compile({.loss = "mse"});
  return model;
}

const Tensor& real_numbers() {
  static const Tensor x = some({24, 1}, float32) + 3;
  return x;
}

FitOptions gan_epochs(Index count, Index first = 0) {
  return {.batch_size = 4, .epochs = count, .verbose = 0, .initial_epoch = first};
}

}  // namespace

TEST_CASE("optimizers that a network lists are saved in the native format") {
  static const bool registered = (register_layer<Gan>("test>Gan"), true);
  CHECK(registered);
  const Folder folder;
  Model model = gan();
  model.fit(real_numbers(), {}, gan_epochs(2));
  model.save(folder / "gan.unspool");
  Model again = load_model(folder / "gan.unspool");
  for (Model* each : {&model, &again}) {
    set_seed(5);
    each->fit(real_numbers(), {}, gan_epochs(3, 2));
  }
  CHECK(same_bits(again.get_weights(), model.get_weights()));
}

TEST_CASE("a killed run of a GAN goes on to the same bits") {
  const Folder folder;
  Model whole = gan();
  whole.fit(real_numbers(), {}, gan_epochs(3));
  const auto options = [&](const std::shared_ptr<Callback>& more) {
    FitOptions all = gan_epochs(3);
    all.callbacks = {BackupAndRestore(folder / "backup", {.save_freq = 1}), more};
    return all;
  };
  Model killed = gan();
  const auto kill = LambdaCallback({.on_train_batch_begin = [n = 0](Index) mutable {
    if (++n == 9) throw RuntimeError("killed");
  }});
  CHECK_THROWS_AS(killed.fit(real_numbers(), {}, options(kill)), RuntimeError);
  Model resumed = gan();
  resumed.fit(real_numbers(), {}, options(LambdaCallback({})));
  CHECK(same_bits(resumed.get_weights(), whole.get_weights()));
}
