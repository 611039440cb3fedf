// Variational dropout: one mask for a whole sequence, not a new one at each step.
//
//     scripts/example.sh variational_dropout
//
// Dropout sets a random part of the values to 0, and multiplies the others by 1 / (1 - rate), so that the
// mean stays. In a recurrent net with a new mask at each step, a value that has to be remembered is at risk
// at each step anew: after T steps it is still there with probability (1 - rate)^T, so long memories cannot
// be trained. Gal and Ghahramani (2016) derive from approximate variational inference that the mask of a
// sequence should be the same at all its steps: dropout then takes units out of the net, not memories out of
// units. Keras' arguments dropout and recurrent_dropout do this, for the input and for the state.
//
// The program reads the masks from a tape that keeps all, beside those of a cell that draws at each step.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <unspool/unspool.h>

#include "lesson.h"

using namespace unspool;

namespace {

constexpr Index steps = 10, features = 16, units = 500;
constexpr double rate = 0.25;

/// A SimpleRNN with a new dropout mask for the state at each step.
class NewMaskCell : public Cell {
 public:
  explicit NewMaskCell(Index size) : Cell({.state_sizes = {size}}), units_(size) {}

  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), units_}});
    recurrent_ =
        add_weight({.name = "recurrent_kernel", .shape = {units_, units_}, .initializer = "orthogonal"});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor mask = labeled(dropout(Tensor::ones(states[0].shape()), rate), "recurrent_dropout");
    const Tensor h = tanh(matmul(x, kernel_) + matmul(states[0] * mask, recurrent_));
    return {h, {h}};
  }

 private:
  Index units_;
  Variable kernel_, recurrent_;
};

using Mask = std::vector<double>;

/// The masks of a training call with this name, one for each step.
std::vector<Mask> masks_of(const Ref<Layer>& rnn, const Tensor& x, const std::string& name) {
  GradientTape tape({.keep_all = true});
  const Tensor start = Tensor::zeros({1, units});
  // A tape records what depends on what it watches: so it sees both masks from the first step on.
  tape.watch(x);
  tape.watch(start);
  rnn(x, {.training = true, .initial_state = {start}});
  const TapeView view = tape.view();
  std::vector<Mask> masks(static_cast<std::size_t>(steps));
  for (const TapeRecord& record : view.records) {
    for (const std::size_t input : record.inputs) {
      const TapeValue& value = view.values[input];
      if (record.step >= 0 && value.name.starts_with(name))
        masks.at(static_cast<std::size_t>(record.step)) = value.tensor.to_vector<double>();
    }
  }
  return masks;
}

/// The share of units that no step drops.
double never_dropped(const std::vector<Mask>& masks) {
  double count = 0;
  for (std::size_t unit = 0; unit < masks.front().size(); ++unit) {
    bool kept = true;
    for (const Mask& mask : masks) kept = kept && mask[unit] != 0;
    count += kept ? 1 : 0;
  }
  return count / static_cast<double>(masks.front().size());
}

/// The first 16 elements of a mask, "x.xx": a dot is 0.
std::string text_of(const Mask& mask) {
  std::string text;
  for (std::size_t i = 0; i < 16; ++i) text += mask.at(i) == 0 ? '.' : 'x';
  return text;
}

/// Whether a share of `n` independent draws is within four standard deviations of its probability.
bool is_likely(double share, double probability, double n) {
  return std::fabs(share - probability) <= 4 * std::sqrt(probability * (1 - probability) / n);
}

void teach(lesson::Claims& claims) {
  set_seed(1);
  const Tensor x = random_normal({1, steps, features}, 0, 1, float32, 2);
  const auto variational = [](std::int64_t seed) {
    return SimpleRNN(
        {.units = units, .dropout = rate, .recurrent_dropout = rate, .return_sequences = true, .seed = seed});
  };
  const std::vector<Mask> input_masks = masks_of(variational(5), x, "input_dropout");
  const std::vector<Mask> state_masks = masks_of(variational(5), x, "recurrent_dropout");
  const std::vector<Mask> new_masks = masks_of(RNN(make<NewMaskCell>(units)), x, "recurrent_dropout");

  std::printf("Masks at a rate of %g, for 16 features and the first 16 of %d units; a dot is 0:\n\n", rate,
              static_cast<int>(units));
  std::printf("step   %-20s %-20s %s\n", "dropout", "recurrent_dropout", "a new mask each step");
  for (std::size_t t = 0; t < new_masks.size(); ++t) {
    std::printf("%4zu   %-20s %-20s %s\n", t, text_of(input_masks[t]).c_str(),
                text_of(state_masks[t]).c_str(), text_of(new_masks[t]).c_str());
  }
  bool all_equal = true, all_differ = true, two_values = true;
  double zeros = 0, sum = 0, count = 0;
  for (std::size_t t = 0; t < new_masks.size(); ++t) {
    all_equal = all_equal && input_masks[t] == input_masks[0] && state_masks[t] == state_masks[0];
    all_differ = all_differ && (t == 0 || new_masks[t] != new_masks[t - 1]);
    for (const double value : new_masks[t]) {
      two_values = two_values && (value == 0 || std::fabs(value - 1 / (1 - rate)) < 1e-6);
      zeros += value == 0 ? 1 : 0;
      sum += value;
      count += 1;
    }
  }
  std::printf(
      "\nUnits that no step drops: %.3f and %.3f; expected 1 - rate = %.3f and (1 - rate)^%d = %.3f\n",
      never_dropped(state_masks), never_dropped(new_masks), 1 - rate, static_cast<int>(steps),
      std::pow(1 - rate, steps));
  std::printf("Of %.0f elements the mean is %.3f, and a share of %.3f is 0.\n\n", count, sum / count,
              zeros / count);
  claims.check(all_equal, "dropout and recurrent_dropout have one mask each for all steps");
  claims.check(all_differ, "the other cell has another one at each step");
  claims.check(two_values, "an element is 0 or 1 / (1 - rate)");
  const double n = static_cast<double>(units);
  claims.check(is_likely(never_dropped(state_masks), 1 - rate, n) &&
                   is_likely(never_dropped(new_masks), std::pow(1 - rate, steps), n),
               "the shares of units that are never dropped are as expected, within four standard deviations");
  claims.check(is_likely(zeros / count, rate, count) && is_likely(sum / count * (1 - rate), 1 - rate, count),
               "so are the share of zeros, and the mean of the elements, which is 1");

  const SimpleRNN a = variational(5), b = variational(5);
  const SimpleRNN plain({.units = units, .return_sequences = true});
  for (const Ref<Layer>& layer : {Ref<Layer>(a), Ref<Layer>(b), Ref<Layer>(plain)})
    layer->build_once(x.shape());
  b->set_weights(a->get_weights());
  plain->set_weights(a->get_weights());
  claims.check(lesson::difference(a(x), plain(x)) == 0, "outside of training nothing is dropped, to the bit");
  const CallArgs training{.training = true};
  const Tensor first = a(x, training), second = a(x, training);
  claims.check(lesson::difference(first, b(x, training)) == 0,
               "two layers with one seed drop the same, to the bit");
  claims.check(lesson::difference(first, second) > 0, "the next call has another mask");
  claims.check(lesson::difference(second, b(x, training)) == 0, "and the same one in both layers");
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run("variational_dropout", argc, argv,
                     [](lesson::Claims& claims, const auto&) { teach(claims); });
}
