#include <doctest/doctest.h>

#include "programs.h"

using namespace unspool;
using namespace unspool::testing;
using namespace unspool::scan_compiler;

// The second stage: when each use runs.

TEST_CASE("assign_phases: of a SimpleRNN the product with the input runs before the loop") {
  CHECK(to_string(assign_phases(simple_rnn_program()->program())) == R"(  2 rows, row-parallel
  before the loop
    %5 float32[2, 3] = matmul(x0, w1, transpose_a=false, transpose_b=false)
    %7 float32[2, 3] = add(%5, w2)
  in the loop
    %3 float32[2, 3] = matmul(c0, w0, transpose_a=false, transpose_b=false)
    %8 float32[2, 3] = add(%7, %3)
    %9 float32[2, 3] = tanh(%8)
)");
}

TEST_CASE("assign_phases: of a SimpleRNN's gradient only the chain through the carry runs in the loop") {
  const auto program = gradient_program(simple_rnn_program()).backward;
  CHECK(to_string(assign_phases(program->program())) == R"(  2 rows, row-parallel
  in the loop
    %2 float32[2, 3] = add(c0, x0)
    %4 float32[2, 3] = tanh_gradient(x1, %2)
    %12 float32[2, 3] = matmul(%4, w1, transpose_a=false, transpose_b=true)
  after the loop
    %5 float32[3] = sum_to(%4, shape=[3])
    %8 float32[2, 4] = matmul(%4, w0, transpose_a=false, transpose_b=true)
    %9 float32[4, 3] = matmul(x2, %4, transpose_a=true, transpose_b=false)
    %13 float32[3, 3] = matmul(x3, %4, transpose_a=true, transpose_b=false)
)");
}

TEST_CASE("assign_phases: of a simple recurrent unit two elementwise operations run in the loop") {
  CHECK(to_string(assign_phases(sru_program()->program())) == R"(  2 rows, row-parallel
  before the loop
    %3 float32[2, 12] = matmul(x0, w0, transpose_a=false, transpose_b=false)
    %4 float32[2, 3], %5 float32[2, 3], %6 float32[2, 3], %7 float32[2, 3] = split(%3, sizes={3, 3, 3, 3}, axis=-1)
    %8 float32[2, 3] = sigmoid(%5)
    %11 float32[2, 3] = subtract(w1, %8)
    %12 float32[2, 3] = multiply(%11, %4)
  in the loop
    %13 float32[2, 3] = multiply(%8, c0)
    %14 float32[2, 3] = add(%13, %12)
  after the loop
    %9 float32[2, 3] = sigmoid(%6)
    %16 float32[2, 3] = subtract(w2, %9)
    %17 float32[2, 3] = multiply(%16, %7)
    %18 float32[2, 3] = tanh(%14)
    %19 float32[2, 3] = multiply(%9, %18)
    %20 float32[2, 3] = add(%19, %17)
)");
}

TEST_CASE("assign_phases: what is the same at all steps runs once, what only the last step needs runs last") {
  const Tensor w = Tensor::ones({3});
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    // Scalars and w are captured: w + w is an operation of the step only if the step sees it as abstract.
    return ScanStep{.carry = {carry[0] + x[0]}, .outputs = {}, .last = {exp(carry[0] * w)}};
  };
  const auto program = trace_scan(step, {Tensor::zeros({2, 3})}, {Tensor::ones({5, 2, 3})}, {}).program;
  const PhasedProgram phased = assign_phases(program->program());
  CHECK(phased.facts(0).phase == Phase::loop);
  CHECK(phased.facts(1).phase == Phase::last);
  CHECK(phased.facts(2).phase == Phase::last);
}

TEST_CASE(
    "assign_phases: an operation of the loop that mixes rows is the reason why it is not row-parallel") {
  const auto step = [](const std::vector<Tensor>& carry, const std::vector<Tensor>&) {
    return ScanStep{.carry = {carry[0] - mean(carry[0], {0}, true)}};
  };
  const auto program = trace_scan(step, {Tensor::ones({2, 3})}, {}, {.steps = 4}).program;
  const PhasedProgram phased = assign_phases(program->program());
  CHECK(phased.not_row_parallel_reason == "mean mixes rows");
  CHECK(phased.rows == 1);
}
