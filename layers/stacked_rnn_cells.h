#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/cell.h>
#include <unspool/layers/options_layer.h>

namespace unspool {

/// What StackedRNNCells takes beside its cells.
struct StackedRNNCellsOptions {
  std::string name = {};
  bool trainable = true;
  /// Empty: the first cell's.
  std::optional<DType> dtype = std::nullopt;

  static const Fields& fields();
};

namespace layers {

/// Cells one after the other, as one cell: each takes the output of the one before. The states are those of
/// the first cell, then those of the second, and so on. A masked step passes over all of them.
class StackedRNNCells : public OptionsLayer<StackedRNNCellsOptions, Cell> {
 public:
  /// Throws ValueError unless there is a cell, and none is empty.
  explicit StackedRNNCells(std::vector<Ref<Cell>> cells, const StackedRNNCellsOptions& options = {});

  /// The cells in the order in which they run.
  const std::vector<Ref<Cell>>& cells() const { return cells_; }
  /// Some of this cell's states, in order, or tensors that stand for them, cell by cell. Throws ValueError unless
  /// there are as many as states.
  std::vector<States> by_cell(const States& states) const;

  /// Those of the cells, the first cell's first.
  States get_initial_state(Index batch_size, DType dtype) override;
  using Cell::get_initial_state;
  /// If one of them does.
  bool supports_constants() const override;
  Config get_config() const override;
  /// Makes the cells, then the stack. Throws ValueError for a config that names none.
  static Ref<StackedRNNCells> from_config(const Config& config);

 protected:
  void build_all(const std::vector<Shape>& input_shapes) override;
  /// Runs the cells one after the other.
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override;

 private:
  std::vector<Ref<Cell>> cells_;
};

}  // namespace layers

/// StackedRNNCells({LSTMCell({.units = 64}), GRUCell({.units = 32})}).
Ref<layers::StackedRNNCells> StackedRNNCells(std::vector<Ref<Cell>> cells,
                                             StackedRNNCellsOptions options = {});

}  // namespace unspool
