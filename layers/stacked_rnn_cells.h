#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/cell.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// The arguments of StackedRNNCells besides its cells.
struct StackedRNNCellsOptions {
  std::string name = {};
  Flag trainable = true;
  /// Default: the dtype of the first cell.
  std::optional<DType> dtype = std::nullopt;

  static const Fields& fields();
};

namespace layers {

/// A stack of cells as one cell: each takes the output of the one before. The states are those of the first
/// cell, then those of the second, and so on.
class StackedRNNCells : public OptionsLayer<StackedRNNCellsOptions, Cell> {
 public:
  /// Throws ValueError if there are no cells, or an empty one.
  explicit StackedRNNCells(std::vector<Ref<Cell>> cells, const StackedRNNCellsOptions& options = {});

  /// The cells in order of execution.
  std::vector<Ref<Cell>> cells() const;
  /// Splits the states of this cell, or one tensor for each of them, by cell. Throws ValueError if their
  /// number is not that of the states.
  std::vector<States> by_cell(const States& states) const;

  /// The initial states of all cells, in order.
  States get_initial_state(Index batch_size, DType dtype) override;
  using Cell::get_initial_state;
  /// Whether one of the cells supports constants.
  bool supports_constants() const override;
  /// Whether all cells are pure; a class derived from this one says it for itself.
  bool is_pure() const override;
  Config get_config() const override;
  /// Makes the cells and the stack. Throws ValueError for a config without cells.
  static Ref<StackedRNNCells> from_config(const Config& config);

 protected:
  void build_all(const std::vector<Shape>& input_shapes) override;
  /// Runs the cells in order.
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override;

 private:
  std::vector<Ref<Cell>> cells_;
};

}  // namespace layers

/// Makes the cell: StackedRNNCells({LSTMCell({.units = 64}), GRUCell({.units = 32})}).
inline constexpr WrapperMaker<layers::StackedRNNCells, std::vector<Ref<Cell>>> StackedRNNCells;

}  // namespace unspool
