#include <doctest/doctest.h>

#include <unspool/autograd/scan/instructions.h>

#include "programs.h"

using namespace unspool;
using namespace unspool::testing;
using namespace unspool::scan_compiler;

// The third stage: from uses of operations to instructions.

namespace {

std::string instructions_of(const SharedProgram::Pointer& program) {
  const PhasedProgram phased = assign_phases(program->program());
  return to_string(select_instructions(phased));
}

}  // namespace

TEST_CASE("select_instructions: a SimpleRNN") {
  CHECK(instructions_of(simple_rnn_program()) == R"(  before the loop
    %5 float32[2, 3] = x0 times w1
    %7 float32[2, 3] = add(%5, w2)
  in the loop
    %3 float32[2, 3] = c0 times w0
    %8 float32[2, 3] = add(%7, %3)
    %9 float32[2, 3] = tanh(%8)
)");
}

TEST_CASE("select_instructions: gradients with respect to weights are reductions over all rows and steps") {
  CHECK(instructions_of(gradient_program(simple_rnn_program()).backward) == R"(  in the loop
    %2 float32[2, 3] = add(c0, x0)
    %4 float32[2, 3] = tanh_gradient(x1, %2)
    %12 float32[2, 3] = %4 times w1 transposed
  after the loop
    %8 float32[2, 4] = %4 times w0 transposed
    sum 0 += transpose(x3) times %4, all steps in one product
    sum 1 += transpose(x2) times %4, all steps in one product
    sum 2 += the rows of %4
)");
}

TEST_CASE("select_instructions: the parts of a simple recurrent unit are views of the product") {
  const PhasedProgram phased = assign_phases(sru_program()->program());
  const Instructions made = select_instructions(phased);
  const auto& before = made.lists[Phase::before];
  REQUIRE(before.size() == 5);
  CHECK(std::holds_alternative<Product>(before[0]));
  REQUIRE(std::holds_alternative<View>(before[1]));
  const View& split = std::get<View>(before[1]);
  for (std::size_t i = 0; i < 4; ++i) {
    const Placement& placement = made.table[split.results[i]].placement;
    CHECK(placement.kind == Placement::Kind::view);
    CHECK(placement.in == std::get<Product>(before[0]).result);
    CHECK(placement.offset == static_cast<Index>(3 * i));
  }
  CHECK(std::holds_alternative<Elementwise>(before[2]));
}

TEST_CASE("select_instructions: a carry that is read after the loop is copied in it") {
  const auto step = [](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    return ScanStep{.carry = {carry[0] + x[0]}, .outputs = {exp(carry[0])}};
  };
  const auto program = trace_scan(step, {Tensor::zeros({2, 3})}, {Tensor::ones({5, 2, 3})}, {}).program;
  CHECK(instructions_of(program) == R"(  in the loop
    %4 float32[2, 3] = c0
    %2 float32[2, 3] = add(c0, x0)
  after the loop
    %3 float32[2, 3] = exp(%4)
)");
}
