#include <doctest/doctest.h>

#include <unspool/autograd/scan/layout.h>

#include "programs.h"

using namespace unspool;
using namespace unspool::testing;
using namespace unspool::scan_compiler;

// The fifth stage: where values are stored.

namespace {

std::string layout_of(const SharedProgram::Pointer& program) {
  const PhasedProgram phased = assign_phases(program->program());
  const FusedProgram fused = form_segments(place_concatenations(fuse_products(select_instructions(phased))));
  return to_string(fused, lay_out(fused));
}

}  // namespace

TEST_CASE("lay_out: of a SimpleRNN the sums of a chunk, into which the state's product is added") {
  CHECK(layout_of(simple_rnn_program()) == R"(  c0 in carry in 0
  x0 in sequence 0
  w0 in captured 0
  w1 in captured 1
  w2 in captured 2
  %7 in chunk at 0
  %8 in chunk at 0, columns 0 to 3 of %7
  %9 in stacked output 0
  bytes of buffers: chunk 64 a step, step 0, block 0 a thread, once 0
)");
}

TEST_CASE("lay_out: a carry that is stacked as steps get it is handed on in that output, without a copy") {
  const auto step = [](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    return ScanStep{.carry = {tanh(carry[0] + x[0])}, .outputs = {carry[0]}};
  };
  const auto program = trace_scan(step, {Tensor::zeros({2, 3})}, {Tensor::ones({5, 2, 3})}, {}).program;
  const std::string text = layout_of(program);
  CAPTURE(text);
  CHECK(text.find("carry 0 is handed on in stacked output 0\n") != std::string::npos);
}

TEST_CASE("lay_out: of a simple recurrent unit parts lie in the product, passing values in a block") {
  CHECK(layout_of(sru_program()) == R"(  c0 in carry in 0
  x0 in sequence 0
  w0 in captured 0
  %3 in chunk at 0
  %4 in chunk at 0, columns 0 to 3 of %3
  %5 in chunk at 0, columns 3 to 6 of %3
  %6 in chunk at 0, columns 6 to 9 of %3
  %7 in chunk at 0, columns 9 to 12 of %3
  %8 in chunk at 128
  %9 in block at 0
  w1 in captured 1
  %11 in block at 0
  %12 in chunk at 192
  %13 in block at 0
  %14 in chunk at 256
  w2 in captured 2
  %16 in block at 64
  %17 in block at 128
  %18 in block at 64
  %19 in block at 192
  %20 in stacked output 0
  bytes of buffers: chunk 320 a step, step 0, block 256 a thread, once 0
)");
}

TEST_CASE(
    "lay_out: steps of sequences and outputs whose second axis is time are copied to a chunk's buffers") {
  const auto program = simple_rnn_program({.time_axis = 1});
  const PhasedProgram phased = assign_phases(program->program());
  const FusedProgram fused = form_segments(place_concatenations(fuse_products(select_instructions(phased))));
  const Layout layout = lay_out(fused);
  REQUIRE(layout.batch_major_sequences.size() == 1);
  REQUIRE(layout.batch_major_outputs.size() == 1);
  CHECK(layout[layout.batch_major_sequences[0].value].storage == Storage::chunk);
  CHECK(layout[layout.batch_major_outputs[0].value].storage == Storage::chunk);
}
