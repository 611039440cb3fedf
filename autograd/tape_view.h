#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/autograd/attributes.h>
#include <unspool/autograd/tape.h>

namespace unspool {

struct Operation;

/// A value of a tape: an input, a constant, or a result of a record.
struct TapeValue {
  /// "kernel", "f_2", "%4"; unique among the values of a view.
  std::string name;
  /// The value. Abstract where the tape did not keep it: see GradientTapeOptions::keep_all.
  Tensor tensor;
  /// The layer that computed it or has it as a weight, as a path; empty: none.
  std::string layer;
  /// The time step in which it was computed; -1: none.
  Index step = -1;
  /// Whether the tape records what is computed from it. A constant has no gradient.
  bool recorded = false;
  /// The variable whose value it is; empty: none.
  Variable variable;
};

/// A use of an operation that a tape recorded.
struct TapeRecord {
  /// What was used; its record is in autograd/operation.h.
  const Operation* operation = nullptr;
  /// The name of the operation.
  std::string_view name() const;
  /// The settings of this use.
  Attributes attributes;
  ///@{
  /// The operands and the results, as indices into TapeView::values.
  std::vector<std::size_t> inputs;
  std::vector<std::size_t> outputs;
  ///@}
  /// The path of the layer that ran; empty: none, or the tape does not keep all.
  std::string layer;
  /// The time step that ran; -1: none.
  Index step = -1;
};

/// What a tape recorded. The worksheet, the pictures and the page of a tape are made of this.
struct TapeView {
  /// Each value once.
  std::vector<TapeValue> values;
  /// In the order in which they ran.
  std::vector<TapeRecord> records;

  /// The index of a value. Throws ValueError if the tape does not have it.
  std::size_t index_of(const Tensor& tensor) const;
  /// "f_2 = sigmoid(a_f_2)", for one record.
  std::string formula(const TapeRecord& record) const;
  /// For each operand of a record what its gradient rule computes, as a formula of the gradients that arrive
  /// and of what the rule reads: "df_2 * f_2 * (1 - f_2)". Empty for a constant. Nobody wrote these formulas:
  /// the rule is run on operands without values, and what it does is written down.
  std::vector<std::string> gradient_formulas(const TapeRecord& record) const;
  /// The name of the gradient with respect to a value: "df_2".
  std::string gradient_name(std::size_t value) const { return "d" + values[value].name; }
};

/// One record, on the way back.
struct TapeSweepStep {
  /// Index into TapeView::records.
  std::size_t record = 0;
  /// For each result the gradient that arrives, the sum of all that its readers sent; empty: none.
  std::vector<Tensor> arriving;
  /// For each operand the gradient that leaves; empty: none. An operand that stands twice has the sum at its
  /// first place.
  std::vector<Tensor> leaving;
};

/// How gradients went back through a tape.
struct TapeSweep {
  /// The value that was differentiated, as an index into TapeView::values.
  std::size_t target = 0;
  /// The records that a gradient reached, from the last to the first.
  std::vector<TapeSweepStep> steps;
  /// For each value the whole gradient; empty: none.
  std::vector<Tensor> gradients;
};

/// The arguments of GradientTape::sweep().
struct TapeSweepOptions {
  Tensor output_gradient = {};  ///< The gradient with respect to the target; empty: ones.
  /// Truncated backpropagation through time: gradients from this time step, or a later one, do not go to
  /// values of earlier time steps. 0: all go.
  Index truncate_at = 0;
};

}  // namespace unspool
