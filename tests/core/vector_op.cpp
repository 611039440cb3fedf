#include <bit>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include <unspool/core/kernels/jit.h>
#include <unspool/core/kernels/vector_loop.h>
#include <unspool/core/kernels/vector_op.h>

#include "../support/same_bits.h"

using namespace unspool;
using kernels::VectorLoop;
using kernels::VectorOp;
using kernels::VectorOpInfo;
using kernels::VectorOpKind;
using kernels::VectorProgram;

namespace {

using OperandBits = std::vector<std::uint32_t>;

std::vector<VectorOp> all_ops() {
  std::vector<VectorOp> ops;
  for (int i = 0; i <= static_cast<int>(VectorOp::store); ++i) ops.push_back(static_cast<VectorOp>(i));
  return ops;
}

/// Floats of every kind, small and large integers: each meets each as an operand.
const OperandBits& special_words() {
  static const OperandBits words = [] {
    OperandBits all;
    for (const float x : {0.0f, -0.0f, 1.0f, -1.0f, 0.3f, -7.5f, 3e38f, 1e-40f, -1e-40f}) {
      all.push_back(std::bit_cast<std::uint32_t>(x));
    }
    // Infinities, NaN, and integers that are no usual float.
    for (const std::uint32_t bits :
         {0x7f800000U, 0xff800000U, 0x7fc00000U, 1U, 7U, 255U, 0xffffffffU, 0x80000001U}) {
      all.push_back(bits);
    }
    return all;
  }();
  return words;
}

/// Runs a program on rows of so many words, the last operand being the result.
OperandBits run_program(const VectorProgram& program, std::vector<OperandBits> rows, kernels::Isa isa) {
  const std::size_t count = rows[0].size();
  OperandBits result(count);
  std::vector<VectorLoop::Operand> operands;
  std::vector<std::byte*> pointers;
  for (OperandBits& row : rows) pointers.push_back(reinterpret_cast<std::byte*>(row.data()));
  pointers.push_back(reinterpret_cast<std::byte*>(result.data()));
  for (int i = 0; i < static_cast<int>(pointers.size()); ++i) operands.push_back({i, 0});
  const std::vector<std::ptrdiff_t> row_bytes(pointers.size(), static_cast<std::ptrdiff_t>(4 * count));
  const auto loop = VectorLoop::compile(program, operands, row_bytes, isa);
  REQUIRE(loop != nullptr);
  (*loop)(pointers.data(), 1, static_cast<std::int64_t>(count));
  return result;
}

template <class F>
void for_each_jit(F f) {
  for (const kernels::Isa isa : kernels::available_isas()) {
    if (kernels::jit_target(isa) == nullptr) continue;
    CAPTURE(kernels::name_of(isa));
    f(isa);
  }
}

bool agrees(std::uint32_t got, std::uint32_t expected) {
  return got == expected || testing::same_bits(std::bit_cast<float>(got), std::bit_cast<float>(expected));
}

}  // namespace

TEST_CASE("vector_op: an operation is described in the row of its number") {
  for (const VectorOp op : all_ops()) {
    const VectorOpInfo& info = kernels::info_of(op);
    CHECK(info.op == op);
    CHECK(info.operands <= 3);
    CHECK((info.kind != VectorOpKind::commutative || info.operands >= 2));
  }
  CHECK(kernels::info_of(VectorOp::slow_path_unless).name == std::string("slow_path_unless"));
}

TEST_CASE("vector_op: what is compiled for an operation has the value that its row says") {
  for_each_jit([](kernels::Isa isa) {
    for (const VectorOp op : all_ops()) {
      const VectorOpInfo& info = kernels::info_of(op);
      if (info.value == nullptr || info.operands == 0) continue;
      CAPTURE(info.name);
      // All pairs, with a third operand that goes with neither; the condition of a select is a truth.
      OperandBits a;
      OperandBits b;
      OperandBits c;
      for (const std::uint32_t left : special_words()) {
        for (const std::uint32_t right : special_words()) {
          a.push_back(op == VectorOp::select ? (left % 3 == 0 ? 0xffffffffU : 0U) : left);
          b.push_back(right);
          c.push_back(special_words()[(a.size() * 5) % special_words().size()]);
        }
      }
      // Operands are read from registers and, where a single step reads them, from memory.
      for (const bool twice : {false, true}) {
        const std::int32_t number = op == VectorOp::shift_left || op == VectorOp::shift_right ? 5 : 0;
        VectorProgram program;
        const auto x = program.add({.op = VectorOp::load, .operand = 0});
        const auto y = program.add({.op = VectorOp::load, .operand = 1});
        const auto z = program.add({.op = VectorOp::load, .operand = 2});
        VectorProgram::Step step{.op = op, .a = x, .number = number};
        if (info.operands > 1) step.b = y;
        if (info.operands > 2) step.c = z;
        auto value = program.add(step);
        if (twice) {
          // The bits of the operands are taken in and out again.
          for (const auto operand : {x, y, z}) {
            value = program.add({.op = VectorOp::bit_xor, .a = value, .b = operand});
          }
          for (const auto operand : {x, y, z}) {
            value = program.add({.op = VectorOp::bit_xor, .a = operand, .b = value});
          }
        }
        program.add({.op = VectorOp::store, .a = value, .operand = 3});
        const OperandBits result = run_program(program, {a, b, c}, isa);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
          wrong += agrees(result[i], info.value(a[i], b[i], c[i], number)) ? 0U : 1U;
        }
        CHECK(wrong == 0);
      }
    }
  });
}

TEST_CASE("vector_op: permute takes elements of a table, a constant is the same in all elements") {
  for_each_jit([](kernels::Isa isa) {
    const float numbers[] = {10, 11, 12, 13, 14, 15, 16, 17};
    VectorProgram program;
    const auto index = program.add({.op = VectorOp::load, .operand = 0});
    const auto table = program.table(numbers);
    const auto chosen = program.add({.op = VectorOp::permute, .a = table, .b = index});
    const auto half = program.constant(std::bit_cast<std::int32_t>(0.5f));
    const auto sum = program.add({.op = VectorOp::add, .a = chosen, .b = half});
    program.add({.op = VectorOp::store, .a = sum, .operand = 1});
    OperandBits indices;
    for (std::uint32_t i = 0; i < 37; ++i) indices.push_back(i * 5 % 8);
    const OperandBits result = run_program(program, {indices}, isa);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      CHECK(std::bit_cast<float>(result[i]) == 10.5f + static_cast<float>(indices[i]));
    }
  });
}

TEST_CASE("vector_op: a program is printed step by step") {
  VectorProgram program;
  const auto x = program.add({.op = VectorOp::load, .operand = 2});
  const auto half = program.constant(std::bit_cast<std::int32_t>(0.5f));
  const auto y = program.add({.op = VectorOp::fma, .a = x, .b = half, .c = x});
  program.add({.op = VectorOp::store, .a = y, .operand = 3});
  CHECK(kernels::to_string(program) ==
        "v0 = load [2]\n"
        "v1 = constant 0.5\n"
        "v2 = fma v0 v1 v0\n"
        "store v2 [3]\n");
}
