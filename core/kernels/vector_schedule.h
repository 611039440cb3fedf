#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include <unspool/core/kernels/vector_program.h>

namespace unspool::kernels {

/// What a program does for the next vector of a row, or for several at once: item v is step v % n for vector
/// v / n, n being the number of steps, and gives value v. All vectors share the constants of the first one.
class VectorItems {
 public:
  using Value = VectorProgram::Value;
  using Step = VectorProgram::Step;

  /// The program has to outlive it.
  VectorItems(const VectorProgram& program, int vectors);

  /// The number of items, constants and what no store needs included.
  std::size_t size() const { return items_.size(); }
  const Step& step(Value item) const { return *items_[static_cast<std::size_t>(item)].step; }
  /// Which vector it is for.
  int vector(Value item) const { return items_[static_cast<std::size_t>(item)].vector; }
  /// The values that it reads; -1 beyond the last one.
  const std::array<Value, 3>& operands(Value item) const {
    return items_[static_cast<std::size_t>(item)].operands;
  }
  bool is_constant(Value item) const { return is_constant(step(item)); }

  /// A list schedule of the items that a store needs, without constants. Chains of functions are long, and a
  /// processor looks ahead no farther than one or two of them: so the items go in the order in which one that
  /// sees all of them would begin them, the longest chain first. Where more than `most_alive` values are
  /// alive, the last readers of a value go first.
  std::vector<Value> in_order(int most_alive) const;

 private:
  struct Item {
    const Step* step;
    int vector;
    std::array<Value, 3> operands;
    bool needed;
  };
  static bool is_constant(const Step& step) { return kind_of(step.op) == VectorOpKind::constant; }

  /// How many values this item is the last to read, by how many have yet to read each.
  int last_reads(Value item, const std::vector<int>& readers) const;

  std::vector<Item> items_;
};

}  // namespace unspool::kernels
