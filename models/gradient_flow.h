#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include <unspool/models/model.h>

namespace unspool {

/// One value of a recurrent layer over time: a state, or a gate that the cell names with labeled().
struct GradientFlowRow {
  std::string layer;          ///< The path of the cell: "lstm/lstm_cell".
  std::string value;          ///< The name of the value: "h", "f".
  bool state = false;         ///< Whether it is a state.
  std::vector<double> norms;  ///< For each time step t the L2 norm, over batch and units, of dL/dvalue_t.
  /// For each time step the fraction of elements at which the gate is saturated, which is less than 0.1 from
  /// a bound of the function that computed it: below 0.1 or above 0.9 for a sigmoid (Karpathy, Johnson,
  /// Fei-Fei 2015), above 0.9 in size for tanh. Empty unless its operation states two finite bounds
  /// (Operation::bounds).
  std::vector<double> saturated;
  Index units = 0;  ///< The number of units.
  /// The number of units that did nothing in this batch: the function gave its only bound, as relu gives 0,
  /// or a gate was saturated at one end, in each sample at each step.
  Index dead = 0;
};

/// The spectral radius of a square block of a recurrent kernel.
struct SpectralRadius {
  std::string weight;  ///< The path of the weight, and which block of its columns:
                       ///< "lstm/lstm_cell/recurrent_kernel[1]".
  double radius = 0;   ///< The largest absolute value of an eigenvalue.
};

/// What gradient_flow() returns.
struct GradientFlow {
  double loss = 0;                             ///< The loss of the batch.
  std::vector<GradientFlowRow> rows;           ///< By layer, in the order in which they ran; states first.
  std::vector<SpectralRadius> spectral_radii;  ///< Of each recurrent_kernel.

  /// The row of a value; the first one if several layers have it. Throws KeyError if there is none.
  const GradientFlowRow& row(const std::string& value, const std::string& layer = {}) const;
  /// A table: for each row the norm at the first and the last step, the ratio of the two, saturation, dead
  /// units.
  std::string to_text() const;
  /// "layer,value,step,norm,saturated", a line for each row and step.
  std::string to_csv() const;
  /// Norms as lines on a logarithmic scale over time, a panel for each layer; an SVG image.
  std::string lines_to_svg(const std::string& title = {}) const;
  /// Norms as colors on a logarithmic scale, a line of cells for each row; an SVG image.
  std::string heat_map_to_svg(const std::string& title = {}) const;
  ///@{
  /// Write to_csv(), lines_to_svg() or heat_map_to_svg() to a file. Throw FileError if it cannot be written.
  void save_csv(const std::string& path) const;
  void save_lines(const std::string& path, const std::string& title = {}) const;
  void save_heat_map(const std::string& path, const std::string& title = {}) const;
  ///@}
  /// Writes an event file for TensorBoard into a folder: for each row the scalars
  /// "gradient_flow/lstm/lstm_cell/h" and "saturated/lstm/lstm_cell/f", whose steps are time steps. Throws
  /// FileError if it cannot be written.
  void write_events(const std::string& log_dir) const;
};
///@{
/// to_text().
std::string to_string(const GradientFlow& flow);
std::ostream& operator<<(std::ostream& stream, const GradientFlow& flow);
///@}

/// Runs a batch through a compiled model, as evaluate() does, with recurrent layers step by step in place of
/// compiled, and returns how large the gradient of the loss is at each step: with respect to each state as
/// the step leaves it, through all that follows, and to each gate. The model, its layers' states and its
/// random generators stay as they are. Gradients at a masked step are 0. Throws ValueError if the model is
/// not compiled, or as evaluate() does for x and y.
GradientFlow gradient_flow(const Model& model, const NamedList<Tensor>& x, const NamedList<Tensor>& y);

}  // namespace unspool
