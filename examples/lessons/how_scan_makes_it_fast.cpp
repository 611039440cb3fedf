// How scan makes a cell fast: from equations to a loop with one product and one pass over the elements.
//
//     scripts/example.sh how_scan_makes_it_fast
//
// A cell written by hand is a dozen operations. Run one by one, each reads its operands from memory and
// writes its result back, at each time step. RNN calls the cell once, on tensors without values, and so gets
// the list of its operations. Then it asks of each operation what it depends on, and who needs it (loop
// fission):
//
// - The product of the input and its weights does not depend on the state. It leaves the loop, and is
//   computed for many time steps at once, as one large product, which is faster than many small ones.
// - The product of the state and its weights must stay in the loop. It adds to the sums that the product of
//   the input has left, in their memory.
// - Everything else in the loop works by elements: gates and states are computed in one pass, in registers
//   (loop fusion). Splitting the sums into gates moves no data.
// - The backward pass is compiled by the same rules. The gradient with respect to a weight is a sum over
//   time steps that the loop does not need, so it comes after the loop, as one large product again.
//
// The program prints the plan of an LSTM written by hand, counts what it says, and compares the results with
// those of the plain loop. Times differ from run to run and go to standard error.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include <unspool/unspool.h>

#include "lesson.h"

using namespace unspool;

namespace {

constexpr Index batch = 32, steps = 100, features = 64, state_size = 64;

/// An LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).
class HandWrittenLSTM : public Cell {
 public:
  explicit HandWrittenLSTM(Index units)
      : Cell({.state_sizes = {units, units}, .state_names = {"h", "c"}}), units_(units) {}

  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), 4 * units_}});
    recurrent_ = add_weight({.name = "recurrent_kernel", .shape = {units_, 4 * units_}});
    bias_ = add_weight({.name = "bias", .shape = {4 * units_}, .initializer = "zeros"});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const auto [ai, af, ag, ao] = split<4>(matmul(x, kernel_) + bias_ + matmul(states[0], recurrent_));
    const Tensor i = labeled(sigmoid(ai), "i");
    const Tensor f = labeled(sigmoid(af), "f");
    const Tensor g = labeled(tanh(ag), "g");
    const Tensor o = labeled(sigmoid(ao), "o");
    const Tensor c = f * states[1] + i * g;
    const Tensor h = o * tanh(c);
    return {h, {h, c}};
  }

 private:
  Index units_;
  Variable kernel_, recurrent_, bias_;
};

/// What a phase of a plan computes, "in the loop" of "backward" for instance.
struct Phase {
  std::string text;
  int products = 0;     // Of matrices.
  int passes = 0;       // Over elements.
  int elementwise = 0;  // Operations in these passes.
};

Phase phase_of(const std::string& plan, const std::string& direction, const std::string& name) {
  Phase phase;
  std::istringstream lines(plan);
  bool right_direction = false, here = false;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == 0) right_direction = line == direction;
    if (indent <= 2) here = right_direction && line.substr(indent) == name;
    if (!here || indent <= 2) continue;
    phase.text += line + "\n";
    if (line.find(" times ") != std::string::npos) ++phase.products;
    // The operations of a pass stand below a line that says how they run.
    if (indent == 4 && line.find(" = ") == std::string::npos && line.find(" += ") == std::string::npos)
      ++phase.passes;
    if (indent == 6) ++phase.elementwise;
  }
  return phase;
}

/// Prints a phase, and what is to be seen in it.
Phase show(const std::string& plan, const std::string& direction, const std::string& name, const char* why) {
  const Phase phase = phase_of(plan, direction, name);
  std::printf("%s, %s: %s\n\n%s\n", direction.c_str(), name.c_str(), why, phase.text.c_str());
  return phase;
}

struct Result {
  Tensor y;
  std::vector<Tensor> gradients;
  std::size_t records;
};

Result train_once(const Ref<layers::RNN>& rnn, const Tensor& x) {
  GradientTape tape;
  tape.watch(x);
  const Tensor y = rnn(x);
  const std::size_t records = tape.size();
  const Tensor loss = mean(square(y));
  std::vector<Source> sources{x};
  for (const Variable& weight : rnn->weights()) sources.push_back(weight);
  return {y, tape.gradient(loss, sources), records};
}

double fastest_of_five(const Ref<layers::RNN>& rnn, const Tensor& x) {
  double fastest = HUGE_VAL;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    train_once(rnn, x);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fastest = std::min(fastest, seconds.count());
  }
  return fastest;
}

void teach(lesson::Claims& claims) {
  set_seed(1);
  const Tensor x = random_normal({batch, steps, features}, 0, 1, float32, 2);
  const auto compiled = RNN(make<HandWrittenLSTM>(state_size), {.return_sequences = true});
  const auto one_by_one = RNN(compiled->cell(), {.return_sequences = true, .unroll = true});
  const Result fast = train_once(compiled, x), slow = train_once(one_by_one, x);

  const std::string plan = compiled->plan();
  std::printf("A line is an operation on the values of one time step. %%9 is a value without a name.\n\n");
  const Phase before =
      show(plan, "forward", "before the loop", "x times its weights, for many steps at once");
  const Phase loop = show(plan, "forward", "in the loop",
                          "the product of h is added to those sums, and one pass does the rest");
  const Phase back = show(plan, "backward", "in the loop", "one pass for all gates, and one product for dh");
  const Phase after =
      show(plan, "backward", "after the loop", "the sums over time, and dx for many steps at once");

  claims.check(before.products == 1, "forward, the product of the input is before the loop");
  claims.check(loop.products == 1 && loop.passes == 1 && loop.elementwise == 9,
               "in the loop there are one product and one pass of 9 operations");
  claims.check(back.products == 1 && back.passes == 1,
               "backward, too, the loop has one product and one pass");
  claims.check(after.products == 3, "the products for x, kernel and recurrent_kernel are after the loop");
  std::printf("\nThe tape of the plain loop has %zu records, %.0f a step; that of the scan has %zu.\n\n",
              slow.records, static_cast<double>(slow.records) / steps, fast.records);
  double worst = lesson::difference(fast.y, slow.y);
  for (std::size_t i = 0; i < fast.gradients.size(); ++i) {
    const double largest = max(abs(slow.gradients[i])).item<double>();
    worst = std::max(worst, lesson::difference(fast.gradients[i], slow.gradients[i]) / largest);
  }
  claims.check(worst <= 1e-5,
               "outputs and gradients of both agree to 1e-5 of the largest element, in float32");

  for (const Index rows : {Index{1}, batch}) {
    const Tensor part = slice(x, 0, 0, rows);
    const double slow_time = fastest_of_five(one_by_one, part), fast_time = fastest_of_five(compiled, part);
    std::fprintf(stderr, "batch %d: one by one %.2f ms, by scan %.2f ms, %.1f times as fast\n",
                 static_cast<int>(rows), 1e3 * slow_time, 1e3 * fast_time, slow_time / fast_time);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run("how_scan_makes_it_fast", argc, argv,
                     [](lesson::Claims& claims, const auto&) { teach(claims); });
}
