#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include <unspool/layers/cell.h>

namespace unspool {

/// `left = right`, or `left += right` for the gradient of a weight, which sums over time steps.
struct Equation {
  std::string left;          ///< The name of the value.
  std::string right;         ///< The expression, as text; BackwardEquations describes the notation.
  std::string latex;         ///< The whole equation in LaTeX's math mode.
  bool accumulates = false;  ///< Whether it is `+=`.
  std::size_t operations =
      0;  ///< The signs, powers, functions and sums in it; `+=` is one, a transpose none.
};

/// A weight of the equations, or a constant that is more than a number.
struct EquationWeight {
  std::string name;  ///< The name of the weight.
  Shape shape;       ///< Its shape.
  /// The names of its parts, "[kernel_f, kernel_c]", side by side or, after a semicolon, in the next row.
  /// Empty if the equations name it as a whole.
  std::string parts;
  std::string latex;  ///< Its letter in LaTeX.
  Tensor constant;    ///< The value of a constant; empty for a weight.
};

/// The equations of one time step of a cell, and of the step of backpropagation through time that belongs to
/// it. Values are matrices with a row for each sequence of the batch: `*`, `/` and `^2` work by elements, `@`
/// is the product of matrices, `^T` the transpose, `sum(a)` the sum over the rows of the batch. `h` is a
/// state as the step gets it, `h_t` as it leaves it, `da` the gradient of the loss with respect to a, and
/// `dh_next` what the next step gives as its `dh`.
struct BackwardEquations {
  std::string name;                     ///< The class of the cell.
  std::vector<EquationWeight> weights;  ///< Weights, in the order of Cell::weights(), then constants.
  std::vector<Equation> forward;        ///< The forward step.
  std::vector<Equation> backward;       ///< The backward step.

  /// All equations as text.
  std::string to_text() const;
  /// All equations as LaTeX, for amsmath: an `align*` environment for each direction.
  std::string to_latex() const;
};
///@{
/// to_text().
std::string to_string(const BackwardEquations& equations);
std::ostream& operator<<(std::ostream& stream, const BackwardEquations& equations);
///@}

/// The equations of a cell, which may be a user's own: its step is traced as scan() traces it, the gradient
/// is the one that scan() compiles, and both are simplified. Values have the names that the cell gives them
/// with labeled(); a cell without them gets names such as g1. Dropout is left out, as when predicting.
///
/// `input_size` is the shape of an input without the batch; a cell that is built needs none. Throws
/// ValueError if the cell is empty, or not built and without an input_size.
BackwardEquations backward_equations(const Ref<Cell>& cell, const Shape& input_size = {});

}  // namespace unspool
