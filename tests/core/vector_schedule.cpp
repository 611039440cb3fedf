#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <vector>

#include <unspool/core/kernels/vector_schedule.h>

using unspool::kernels::VectorItems;
using unspool::kernels::VectorOp;
using unspool::kernels::VectorProgram;

namespace {

using Order = std::vector<VectorItems::Value>;
constexpr int no_limit = 1000;

}  // namespace

TEST_CASE("vector_schedule: the longest chain goes first") {
  VectorProgram program;
  program.steps = {{.op = VectorOp::load, .operand = 0},       {.op = VectorOp::load, .operand = 1},
                   {.op = VectorOp::subtract, .a = 1, .b = 1}, {.op = VectorOp::sqrt, .a = 0},
                   {.op = VectorOp::add, .a = 2, .b = 3},      {.op = VectorOp::store, .a = 4, .operand = 2}};
  CHECK(VectorItems(program, 1).in_order(no_limit) == Order{0, 1, 3, 2, 4, 5});
}

TEST_CASE("vector_schedule: constants and what no store needs are left out") {
  VectorProgram program;
  program.steps = {{.op = VectorOp::load, .operand = 0},
                   {.op = VectorOp::constant, .number = 7},
                   {.op = VectorOp::sqrt, .a = 0},
                   {.op = VectorOp::multiply, .a = 0, .b = 1},
                   {.op = VectorOp::store, .a = 3, .operand = 1}};
  CHECK(VectorItems(program, 1).in_order(no_limit) == Order{0, 3, 4});
}

TEST_CASE("vector_schedule: two vectors go beside each other and share constants") {
  VectorProgram program;
  program.steps = {{.op = VectorOp::load, .operand = 0},
                   {.op = VectorOp::constant, .number = 7},
                   {.op = VectorOp::multiply, .a = 0, .b = 1},
                   {.op = VectorOp::store, .a = 2, .operand = 1}};
  const VectorItems items(program, 2);
  CHECK(items.size() == 8);
  CHECK(items.vector(6) == 1);
  CHECK(items.operands(6) == std::array<VectorItems::Value, 3>{4, 1, -1});
  CHECK(items.in_order(no_limit) == Order{0, 4, 2, 6, 3, 7});
}

TEST_CASE("vector_schedule: a store follows the loads before it, which it may overwrite") {
  // The second load has the longer chain behind it, and yet the store waits for it.
  VectorProgram program;
  program.steps = {
      {.op = VectorOp::load, .operand = 0},          {.op = VectorOp::load, .operand = 1},
      {.op = VectorOp::store, .a = 0, .operand = 1}, {.op = VectorOp::sqrt, .a = 1},
      {.op = VectorOp::add, .a = 3, .b = 1},         {.op = VectorOp::store, .a = 4, .operand = 2}};
  const Order order = VectorItems(program, 1).in_order(no_limit);
  const auto position = [&](int item) { return std::find(order.begin(), order.end(), item) - order.begin(); };
  CHECK(order.size() == 6);
  CHECK(position(1) < position(2));
}

TEST_CASE("vector_schedule: with too many values alive, the last readers of values go first") {
  // Eight loads, each squared, all added up.
  VectorProgram program;
  constexpr int loads = 8;
  for (int i = 0; i < loads; ++i) program.steps.push_back({.op = VectorOp::load, .operand = i});
  for (int i = 0; i < loads; ++i) program.steps.push_back({.op = VectorOp::sqrt, .a = i});
  int sum = loads;
  for (int i = 1; i < loads; ++i) {
    program.steps.push_back({.op = VectorOp::add, .a = sum, .b = loads + i});
    sum = static_cast<int>(program.steps.size()) - 1;
  }
  program.steps.push_back({.op = VectorOp::store, .a = sum, .operand = loads});
  const auto most_alive = [&](int limit) {
    const VectorItems items(program, 1);
    const Order order = items.in_order(limit);
    CHECK(order.size() == program.steps.size());
    int most = 0;
    for (std::size_t at = 0; at < order.size(); ++at) {
      int alive = 0;
      for (std::size_t before = 0; before <= at; ++before) {
        const auto is_read = [&](std::size_t reader) {
          const auto& operands = items.operands(order[reader]);
          return std::find(operands.begin(), operands.end(), order[before]) != operands.end();
        };
        bool later = false;
        for (std::size_t reader = at + 1; reader < order.size(); ++reader) later = later || is_read(reader);
        alive += later ? 1 : 0;
      }
      most = std::max(most, alive);
    }
    return most;
  };
  CHECK(most_alive(no_limit) == loads);
  CHECK(most_alive(3) < loads);
}
