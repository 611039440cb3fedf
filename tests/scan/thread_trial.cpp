#include <chrono>
#include <doctest/doctest.h>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/scan.h>
#include <unspool/autograd/scan/executable.h>
#include <unspool/autograd/scan/plan.h>
#include <unspool/autograd/scan/thread_trial.h>
#include <unspool/autograd/scan/traced_scan.h>
#include <unspool/core/threads.h>

using namespace unspool;
using namespace unspool::scan_compiler;
using std::chrono::nanoseconds;

namespace {

/// Runs a round on a machine where a step takes so long on many threads and on few. Returns how many of its
/// runs were on few.
int few_in_round(ThreadTrial& trial, nanoseconds many, nanoseconds few, Index steps) {
  int count = 0;
  for (int run = 0; run < 256; ++run) {
    const ThreadTrial::Turn turn = trial.next();
    if (turn.measured) trial.took(turn, (turn.few ? few : many) * steps, steps);
    count += turn.few ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("thread trial: most runs are as those that were faster, and it notices when that changes") {
  ThreadTrial trial;
  CHECK(few_in_round(trial, nanoseconds(500), nanoseconds(900), 8) == 4);
  CHECK(few_in_round(trial, nanoseconds(1200), nanoseconds(900), 8) == 256 - 2 - 4);
  CHECK(few_in_round(trial, nanoseconds(500), nanoseconds(900), 3) == 4);
}

TEST_CASE("thread trial: other processors are to save a twentieth of the time") {
  ThreadTrial trial;
  CHECK(few_in_round(trial, nanoseconds(980), nanoseconds(1000), 1) == 256 - 2 - 4);
  CHECK(few_in_round(trial, nanoseconds(940), nanoseconds(1000), 1) == 4);
}

TEST_CASE("thread trial: runs of other lengths are compared by the time of a step") {
  ThreadTrial trial;
  for (int run = 0; run < 256; ++run) {
    const ThreadTrial::Turn turn = trial.next();
    const Index steps = turn.few ? 4 : 40;
    if (turn.measured) trial.took(turn, nanoseconds(turn.few ? 900 : 500) * steps, steps);
    if (run >= 10) CHECK_FALSE(turn.few);
  }
}

TEST_CASE("thread trial: a program whose threads it decides gives the same bits in every run") {
  const Tensor w = Tensor::full({64, 64}, 0.02f);
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    const Tensor h = tanh(matmul(carry[0], w) + x[0]);
    return ScanStep{.carry = {h}, .outputs = {h}};
  };
  const Tensor x = random_normal({32, 10, 64});
  const auto run = [&] { return scan(step, {Tensor::zeros({32, 64})}, {x}, {.time_axis = 1}); };
  const int threads = num_threads();
  set_num_threads(1);
  const std::vector<float> alone = run().outputs[0].to_vector<float>();
  set_num_threads(2);
  const Executable executable =
      compile(trace_scan(step, {Tensor::zeros({32, 64})}, {x}, {.time_axis = 1}).program->program());
  REQUIRE(useful_threads(executable, 10, 2) == 2);
  REQUIRE(sure_threads(executable, 10, 2) == 1);
  for (int i = 0; i < 20; ++i) CHECK(run().outputs[0].to_vector<float>() == alone);
  set_num_threads(threads);
}
