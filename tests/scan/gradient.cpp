#include <doctest/doctest.h>

#include "programs.h"

using namespace unspool;
using namespace unspool::testing;
using scan_compiler::to_string;

// The gradient of a scan is a scan in the other direction.

TEST_CASE("gradient: a SimpleRNN by the formulas") {
  // da = (1 - h_t^2) (dh + dy_t); dh = da U^T; dx_t = da W^T; dU += h_(t-1)^T da; dW += x_t^T da; db += da.
  // x0 is dy, x1 is h_t, x2 is x, x3 is h_(t-1).
  CHECK(to_string(gradient_program(simple_rnn_program()).backward->program()) == R"(  carry c0 float32[2, 3]
  sequence x0 float32[2, 3]
  sequence x1 float32[2, 3]
  sequence x2 float32[2, 4]
  sequence x3 float32[2, 3]
  captured w0 float32[4, 3]
  captured w1 float32[3, 3]
  %2 float32[2, 3] = add(c0, x0)
  %4 float32[2, 3] = tanh_gradient(x1, %2)
  %5 float32[3] = sum_to(%4, shape=[3])
  %8 float32[2, 4] = matmul(%4, w0, transpose_a=false, transpose_b=true)
  %9 float32[4, 3] = matmul(x2, %4, transpose_a=true, transpose_b=false)
  %12 float32[2, 3] = matmul(%4, w1, transpose_a=false, transpose_b=true)
  %13 float32[3, 3] = matmul(x3, %4, transpose_a=true, transpose_b=false)
  next carry %12
  stacked output %8
  output summed over time %13
  output summed over time %9
  output summed over time %5
  from the last step to the first
)");
}

TEST_CASE("gradient: the forward program outputs the residuals that the gradient reads, and nothing twice") {
  // Of a SimpleRNN the state as steps get it: its output, the state as steps leave it, is there anyway.
  const auto& rnn = gradient_program(simple_rnn_program()).forward->program();
  CHECK(rnn.stacked_outputs.size() == 2);
  CHECK(rnn.stacked_outputs[1].value == rnn.carries[0]);
  // Of a simple recurrent unit both gates, the candidate z, the skip s, tanh(c') and c, but neither 1 - f nor
  // 1 - r.
  const auto& sru = gradient_program(sru_program()).forward->program();
  CHECK(sru.stacked_outputs.size() == 1 + 6);
}
