// A program for scripts/check-gdb.sh, which stops in stop_here() and prints what main() has.
#include <unspool/unspool.h>

using namespace unspool;

namespace {

volatile int steps = 0;
[[gnu::noinline]] void stop_here() { steps = steps + 1; }

}  // namespace

int main() {
  const Tensor floats = Tensor::of({{1, 2.5, 0.1}, {10, -1e-9, 3}});
  const Tensor doubles = Tensor::of<double>({{{1}, {0.1}}});
  const Tensor numbers = Tensor::arange(0, 1000, 1, int64);
  const Tensor truths = floats > 2;
  const Tensor scalar = Tensor::scalar(7);
  const Tensor nothing = Tensor::zeros({0, 3});
  const Tensor empty;
  const Shape shape{None, 16};
  const Variable variable(floats, {.name = "kernel"});
  const Variable no_variable;
  const Config config = Config::map({{"units", 3},
                                     {"rate", 0.5},
                                     {"name", "a \"cell\""},
                                     {"axes", Config::list({1, nullptr, true})},
                                     {"none", Config()}});
  const auto layer = LSTM({.units = 2});
  const bool named = !layer.name().empty();
  const auto unnamed = SimpleRNN({.units = 2});
  const Ref<Layer> base = GRU({.units = 2, .name = "gate"});
  const Ref<Layer> no_layer;
  const auto source = Input({.shape = {None, 3}});
  stop_here();
  const auto outputs = LSTM({.units = 2, .return_state = true})(Tensor::ones({1, 2, 3}));
  stop_here();
  return !named || floats.describe().empty() || variable.describe().empty() || config.describe().empty();
}
