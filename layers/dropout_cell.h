#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <unspool/core/random.h>
#include <unspool/layers/cell.h>

namespace unspool {

/// The rates of a DropoutCell.
struct DropoutCellOptions {
  /// The part of the input's elements that a call leaves out, 0 to 1.
  double dropout = 0;
  /// The same of the first state's.
  double recurrent_dropout = 0;
  std::optional<std::int64_t> seed = std::nullopt;
  /// How many masks each of the two needs: one for all gates, or one a gate.
  int masks = 1;
};

/// A cell with dropout on its input and on its first state: masks are drawn once a call and are the same at
/// every step (Gal and Ghahramani 2016). In call(), write dropped_input(x, args) for x and dropped_state(h,
/// args) for h.
///
/// A mask holds 0 or 1 / (1 - rate). The masks belong to the call of the RNN, whatever lies between it and
/// the cell. Outside of an RNN the cell keeps its masks until they are reset, or until the input's shape
/// changes.
class DropoutCell : public Cell {
 public:
  /// The rate for the input.
  double dropout() const { return dropout_; }
  /// The rate for the first state.
  double recurrent_dropout() const { return recurrent_dropout_; }

  /// The masks for inputs like `x`: none if the rate is 0, else `count` of them, of ones outside of training.
  /// In the steps of an RNN they are drawn once a call of the RNN; elsewhere they are kept until they are
  /// reset, or until the input's shape changes.
  std::vector<Tensor> get_dropout_mask_for_cell(const Tensor& x, bool training, int count = 1);
  /// The masks for states like `state`, the first one, as get_dropout_mask_for_cell().
  std::vector<Tensor> get_recurrent_dropout_mask_for_cell(const Tensor& state, bool training, int count = 1);
  /// Forgets the masks that are kept for inputs.
  void reset_dropout_mask() { reset(input_masks_); }
  /// Forgets the masks that are kept for states.
  void reset_recurrent_dropout_mask() { reset(state_masks_); }

  CallCache call_cache(const Tensor& x, const CallArgs& args) override;
  void reset_call_cache() override;

 protected:
  /// Throws ValueError for a rate outside of 0 to 1.
  DropoutCell(CellOptions cell, DropoutCellOptions dropout);

  /// `x` with the i-th mask of this call; as it is where there is none.
  Tensor dropped_input(const Tensor& x, const CallArgs& args, int i = 0) const;
  /// `state` with the i-th mask of this call; as it is where there is none.
  Tensor dropped_state(const Tensor& state, const CallArgs& args, int i = 0) const;

  /// matmul(x, kernel) with x dropped. With one mask a gate, each of `gates` equal parts of the kernel's
  /// columns sees x through its own, the first mask first.
  Tensor input_product(const Tensor& x, const Tensor& kernel, const CallArgs& args, int gates) const;
  /// matmul(state, kernel) with the state dropped, as input_product().
  Tensor state_product(const Tensor& state, const Tensor& kernel, const CallArgs& args, int gates) const;

  SeedGenerator* seed_generator() override { return &seeds_; }

 private:
  void check_count(int count) const;
  static void reset(std::vector<Tensor>& masks) {
    if (!masks.empty()) masks.clear();  // Prediction writes nothing.
  }
  /// Masks for tensors like this: those of the sequence whose steps are running, else those in `kept`.
  std::vector<Tensor> masks(std::vector<Tensor>& kept, const Tensor& like, double rate, int count);

  double dropout_;
  double recurrent_dropout_;
  int masks_;
  SeedGenerator seeds_;
  std::vector<Tensor> input_masks_;
  std::vector<Tensor> state_masks_;
};

}  // namespace unspool
