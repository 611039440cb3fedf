#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <unspool/core/kernels/jit.h>
#include <unspool/core/kernels/vector.h>
#include <unspool/core/kernels/vector_loop.h>
#include <unspool/core/random.h>

#include "../support/same_bits.h"

using namespace unspool;
using kernels::Isa;
using kernels::VectorLoop;
using kernels::VectorOp;
using kernels::VectorProgram;
using kernels::VectorTable;
using testing::same_bits;

namespace {

using Floats = std::vector<float>;

constexpr std::size_t functions = sizeof(VectorTable) / sizeof(VectorTable::Function);
using Functions = std::array<VectorTable::Function, functions>;
Functions all_of(const VectorTable& table) { return std::bit_cast<Functions>(table); }
std::size_t index_of(VectorTable::Function VectorTable::*function) {
  VectorTable table{};
  table.*function = &kernels::vectorized<&VectorTable::add>;
  const Functions all = all_of(table);
  return static_cast<std::size_t>(std::ranges::find_if(all, [](auto f) { return f != nullptr; }) -
                                  all.begin());
}

/// Numbers of every size and kind, of which no two neighbours are alike.
Floats numbers(std::size_t count, std::uint64_t seed) {
  const float special[] = {0.0f,  -0.0f,  1.0f,    -1.0f, 1e-40f, std::numeric_limits<float>::infinity(),
                           -7.0f, 100.0f, -100.0f, 87.5f, 3e38f,  std::numeric_limits<float>::quiet_NaN(),
                           0.3f};
  Floats x(count);
  fill_uniform({seed, 1}, x);
  for (std::size_t i = 0; i < count; ++i) {
    x[i] = i % 3 == 0 ? special[(i / 3 + seed) % std::size(special)] : 8 * x[i] - 4;
  }
  return x;
}

std::vector<Isa> wide_isas() {
  std::vector<Isa> isas = kernels::available_isas();
  std::erase_if(isas, [](Isa isa) { return kernels::jit_target(isa) == nullptr; });
  return isas;
}

}  // namespace

TEST_CASE("vector_loop: every function has the bits of its block") {
  const Functions recorded = all_of(kernels::vector_recorded);
  const auto first_truth = index_of(&VectorTable::equal);
  const auto where = index_of(&VectorTable::where);
  REQUIRE(where + 1 == functions);
  for (const Isa isa : wide_isas()) {
    const Functions blocks = all_of(kernels::vectors_with(isa));
    for (std::size_t f = 0; f < functions; ++f) {
      CAPTURE(f);
      const bool truth = f >= first_truth && f < where;
      VectorProgram program;
      std::vector<VectorProgram::Value> operands;
      // Where takes a truth, and a truth is stored by one.
      const auto a = program.add({.op = VectorOp::load, .operand = 0});
      const auto b = program.add({.op = VectorOp::load, .operand = 1});
      const auto positive = program.add({.op = VectorOp::less, .a = b, .b = a});
      const VectorProgram::Value taken[] = {f == where ? positive : a, f == where ? a : b, b};
      auto value = program.call(recorded[f], taken);
      REQUIRE(value >= 0);
      if (truth) {
        const VectorProgram::Value chosen[] = {value, a, b};
        value = program.call(recorded[where], chosen);
      }
      program.add({.op = VectorOp::store, .a = value, .operand = 2});
      for (const std::size_t columns : std::initializer_list<std::size_t>{1, 5, 8, 16, 23, 64}) {
        constexpr std::size_t rows = 7;
        constexpr std::size_t stride = 70;
        const Floats x = numbers(rows * stride, f);
        const Floats y = numbers(rows * stride, f + 100);
        Floats z(rows * stride, 123.0f);
        const VectorLoop::Operand places[] = {{0, 0}, {1, 0}, {2, 4}};
        const std::ptrdiff_t row_bytes[] = {stride * 4, stride * 4, stride * 4};
        const auto loop = VectorLoop::compile(program, places, row_bytes, isa);
        REQUIRE(loop != nullptr);
        std::byte* pointers[] = {reinterpret_cast<std::byte*>(const_cast<float*>(x.data())),
                                 reinterpret_cast<std::byte*>(const_cast<float*>(y.data())),
                                 reinterpret_cast<std::byte*>(z.data())};
        (*loop)(pointers, rows, static_cast<std::int64_t>(columns));
        Floats expected(z.size(), 123.0f);
        for (std::size_t r = 0; r < rows; ++r) {
          for (std::size_t c = 0; c < columns; ++c) {
            const float xc = x[r * stride + c];
            const float yc = y[r * stride + c];
            const bool larger = yc < xc;
            const void* inputs[] = {&xc, &yc, &yc};
            if (f == where) {
              inputs[0] = &larger;
              inputs[1] = &xc;
            }
            const std::int64_t steps[] = {1, 1, 1};
            float& to = expected[r * stride + c + 1];
            bool is = false;
            blocks[f]({inputs, steps, truth ? static_cast<void*>(&is) : &to, 1, float32, float32});
            if (truth) to = is ? xc : yc;
          }
        }
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < z.size(); ++i) wrong += !same_bits(z[i], expected[i]);
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE(
    "vector_loop: more values than registers, more operands than pointers, rows of one and lone elements") {
  constexpr std::size_t operands = 45;
  constexpr std::size_t rows = 3;
  constexpr std::size_t columns = 37;
  VectorProgram program;
  std::vector<VectorLoop::Operand> places;
  std::vector<std::ptrdiff_t> row_bytes;
  std::vector<Floats> data;
  std::vector<VectorProgram::Value> loaded;
  for (int i = 0; i < static_cast<int>(operands); ++i) {
    // Every third is one row for all, every fifth a column.
    const bool row = i % 3 == 1;
    const bool column = i % 5 == 2;
    places.push_back({i, 0});
    row_bytes.push_back(row ? 0 : static_cast<std::ptrdiff_t>(4 * (column ? 1 : columns)));
    data.push_back(numbers(rows * columns, static_cast<std::uint64_t>(i)));
    for (float& x : data.back()) x = std::isfinite(x) && std::abs(x) < 10 ? x : 1.5f;
    loaded.push_back(program.add({.op = column ? VectorOp::broadcast : VectorOp::load, .operand = i}));
  }
  // From both ends, so that all are needed for long.
  auto sum = program.constant(std::bit_cast<std::int32_t>(0.5f));
  for (std::size_t i = 0; i < operands; ++i) {
    const auto product =
        program.add({.op = VectorOp::multiply, .a = loaded[i], .b = loaded[operands - 1 - i]});
    sum = program.add({.op = VectorOp::fma,
                       .a = sum,
                       .b = program.constant(std::bit_cast<std::int32_t>(0.25f)),
                       .c = product});
  }
  places.push_back({static_cast<int>(operands), 0});
  row_bytes.push_back(columns * 4);
  program.add({.op = VectorOp::store, .a = sum, .operand = static_cast<int>(operands)});
  for (const Isa isa : wide_isas()) {
    const auto loop = VectorLoop::compile(program, places, row_bytes, isa);
    REQUIRE(loop != nullptr);
    Floats y(rows * columns);
    std::vector<std::byte*> pointers;
    for (Floats& x : data) pointers.push_back(reinterpret_cast<std::byte*>(x.data()));
    pointers.push_back(reinterpret_cast<std::byte*>(y.data()));
    (*loop)(pointers.data(), rows, columns);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        const auto at = [&](std::size_t i) {
          const bool column = i % 5 == 2;
          return data[i][(i % 3 == 1 ? 0 : r * (column ? 1 : columns)) + (column ? 0 : c)];
        };
        float expected = 0.5f;
        for (std::size_t i = 0; i < operands; ++i) {
          expected = std::fma(expected, 0.25f, at(i) * at(operands - 1 - i));
        }
        CHECK(same_bits(y[r * columns + c], expected));
      }
    }
  }
}

TEST_CASE("vector_loop: bools choose between rows") {
  VectorProgram program;
  const auto a = program.add({.op = VectorOp::load, .operand = 0});
  const auto b = program.add({.op = VectorOp::load, .operand = 1});
  const auto is = program.add({.op = VectorOp::broadcast_bool, .operand = 2});
  const VectorProgram::Value taken[] = {is, a, b};
  program.add(
      {.op = VectorOp::store, .a = program.call(kernels::vector_recorded.where, taken), .operand = 1});
  const VectorLoop::Operand places[] = {{0, 0}, {1, 0}, {2, 0}};
  const std::ptrdiff_t row_bytes[] = {12, 12, 1};
  for (const Isa isa : wide_isas()) {
    Floats x{1, 2, 3, 4, 5, 6};
    Floats y{-1, -2, -3, -4, -5, -6};
    bool choice[] = {false, true};
    std::byte* pointers[] = {reinterpret_cast<std::byte*>(x.data()), reinterpret_cast<std::byte*>(y.data()),
                             reinterpret_cast<std::byte*>(choice)};
    (*VectorLoop::compile(program, places, row_bytes, isa))(pointers, 2, 3);
    CHECK(y == Floats{-1, -2, -3, 4, 5, 6});
  }
}

TEST_CASE("vector_loop: a function of one's own is not recorded") {
  VectorProgram program;
  const VectorProgram::Value operands[] = {program.add({.op = VectorOp::load, .operand = 0})};
  CHECK(program.call(
            [](const KernelBlock& block) {
              *static_cast<float*>(block.output) = *static_cast<const float*>(block.inputs[0]);
            },
            operands) == -1);
}
