#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <unspool/autograd/labeled.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/scan.h>

namespace unspool::scan_compiler {

/// A value of a program, as an index into Program::values.
using Value = int;
inline constexpr Value no_value = -1;
constexpr std::size_t index_of(Value value) { return static_cast<std::size_t>(value); }

/// A use of an operation on numbered values.
struct Use {
  OperationRef operation;
  SmallVector<Value, 4> inputs;
  SmallVector<Value, 2> outputs;
  Attributes attributes;
};

/// A value with one element per step, stacked over time along axis 0 or axis 1 of the whole array.
struct Stacked {
  Value value;
  int time_axis = 0;
  friend bool operator==(const Stacked&, const Stacked&) = default;
};

/// A value that has a name.
struct Labeled {
  Value value;
  Label label;
  friend bool operator==(const Labeled&, const Labeled&) = default;
};

/// One step of a scan: the first stage of the compiler. Made by Trace or gradient_of(), then constant.
struct Program {
  std::vector<Spec> values;
  /// Inputs: the carries, the sequences that give each step an element, and what is the same at all steps.
  std::vector<Value> carries;
  std::vector<Stacked> sequences;
  std::vector<Value> captured;
  /// In an order in which they can run.
  std::vector<Use> uses;
  /// Outputs: the carry that each step hands on, values stacked over the steps, values summed over the steps.
  std::vector<Value> next_carry;
  std::vector<Stacked> stacked_outputs;
  std::vector<Value> reduced_outputs;
  /// The loop runs from the last time step to the first.
  bool reverse = false;
  ScanTuning tuning;
  /// Names, each value at most once.
  std::vector<Labeled> labels;

  /// Names a value that has no name yet, if there is a name.
  void label(Value value, Label label);
  /// The name of a value; empty if it has none.
  Label label_of(Value value) const;
  std::size_t inputs() const { return carries.size() + sequences.size() + captured.size(); }
  std::size_t outputs() const { return next_carry.size() + stacked_outputs.size() + reduced_outputs.size(); }
  /// Input or output i, in the order above.
  Value input(std::size_t i) const;
  Value output(std::size_t i) const;
  /// Input or output i if it is stacked over time, else null.
  const Stacked* stacked_input(std::size_t i) const;
  const Stacked* stacked_output(std::size_t i) const;
  const Spec& spec(Value value) const { return values[index_of(value)]; }
  /// Which outputs have a floating dtype.
  std::vector<bool> floating_outputs() const;
  std::uint64_t hash() const;
  friend bool operator==(const Program& a, const Program& b);
};

/// The memory that a value of these specs takes.
std::size_t bytes_of(const Spec& spec);

/// Whether the steps of a stacked value lie apart in memory: time is its second axis, and there are several
/// rows.
bool is_batch_major(const Program& program, const Stacked& stacked);

/// The program without the uses that no output needs. All inputs stay.
Program eliminate_dead_code(Program program);

/// The outputs of a program without a loop, whose inputs are all captured: its uses are applied to these
/// tensors.
std::vector<Tensor> replay(const Program& program, std::span<const Tensor> captured);

/// Names for printing, of all values. Without a label inputs are c0, x0, w0 (carries, sequences, captured),
/// and all other values %n.
std::vector<std::string> names_of(const Program& program);
std::string name_of(const Program& program, Value value);
/// "%3 float32[2, 4] = add(%1, %2)", for one use.
std::string to_string(const Program& program, const Use& use);
/// The whole program, a line for each input, use and output.
std::string to_string(const Program& program);

}  // namespace unspool::scan_compiler
