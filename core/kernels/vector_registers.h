#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <unspool/core/kernels/vector_schedule.h>

namespace unspool::kernels {

/// What the instruction of a target for an operation asks of its operands and its result.
struct RegisterRule {
  /// Bit i: operand i may lie in memory. One of them does at most: the first that is in no register.
  std::uint8_t memory = 0;
  /// The operands whose register the result may take if nobody reads them afterwards, the best one first; -1:
  /// no further one. An operand that the operation does not have is passed over. Otherwise the result takes a
  /// free register.
  std::array<std::int8_t, 3> reuse = {-1, -1, -1};
  /// The instruction overwrites an operand, one of `reuse`: the first of these is copied if all of them are
  /// read afterwards.
  bool overwrites = false;
};

/// Where a value is when an instruction reads or writes it.
struct Location {
  enum class Kind : std::uint8_t {
    none,
    vector_register,  ///< number `index`
    spill_slot,       ///< number `index` on the stack
    constant,         ///< in the pool of constants: that of item `index`
    row,              ///< in its row, where item `index`, a load, would read it
  };
  Kind kind = Kind::none;
  int index = 0;

  friend bool operator==(const Location&, const Location&) = default;
};

/// An item with its registers, or a move between registers and memory.
struct LoopInstruction {
  /// -1 for a move from operands[0].
  VectorItems::Value item;
  Location to;
  std::array<Location, 3> operands;
};

/// The instructions of a loop's body.
struct LoopInstructions {
  std::vector<LoopInstruction> code;
  /// The slots on the stack that spilled values need.
  int spill_slots = 0;
  /// For each slow path in `code`, in order, the registers that its call has to keep.
  std::vector<std::vector<int>> kept_by_slow_paths;
};

/// Gives out registers 0 to `registers` - 1, at least 5, in the order of a schedule. Where there are none
/// left, the value that is needed last is spilled (Belady's rule). Loads that one item reads need no register
/// if its rule lets it read memory and `load_operands` is set. `rule_of` is that of a JitTarget.
LoopInstructions allocate_registers(const VectorItems& items, const std::vector<VectorItems::Value>& order,
                                    int registers, bool load_operands, RegisterRule (*rule_of)(VectorOp));

/// The instructions, one a line: "r2 = fma r0 r1 c5", "s0 = r3".
std::string to_string(const VectorItems& items, const LoopInstructions& instructions);

}  // namespace unspool::kernels
