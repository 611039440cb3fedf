#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <unspool/core/random.h>
#include <unspool/layers/cell.h>

namespace unspool {

/// The rates of a DropoutCell.
struct DropoutCellOptions {
  /// The fraction of input elements to drop, 0 to 1.
  double dropout = 0;
  /// The fraction of elements of the first state to drop, 0 to 1.
  double recurrent_dropout = 0;
  std::optional<std::int64_t> seed = std::nullopt;
  /// The number of masks for the input and for the state: one for all gates, or one for each gate.
  int masks = 1;
};

/// A cell with dropout on its input and on its first state: masks are drawn once for each call and are equal
/// for all steps (Gal and Ghahramani 2016). In call(), write dropped_input(x, args) for x and
/// dropped_state(h, args) for h.
///
/// The elements of a mask are 0 or 1 / (1 - rate). Masks belong to the call of the RNN, through any number of
/// cells between it and this one. Outside of an RNN the cell keeps its masks until they are reset or the
/// shape of the input changes.
class DropoutCell : public Cell {
 public:
  /// The rate for the input.
  double dropout() const { return dropout_; }
  /// The rate for the first state.
  double recurrent_dropout() const { return recurrent_dropout_; }

  /// The masks for inputs of the shape of `x`: none if the rate is 0, else `count` masks, of ones outside of
  /// training. In an RNN they are drawn once for each call of the RNN; elsewhere they are kept until they are
  /// reset or the shape changes.
  std::vector<Tensor> get_dropout_mask_for_cell(const Tensor& x, bool training, int count = 1);
  /// The masks for the first state; otherwise like get_dropout_mask_for_cell().
  std::vector<Tensor> get_recurrent_dropout_mask_for_cell(const Tensor& state, bool training, int count = 1);
  /// Clears the masks that are kept for inputs.
  void reset_dropout_mask() { reset(input_masks_); }
  /// Clears the masks that are kept for states.
  void reset_recurrent_dropout_mask() { reset(state_masks_); }

  CallCache call_cache(const Tensor& x, const CallArgs& args) override;
  void reset_call_cache() override;

 protected:
  /// Throws ValueError for a rate outside of 0 to 1.
  DropoutCell(CellOptions cell, DropoutCellOptions dropout);

  /// `x` times mask number i of this call, or `x` if there is none.
  Tensor dropped_input(const Tensor& x, const CallArgs& args, int i = 0) const;
  /// `state` times mask number i of this call, or `state` if there is none.
  Tensor dropped_state(const Tensor& state, const CallArgs& args, int i = 0) const;

  /// matmul(x, kernel) with dropout on x. With one mask for each gate, each of the `gates` equal parts of the
  /// columns of the kernel uses its own mask.
  Tensor input_product(const Tensor& x, const Tensor& kernel, const CallArgs& args, int gates) const;
  /// matmul(state, kernel) with dropout on the state; otherwise like input_product().
  Tensor state_product(const Tensor& state, const Tensor& kernel, const CallArgs& args, int gates) const;

  SeedGenerator* seed_generator() override { return &seeds_; }

 private:
  void check_count(int count) const;
  static void reset(std::vector<Tensor>& masks) {
    if (!masks.empty()) masks.clear();  // Prediction does not write to layers.
  }
  /// The masks for a tensor: those of the sequence that is running, or else those in `kept`.
  std::vector<Tensor> masks(std::vector<Tensor>& kept, const Tensor& like, double rate, int count);

  double dropout_;
  double recurrent_dropout_;
  int masks_;
  SeedGenerator seeds_;
  std::vector<Tensor> input_masks_;
  std::vector<Tensor> state_masks_;
};

}  // namespace unspool
