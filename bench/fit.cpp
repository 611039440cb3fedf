// Times an epoch of fit(). bench/fit_compare.py runs it beside the same programs of other libraries.

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include <unspool/unspool.h>

namespace {

using namespace unspool;

/// A model, its data, and how much of them an epoch takes.
struct Work {
  Model model;
  Tensor x;
  Tensor y;
  Index batch_size;
};

Tensor random_tokens(const Shape& shape) { return cast(random_uniform(shape, 0, 65), int32); }

Work digits() {
  const Index images = 1437;
  const Tensor x = random_uniform({images, 8, 8});
  Sequential model(
      {Input({.shape = {8, 8}}), SimpleRNN({.units = 64}), Dense({.units = 10, .activation = "softmax"})});
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  return {model, x, cast(random_uniform({images}, 0, 10), int32), 32};
}

Work text() {
  const Index sequences = 640;
  Sequential model({Input({.shape = {100}, .dtype = int32}), Embedding({.input_dim = 65, .output_dim = 64}),
                    LSTM({.units = 256, .return_sequences = true}), Dense({.units = 65})});
  model.compile({.optimizer = "adam",
                 .loss = SparseCategoricalCrossentropy({.from_logits = true}),
                 .metrics = {"accuracy"}});
  return {model, random_tokens({sequences, 100}), random_tokens({sequences, 100}), 64};
}

/// A network of nothing, which shows what fit() costs beside the layers.
Work nothing() {
  Sequential model({Input({.shape = {1, 1}}), SimpleRNN({.units = 1}), Dense({.units = 1})});
  model.compile({.optimizer = "adam", .loss = "mse"});
  return {model, random_normal({2000, 1, 1}), random_normal({2000, 1}), 1};
}

/// Prints the milliseconds of a batch in each epoch but the first.
class Times : public Callback {
 public:
  void on_epoch_begin(Index) override { start_ = Clock::now(); }
  void on_epoch_end(Index epoch, Logs&) override {
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
    if (epoch > 0) ms_.push_back(ms);
  }
  const std::vector<double>& ms() const { return ms_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_;
  std::vector<double> ms_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "usage: fit digits|text|nothing EPOCHS THREADS\n";
    return 2;
  }
  const std::string name = arguments[1];
  set_num_threads(std::atoi(arguments[3]));
  set_seed(1);
  Work work = name == "digits" ? digits() : name == "text" ? text() : nothing();
  const auto times = make<Times>();
  work.model.fit(work.x, work.y,
                 {.batch_size = work.batch_size,
                  .epochs = 1 + std::atol(arguments[2]),
                  .verbose = 0,
                  .callbacks = {times}});
  const Index samples = work.x.shape()[0];
  const double batches = static_cast<double>((samples + work.batch_size - 1) / work.batch_size);
  std::cout << "{\"ms\": [";
  for (std::size_t i = 0; i < times->ms().size(); ++i) {
    std::cout << (i > 0 ? ", " : "") << times->ms()[i] / batches;
  }
  std::cout << "]}\n";
}
