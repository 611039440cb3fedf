#include <doctest/doctest.h>

#include "programs.h"

using namespace unspool;
using namespace unspool::testing;
using scan_compiler::to_string;

// The first stage: what the step does, once.

TEST_CASE("trace: a SimpleRNN") {
  CHECK(to_string(simple_rnn_program()->program()) == R"(  carry c0 float32[2, 3]
  sequence x0 float32[2, 4]
  captured w0 float32[3, 3]
  captured w1 float32[4, 3]
  captured w2 float32[3]
  %3 float32[2, 3] = matmul(c0, w0, transpose_a=false, transpose_b=false)
  %5 float32[2, 3] = matmul(x0, w1, transpose_a=false, transpose_b=false)
  %7 float32[2, 3] = add(%5, w2)
  %8 float32[2, 3] = add(%7, %3)
  %9 float32[2, 3] = tanh(%8)
  next carry %9
  stacked output %9
)");
}

TEST_CASE("trace: options of the scan are part of the program") {
  const std::string text = to_string(simple_rnn_program({.reverse = true, .time_axis = 1})->program());
  CHECK(text.find("sequence x0 float32[2, 4], time is its second axis") != std::string::npos);
  CHECK(text.find("stacked output %9, time is its second axis") != std::string::npos);
  CHECK(text.find("from the last step to the first") != std::string::npos);
}

TEST_CASE("trace: programs of one structure are one object, and others are not") {
  CHECK(simple_rnn_program() == simple_rnn_program());
  CHECK(simple_rnn_program() != simple_rnn_program({.reverse = true}));
  CHECK(simple_rnn_program() != simple_rnn_program({.tuning = {.longest_chunk = 2}}));
}

TEST_CASE("trace: uses that no output needs are dropped, inputs stay") {
  const Tensor w = Tensor::ones({3});
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    const Tensor unused = exp(carry[0]) * w;
    return ScanStep{.carry = {carry[0] + x[0]}};
  };
  const auto program =
      scan_compiler::trace_scan(step, {Tensor::zeros({2, 3})}, {Tensor::ones({5, 2, 3})}, {}).program;
  CHECK(program->program().uses.size() == 1);
  CHECK(program->program().captured.size() == 1);
}
