#pragma once

#include <string>
#include <variant>
#include <vector>

#include <unspool/autograd/scan/phases.h>

namespace unspool::scan_compiler {

/// result = left matrix + start + bias: rows of `left` times a matrix that is packed once per run.
struct Product {
  Value left;
  /// Index into ValueTable::matrices.
  int matrix;
  Value result;
  /// Rows from which the sums of the product start; no_value: zeros.
  Value start = no_value;
  /// One row that is added to every row at the end; no_value: none.
  Value bias = no_value;
};

/// How an elementwise instruction steps through an operand, for the element of row i and column j of its
/// result.
enum class Access : std::uint8_t {
  element,  ///< row i, column j
  column,   ///< row i of a single column
  row,      ///< column j of a single row
  scalar,   ///< a single element
};

/// An elementwise operation on rows.
struct Elementwise {
  int use;
  SmallVector<Value, 4> operands;
  SmallVector<Access, 4> access;
  Value result;
};

/// Copies rows.
struct Copy {
  Value from;
  Value to;
};

/// An operation by its own kernel, on some rows or on a whole step.
struct CallKernel {
  int use;
  SmallVector<Value, 4> operands;
  /// For each operand, whether row i of the results reads row i of it and no other.
  SmallVector<bool, 4> by_row;
  SmallVector<Value, 2> results;
  bool whole_step;
};

/// No code: the results lie in the memory of the operand, or the operands in the memory of the result.
struct View {
  int use;
  SmallVector<Value, 4> operands;
  SmallVector<Value, 2> results;
};

/// Adds transpose(left) right, over all rows and steps, to reduced output `output`.
struct ReduceProduct {
  Value left;
  Value right;
  int output;
};
/// Adds all rows of all steps to reduced output `output`.
struct ReduceRows {
  Value value;
  int output;
};
/// Adds the value of each step to reduced output `output`.
struct ReduceValue {
  Value value;
  int output;
};

using Instruction =
    std::variant<Product, Elementwise, Copy, CallKernel, View, ReduceProduct, ReduceRows, ReduceValue>;

/// The values that an instruction reads and writes, each once or more.
SmallVector<Value, 6> operands_of(const Instruction& instruction);
SmallVector<Value, 2> results_of(const Instruction& instruction);

/// Whose memory a value lies in.
struct Placement {
  enum class Kind : std::uint8_t {
    own,          ///< its own
    view,         ///< a range of columns of another value, or all of it in another shape
    accumulator,  ///< the memory of another value, which is not read any more
    part,         ///< a range of columns of a concatenation, into which it is written
  };
  Kind kind = Kind::own;
  Value in = no_value;
  /// Elements between the beginning of a row of `in` and the beginning of this value's row.
  Index offset = 0;
};

/// What is known of a value from here on. Values beyond those of the program are copies.
struct ValueInfo {
  static constexpr int copied = -2;

  Spec spec;
  DependsOn depends_on = DependsOn::captured;
  bool has_rows = false;
  /// The use that computes it, `not_computed` for an input, `copied` for a copy.
  int producer = PhasedProgram::not_computed;
  /// Uses and outputs that read it.
  int consumers = 0;
  Placement placement = {};
  /// The stacked output, the carry of the next step, and the carry after the last step that it is; -1: none.
  int stacked_output = -1;
  int next_carry = -1;
  int final_carry = -1;

  bool is_input() const { return producer == PhasedProgram::not_computed; }
  bool is_output() const { return stacked_output >= 0 || next_carry >= 0 || final_carry >= 0; }
  bool is_view() const { return placement.kind == Placement::Kind::view; }
};

/// The right side of products, packed once per run.
struct Matrix {
  Value value;
  bool transpose;
  Index columns;
  Index depth;
};

/// What the stages from here on have in common.
struct ValueTable {
  const PhasedProgram* phased;
  std::vector<ValueInfo> values;
  std::vector<Matrix> matrices;
  /// For each carry, the value that the step hands on.
  std::vector<Value> next_carry;

  const Program& program() const { return *phased->program; }
  ValueInfo& operator[](Value value) { return values[index_of(value)]; }
  const ValueInfo& operator[](Value value) const { return values[index_of(value)]; }
  /// The value whose memory a chain of views shows; the value itself if it is no view.
  Value root_of(Value value) const;
  /// The value in whose memory this one lies, through all placements.
  Value memory_of(Value value) const;
  /// Adds a value with the spec of another one, and returns the instruction that copies to it.
  Copy copy_of(Value value);
};

/// Elements of a row of this shape, whose first axis is the rows.
Index columns_of(const Shape& shape);

/// The third stage: what is done in each phase.
struct Instructions {
  ValueTable table;
  PerPhase<std::vector<Instruction>> lists;
  /// After the loop, and after all that list holds.
  std::vector<Instruction> reductions;
};

/// The pass from phases to instructions: views, the values that outputs are written by, one instruction for
/// each use, and reductions over time. The program has to outlive the result.
Instructions select_instructions(const PhasedProgram& program);

/// The name of a value for printing.
std::string name_of(const ValueTable& table, Value value);
std::string to_string(const ValueTable& table, const Instruction& instruction);
/// The instructions of each phase.
std::string to_string(const Instructions& instructions);

}  // namespace unspool::scan_compiler
