#include <doctest/doctest.h>

#include <unspool/autograd/joining.h>
#include <unspool/autograd/scan/fusion.h>
#include <unspool/operation.h>

#include "programs.h"

using namespace unspool;
using namespace unspool::testing;
using namespace unspool::scan_compiler;

// The passes from instructions to the fourth stage.

namespace {

/// Keeps what the stages refer to.
struct Compiled {
  explicit Compiled(SharedProgram::Pointer shared)
      : program(std::move(shared)), phased(assign_phases(program->program())) {}
  SharedProgram::Pointer program;
  PhasedProgram phased;

  Instructions selected() const { return select_instructions(phased); }
  Instructions fused() const { return fuse_products(selected()); }
  Instructions placed() const { return place_concatenations(fused()); }
  FusedProgram segments() const { return form_segments(placed()); }
};

}  // namespace

TEST_CASE("fuse_products: a SimpleRNN's products take up the additions") {
  // The bias is added at the end; the product of the state starts from the one of the input, in its memory.
  CHECK(to_string(Compiled(simple_rnn_program()).fused()) == R"(  before the loop
    %7 float32[2, 3] = x0 times w1 + w2
  in the loop
    %8 float32[2, 3] += c0 times w0
    %9 float32[2, 3] = tanh(%8)
)");
}

TEST_CASE("fuse_products: a product that is read twice stays") {
  const Tensor w = Tensor::ones({3, 3});
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    const Tensor product = matmul(carry[0], w);
    return ScanStep{.carry = {product + x[0]}, .outputs = {product}};
  };
  const Compiled compiled(trace_scan(step, {Tensor::zeros({2, 3})}, {Tensor::ones({5, 2, 3})}, {}).program);
  CHECK(to_string(compiled.fused()) == to_string(compiled.selected()));
}

TEST_CASE("fuse_products: where somebody else reads what the sums start from, they grow elsewhere") {
  const Tensor w = Tensor::ones({3, 3});
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    const Tensor start = tanh(carry[0]) * x[0];
    return ScanStep{.carry = {matmul(carry[0], w) + start}, .outputs = {start}};
  };
  const Compiled compiled(trace_scan(step, {Tensor::zeros({2, 3})}, {Tensor::ones({5, 2, 3})}, {}).program);
  const std::string text = to_string(compiled.fused());
  CAPTURE(text);
  CHECK(text.find("%6 float32[2, 3] = %3 + c0 times w0") != std::string::npos);
}

TEST_CASE("place_concatenations: the gradient of a split is written where its parts are computed") {
  const Compiled compiled(gradient_program(sru_program()).backward);
  const std::string before = to_string(compiled.fused());
  const std::string after = to_string(compiled.placed());
  CHECK(before.find("%26 float32[2, 12] = concat(%21, %25, %24, %11)\n") != std::string::npos);
  CHECK(after.find("%26 float32[2, 12] = concat(%21, %25, %24, %11), in place\n") != std::string::npos);
  const Instructions placed = compiled.placed();
  const Index offsets[] = {0, 3, 6, 9};
  const Value parts[] = {21, 25, 24, 11};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(placed.table[parts[i]].placement.kind == Placement::Kind::part);
    CHECK(placed.table[parts[i]].placement.in == 26);
    CHECK(placed.table[parts[i]].placement.offset == offsets[i]);
  }
}

TEST_CASE("place_concatenations: a part that lies elsewhere is copied beside the others") {
  const Tensor w = Tensor::ones({6, 3});
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    return ScanStep{.carry = {tanh(matmul(concat({carry[0], x[0]}, 1), w))}};
  };
  const Compiled compiled(trace_scan(step, {Tensor::zeros({2, 3})}, {Tensor::ones({5, 2, 3})}, {}).program);
  CHECK(to_string(compiled.placed()) == R"(  in the loop
    %6 float32[2, 3] = c0
    %7 float32[2, 3] = x0
    %2 float32[2, 6] = concat(%6, %7), in place
    %4 float32[2, 3] = %2 times w0
    %5 float32[2, 3] = tanh(%4)
)");
}

TEST_CASE("form_segments: a simple recurrent unit is a product and three fused runs") {
  CHECK(to_string(Compiled(sru_program()).segments()) == R"(  before the loop
    %3 float32[2, 12] = x0 times w0
    fused
      %8 float32[2, 3] = sigmoid(%5)
      %11 float32[2, 3] = subtract(w1, %8)
      %12 float32[2, 3] = multiply(%11, %4)
  in the loop
    fused
      %13 float32[2, 3] = multiply(%8, c0)
      %14 float32[2, 3] = add(%13, %12)
  after the loop
    fused
      %9 float32[2, 3] = sigmoid(%6)
      %16 float32[2, 3] = subtract(w2, %9)
      %17 float32[2, 3] = multiply(%16, %7)
      %18 float32[2, 3] = tanh(%14)
      %19 float32[2, 3] = multiply(%9, %18)
      %20 float32[2, 3] = add(%19, %17)
)");
}

TEST_CASE("form_segments: reductions that share a right side follow one another") {
  CHECK(to_string(Compiled(gradient_program(simple_rnn_program()).backward).segments()) == R"(  in the loop
    fused
      %2 float32[2, 3] = add(c0, x0)
      %4 float32[2, 3] = tanh_gradient(x1, %2)
    %12 float32[2, 3] = %4 times w1 transposed
  after the loop
    %8 float32[2, 4] = %4 times w0 transposed
    sum 2 += the rows of %4
    sum 0 += transpose(x3) times %4, all steps in one product
    sum 1 += transpose(x2) times %4, all steps in one product
)");
}
