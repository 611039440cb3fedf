#include <doctest/doctest.h>

#include <unspool/autograd/scan/plan.h>
#include <unspool/core/kernels/jit.h>

#include "../support/same_bits.h"
#include "programs.h"

using namespace unspool;
using namespace unspool::testing;
using namespace unspool::scan_compiler;

// The last stage: code and schedules.

TEST_CASE("emit: of a SimpleRNN one product before the loop, and in it a product and a function") {
  const Executable code = compile(simple_rnn_program()->program());
  REQUIRE(code.segments[Phase::before].size() == 1);
  REQUIRE(code.segments[Phase::before][0].code.size() == 1);
  const auto& before = std::get<ProductCode>(code.segments[Phase::before][0].code[0]);
  CHECK(before.left.row_bytes == 4 * 4);
  CHECK(before.result.row_bytes == 3 * 4);
  CHECK(before.start.value == no_value);
  CHECK(before.bias != no_value);
  CHECK(code.segments[Phase::before][0].dense_over_time);
  REQUIRE(code.segments[Phase::loop].size() == 2);
  CHECK(std::get<ProductCode>(code.segments[Phase::loop][0].code[0]).start.value != no_value);
  CHECK(std::holds_alternative<ElementwiseCode>(code.segments[Phase::loop][1].code[0]));
  CHECK(code.reductions.empty());
}

TEST_CASE("emit: runs of elementwise instructions are one loop in machine code, where the machine has it") {
  const Executable code = compile(sru_program()->program());
  REQUIRE(code.segments[Phase::after].size() == 1);
  const CodeSegment& after = code.segments[Phase::after][0];
  if (kernels::jit_target(kernels::current_isa()) == nullptr) {
    CHECK(after.code.size() == 6);
    return;
  }
  REQUIRE(after.code.size() == 1);
  const auto& loop = std::get<MachineLoop>(after.code[0]);
  // The product of the input, the scalar 1, c and y: what is in between stays in registers.
  CHECK(loop.pointers.size() == 4);
  CHECK(after.in_block.empty());
}

TEST_CASE("emit: sums with one right side pack it once") {
  const Executable code = compile(gradient_program(simple_rnn_program()).backward->program());
  REQUIRE(code.reductions.size() == 2);
  CHECK(std::holds_alternative<RowReduction>(code.reductions[0]));
  CHECK(std::get<ProductReductions>(code.reductions[1]).terms.size() == 2);
}

TEST_CASE("make_cuts: rows make two groups from the weights' size on, whatever the threads") {
  CHECK(compile(simple_rnn_program()->program()).cuts.groups == 1);
  const auto wide = [](Index rows, Index units) {
    const Tensor w = Tensor::ones({units, units});
    const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>&) {
      return ScanStep{.carry = {tanh(matmul(carry[0], w))}};
    };
    return compile(trace_scan(step, {Tensor::zeros({rows, units})}, {}, {.steps = 4}).program->program())
        .cuts;
  };
  CHECK(wide(16, 192).groups == 2);
  CHECK(wide(16, 192).groups_apart);
  CHECK(wide(15, 192).groups == 1);
  CHECK(wide(16, 128).groups == 1);
}

TEST_CASE("schedules: threads meet where rows of others are read") {
  const auto program = gradient_program(simple_rnn_program({.tuning = {.grouped_weights = 0}})).backward;
  const Executable code = compile(program->program());
  CHECK(to_string(code.cuts.by_groups) == R"(  each group of rows by itself
  each chunk, all rows: read sequences whose second axis is time; run before the loop [0, 0); run in the loop [0, 2); run after the loop [0, 1); reduce; write outputs whose second axis is time
  at the end, all rows: run at the last step [0, 0); finish carries
)");
  CHECK(
      to_string(code.cuts.by_rows) ==
      R"(  each chunk, each thread with its rows: read sequences whose second axis is time; run before the loop [0, 0); run in the loop [0, 2); run after the loop [0, 1); write outputs whose second axis is time
  each chunk, all rows: run after the loop [1, 1); reduce
  at the end, all rows: run at the last step [0, 0); finish carries
)");
}

TEST_CASE("useful_threads: as many as there are shares worth a thread") {
  const auto wide = [](const ScanTuning& tuning) {
    const Tensor w = Tensor::ones({64, 64});
    const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>&) {
      return ScanStep{.carry = {tanh(matmul(carry[0], w))}};
    };
    return compile(
        trace_scan(step, {Tensor::zeros({32, 64})}, {}, {.steps = 4, .tuning = tuning}).program->program());
  };
  const Executable machine = wide({});
  // 32 * 64 * 64 multiply-adds a step, and less for the rest.
  CHECK(useful_threads(machine, 0, 4) == 1);
  CHECK(useful_threads(machine, 4, 4) == 1);
  CHECK(useful_threads(machine, 20, 4) == 4);
  CHECK(useful_threads(machine, 100000, 64) == 64);
  // Four times as much makes it sure.
  CHECK(sure_threads(machine, 4, 4) == 1);
  CHECK(sure_threads(machine, 20, 4) == 1);
  CHECK(sure_threads(machine, 80, 4) == 4);
  const Index some = sure_threads(machine, 80, 64);
  CHECK(some >= 4);
  CHECK(some < useful_threads(machine, 80, 64));
  // A hundred times 32 * 64 * 64, so that elementwise operations add no share.
  const Executable cut = wide({.task_multiply_adds = 100 * 32 * 64 * 64});
  CHECK(useful_threads(cut, 100, 4) == 1);
  CHECK(useful_threads(cut, 250, 4) == 2);
  CHECK(useful_threads(wide({.task_multiply_adds = 0}), 1, 4) == 4);
  CHECK(sure_threads(wide({.task_multiply_adds = 0}), 1, 4) == 4);
}

TEST_CASE("chunk_steps: as many steps as fit the buffers, never more than asked for") {
  const Executable code = compile(simple_rnn_program()->program());
  CHECK(chunk_steps(code, 5, 1, 1) == 5);
  CHECK(chunk_steps(code, 100000, 1, 1) < 100000);
  const Executable cut = compile(simple_rnn_program({.tuning = {.longest_chunk = 2}})->program());
  CHECK(chunk_steps(cut, 100000, 1, 1) == 2);
}

TEST_CASE("stages: a plan prints every stage in order") {
  const std::string text = simple_rnn_program()->plan(5, PlanOptions{.stages = true});
  std::size_t at = 0;
  for (const char* stage : {"forward\n", "traced program\n", "phases\n", "instructions\n",
                            "instructions, products fused\n", "instructions, concatenations in place\n",
                            "segments\n", "layout\n", "schedule\n", "backward\n", "traced program\n"}) {
    CAPTURE(stage);
    const std::size_t found = text.find(stage, at);
    REQUIRE(found != std::string::npos);
    at = found;
  }
  CHECK(simple_rnn_program()->plan(5, PlanOptions{}).find("phases\n") == std::string::npos);
}
