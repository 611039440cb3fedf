#include <algorithm>
#include <bit>
#include <cstdint>
#include <doctest/doctest.h>
#include <map>
#include <string>
#include <vector>

#include <unspool/core/kernels/vector_registers.h>
#include <unspool/core/random.h>

using namespace unspool::kernels;
using unspool::RandomKey;

namespace {

using Value = VectorItems::Value;
using Kind = Location::Kind;

/// A processor whose instructions take registers only, and of which fma and select overwrite an operand:
/// AArch64's.
RegisterRule registers_only(VectorOp op) {
  if (op == VectorOp::fma) return {.reuse = {2, -1, -1}, .overwrites = true};
  if (op == VectorOp::select) return {.reuse = {0, -1, -1}, .overwrites = true};
  return {.reuse = {0, 1, -1}};
}

/// One whose instructions read their last operand from memory.
RegisterRule last_in_memory(VectorOp op) {
  const int operands = info_of(op).operands;
  const auto last = static_cast<std::uint8_t>(1U << static_cast<unsigned>(operands - 1));
  if (op == VectorOp::fma) return {.memory = 6, .reuse = {2, 0, 1}, .overwrites = true};
  return {.memory = last, .reuse = {0, 1, -1}};
}

std::string allocated(const VectorProgram& program, int registers, bool load_operands,
                      RegisterRule (*rule)(VectorOp)) {
  const VectorItems items(program, 1);
  return to_string(items, allocate_registers(items, items.in_order(1000), registers, load_operands, rule));
}

/// y = x * 0.5 + z
VectorProgram multiply_add() {
  VectorProgram program;
  program.steps = {{.op = VectorOp::load, .operand = 0},
                   {.op = VectorOp::load, .operand = 1},
                   {.op = VectorOp::constant, .number = std::bit_cast<std::int32_t>(0.5f)},
                   {.op = VectorOp::fma, .a = 0, .b = 2, .c = 1},
                   {.op = VectorOp::store, .a = 3, .operand = 2}};
  return program;
}

/// An element of all that a program stores, computed step by step; `inputs` by operand.
std::vector<std::uint32_t> meaning(const VectorProgram& program, const std::vector<std::uint32_t>& inputs) {
  std::vector<std::uint32_t> values;
  std::vector<std::uint32_t> stored;
  for (const VectorProgram::Step& step : program.steps) {
    const auto value = [&](Value v) { return v < 0 ? 0U : values[static_cast<std::size_t>(v)]; };
    if (step.op == VectorOp::load) {
      values.push_back(inputs[static_cast<std::size_t>(step.operand)]);
    } else if (step.op == VectorOp::store) {
      stored.push_back(value(step.a));
      values.push_back(0);
    } else {
      values.push_back(info_of(step.op).value(value(step.a), value(step.b), value(step.c), step.number));
    }
  }
  return stored;
}

/// The same, computed by the instructions with registers and slots, and where what they ask of operands is
/// broken, nothing.
std::vector<std::uint32_t> executed(const VectorItems& items, const LoopInstructions& instructions,
                                    int registers, RegisterRule (*rule_of)(VectorOp),
                                    const std::vector<std::uint32_t>& inputs) {
  std::vector<std::uint32_t> in_register(static_cast<std::size_t>(registers));
  std::vector<std::uint32_t> slots(static_cast<std::size_t>(instructions.spill_slots));
  std::map<int, std::uint32_t> stored;
  const auto read = [&](const Location& from) {
    const auto index = static_cast<std::size_t>(from.index);
    switch (from.kind) {
      case Kind::vector_register:
        return in_register.at(index);
      case Kind::spill_slot:
        return slots.at(index);
      case Kind::constant:
        return static_cast<std::uint32_t>(items.step(from.index).number);
      case Kind::row:
        return inputs.at(static_cast<std::size_t>(items.step(from.index).operand));
      case Kind::none:
        break;
    }
    return 0U;
  };
  for (const LoopInstruction& each : instructions.code) {
    std::uint32_t result = 0;
    if (each.item < 0) {
      result = read(each.operands[0]);
    } else if (items.step(each.item).op == VectorOp::load) {
      result = inputs.at(static_cast<std::size_t>(items.step(each.item).operand));
    } else if (items.step(each.item).op == VectorOp::store) {
      if (each.operands[0].kind != Kind::vector_register) return {};
      stored[items.step(each.item).operand] = read(each.operands[0]);
      continue;
    } else {
      const VectorProgram::Step& step = items.step(each.item);
      const RegisterRule rule = rule_of(step.op);
      int in_memory = 0;
      bool overwrites = false;
      for (int i = 0; i < info_of(step.op).operands; ++i) {
        const Location& operand = each.operands[static_cast<std::size_t>(i)];
        if (operand.kind != Kind::vector_register) {
          ++in_memory;
          if ((rule.memory >> i & 1U) == 0) return {};
        }
        const bool reusable = std::ranges::find(rule.reuse, i) != rule.reuse.end();
        overwrites = overwrites || (reusable && operand == each.to);
      }
      if (in_memory > 1 || (rule.overwrites && !overwrites)) return {};
      result = info_of(step.op).value(read(each.operands[0]), read(each.operands[1]), read(each.operands[2]),
                                      step.number);
    }
    auto& to = each.to.kind == Kind::spill_slot ? slots : in_register;
    to.at(static_cast<std::size_t>(each.to.index)) = result;
  }
  std::vector<std::uint32_t> all;
  for (const auto& [operand, value] : stored) all.push_back(value);
  return all;
}

}  // namespace

TEST_CASE("vector_registers: operands in registers, or the last one in memory") {
  CHECK(allocated(multiply_add(), 8, false, &registers_only) ==
        "r0 = load\n"
        "r1 = load\n"
        "r2 = c2\n"
        "r1 = fma r0 r2 r1\n"
        "store r1\n");
  // The constant is read from memory, and the result takes the register of what is added.
  CHECK(allocated(multiply_add(), 8, false, &last_in_memory) ==
        "r0 = load\n"
        "r1 = load\n"
        "r1 = fma r0 c2 r1\n"
        "store r1\n");
  // The rows too are read where they lie, as far as one operand may: x is needed in a register.
  CHECK(allocated(multiply_add(), 8, true, &last_in_memory) ==
        "r0 = row0\n"
        "r1 = row1\n"
        "r1 = fma r0 c2 r1\n"
        "store r1\n");
}

TEST_CASE("vector_registers: an operand that is read afterwards is copied before it is overwritten") {
  VectorProgram program = multiply_add();
  program.steps.pop_back();
  program.steps.push_back({.op = VectorOp::subtract, .a = 3, .b = 1});
  program.steps.push_back({.op = VectorOp::store, .a = 4, .operand = 2});
  CHECK(allocated(program, 8, false, &registers_only) ==
        "r0 = load\n"
        "r1 = load\n"
        "r2 = c2\n"
        "r3 = r1\n"
        "r3 = fma r0 r2 r3\n"
        "r3 = subtract r3 r1\n"
        "store r3\n");
}

TEST_CASE("vector_registers: the value that is needed last is spilled") {
  // All loads come before the sums, which take them in order.
  VectorProgram program;
  constexpr int loads = 6;
  for (int i = 0; i < loads; ++i) program.steps.push_back({.op = VectorOp::load, .operand = i});
  for (int i = 0; i + 1 < loads; ++i) {
    program.steps.push_back({.op = VectorOp::subtract, .a = i == 0 ? 0 : loads + i - 1, .b = i + 1});
  }
  program.steps.push_back({.op = VectorOp::store, .a = 2 * loads - 2, .operand = loads});
  const VectorItems items(program, 1);
  std::vector<Value> order;
  for (int i = 0; i < static_cast<int>(program.steps.size()); ++i) order.push_back(i);
  const LoopInstructions instructions = allocate_registers(items, order, 5, false, &registers_only);
  CHECK(instructions.spill_slots == 1);
  CHECK(to_string(items, instructions) ==
        "r0 = load\n"
        "r1 = load\n"
        "r2 = load\n"
        "r3 = load\n"
        "r4 = load\n"
        "s0 = r4\n"
        "r4 = load\n"
        "r0 = subtract r0 r1\n"
        "r0 = subtract r0 r2\n"
        "r0 = subtract r0 r3\n"
        "r1 = s0\n"
        "r0 = subtract r0 r1\n"
        "r0 = subtract r0 r4\n"
        "store r0\n");
}

TEST_CASE("vector_registers: a slow path keeps the registers that hold something, but not its result's") {
  VectorProgram program;
  program.steps = {{.op = VectorOp::load, .operand = 0},
                   {.op = VectorOp::load, .operand = 1},
                   {.op = VectorOp::less, .a = 0, .b = 1},
                   {.op = VectorOp::sqrt, .a = 0},
                   {.op = VectorOp::slow_path_unless, .a = 2, .b = 0, .c = 3},
                   {.op = VectorOp::add, .a = 4, .b = 1},
                   {.op = VectorOp::store, .a = 5, .operand = 2}};
  const VectorItems items(program, 1);
  const auto rule = [](VectorOp op) -> RegisterRule {
    if (op == VectorOp::slow_path_unless) return {.reuse = {2, -1, -1}, .overwrites = true};
    return registers_only(op);
  };
  const LoopInstructions instructions = allocate_registers(items, {0, 1, 2, 3, 4, 5, 6}, 8, false, rule);
  CHECK(to_string(items, instructions) ==
        "r0 = load\n"
        "r1 = load\n"
        "r2 = less r0 r1\n"
        "r3 = sqrt r0\n"
        "r3 = slow_path_unless r2 r0 r3\n"
        "r3 = add r3 r1\n"
        "store r3\n");
  REQUIRE(instructions.kept_by_slow_paths.size() == 1);
  CHECK(instructions.kept_by_slow_paths[0] == std::vector<int>{0, 1, 2});
}

TEST_CASE("vector_registers: random programs keep their meaning, with any number of registers") {
  constexpr VectorOp ops[] = {VectorOp::add_int,    VectorOp::subtract_int, VectorOp::bit_xor,
                              VectorOp::shift_left, VectorOp::select,       VectorOp::fma,
                              VectorOp::less};
  constexpr int inputs = 7;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    std::vector<float> draws(400);
    fill_uniform(RandomKey{seed, 3}, draws);
    std::size_t drawn = 0;
    const auto draw = [&](int below) { return static_cast<int>(draws[drawn++] * static_cast<float>(below)); };
    VectorProgram program;
    for (int i = 0; i < inputs; ++i) program.add({.op = VectorOp::load, .operand = i});
    for (int i = 0; i < 4; ++i) program.constant(draw(1000) << 20);
    int stores = 0;
    for (int i = 0; i < 40; ++i) {
      const VectorOp op = ops[draw(std::size(ops))];
      const int values = static_cast<int>(program.steps.size());
      const auto operand = [&] {
        int value = draw(values);
        while (program.steps[static_cast<std::size_t>(value)].op == VectorOp::store) --value;
        return value;
      };
      VectorProgram::Step step{.op = op, .number = op == VectorOp::shift_left ? 3 : 0};
      step.a = operand();
      if (info_of(op).operands > 1) step.b = operand();
      if (info_of(op).operands > 2) step.c = operand();
      const Value value = program.add(step);
      if (i % 8 == 7) program.add({.op = VectorOp::store, .a = value, .operand = inputs + stores++});
    }
    std::vector<std::uint32_t> x;
    for (std::uint32_t i = 0; i < inputs; ++i) x.push_back(0x3f800000U + i * 0x123457U);
    const std::vector<std::uint32_t> expected = meaning(program, x);
    const VectorItems items(program, 1);
    for (const int most_alive : {3, 1000}) {
      const auto order = items.in_order(most_alive);
      for (const int registers : {5, 6, 9, 32}) {
        for (const bool load_operands : {false, true}) {
          for (const auto rule : {&registers_only, &last_in_memory}) {
            const auto instructions = allocate_registers(items, order, registers, load_operands, rule);
            CHECK(executed(items, instructions, registers, rule, x) == expected);
          }
        }
      }
    }
  }
}
