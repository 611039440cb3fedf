#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/autograd/scan.h>
#include <unspool/layers/cell.h>
#include <unspool/layers/options_layer.h>

namespace unspool {

namespace internal {
struct SequenceCall;
}

/// Arguments of RNN.
struct RNNOptions {
  bool return_sequences = false;
  bool return_state = false;
  bool go_backwards = false;
  bool stateful = false;
  bool unroll = false;
  bool zero_output_for_mask = false;
  bool time_major = false;
  /// Above 0: training keeps the states of every so many steps and computes those between again
  /// (ScanOptions). ValueError with unroll.
  Index recompute_every = 0;
  Regularizer activity_regularizer = {};
  std::string name = {};
  bool trainable = true;
  /// Empty: the cell's.
  std::optional<DType> dtype = std::nullopt;

  static const Fields& fields();
};

namespace layers {

/// Runs a cell over the steps of a sequence (batch, time, features...): output (batch, ...) of the last step,
/// or (batch, time, ...), then each state if return_state.
///
/// A step whose mask is false changes nothing: the states stay, and the
/// output is that of the step before (zeros before the first). What is masked is never used, so a NaN there
/// reaches neither results nor gradients. args.initial_state has one tensor a state; args.constants are
/// handed to the cell at every step. Both may also follow the sequence in the list of inputs.
class RNN : public OptionsLayer<RNNOptions> {
 public:
  /// Runs this cell. ValueError if it is empty.
  explicit RNN(Ref<Cell> cell, const RNNOptions& options = {});

  /// The cell that does a step.
  const Ref<Cell>& cell() const { return cell_; }
  /// Whether a batch goes on where the one before ended.
  bool stateful() const { return options_.stateful; }
  /// For layers that hold several others and need one rule for all: sets the option.
  void set_zero_output_for_mask(bool zero) { options_.zero_output_for_mask = zero; }

  /// Zeros, or what the cell gives: (batch, size) each, of the dtype of the cell.
  States get_initial_state(Index batch_size) const { return cell_->get_initial_state(batch_size); }
  /// The same, of this dtype.
  States get_initial_state(Index batch_size, DType dtype) const;
  /// The same, of the batch size and dtype of a sequence.
  States get_initial_state(const Tensor& sequence) const;
  /// The states kept between calls; empty unless stateful and built.
  const std::vector<Variable>& states() const { return states_; }
  /// Sets them to zeros. AttributeError unless stateful; ValueError unless built.
  void reset_states();
  /// Sets them to these values. ValueError for another number or other shapes too, and then nothing has
  /// changed.
  void reset_states(const std::vector<Tensor>& values);
  /// The name that Keras gives reset_states().
  void reset_state() { reset_states(); }

  /// How the last call was run: what runs once, before, in and after the loop over time, forward and
  /// backward, and what memory it takes. The first thing to read when a cell is slow.
  std::string plan(PlanOptions options = {}) const;

  /// Time and batch may be unknown.
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  bool supports_masking() const override { return true; }
  Config get_config() const override;

 protected:
  void build_all(const std::vector<Shape>& input_shapes) override;
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  std::vector<Variable> persistent_state() const override { return states_; }
  /// The sequence's, then the constants'.
  std::vector<Shape> build_shapes(const std::vector<Tensor>& inputs, const CallArgs& args) const override;

  /// The config of a layer whose options are those of an RNN and of its cell, in Keras' order: what every
  /// layer has, then the options of the RNN, then those of the cell.
  static Config loop_first(const Config& config);

 private:
  friend class Bidirectional;
  using Parts = internal::SequenceCall;
  Parts parts_of(const std::vector<Tensor>& inputs, const CallArgs& args) const;
  void check_symbolic_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  void check_sequence(const Shape& shape) const;
  void check_initial_states(const States& given, Index batch) const;
  void check_keeps_states() const;
  void check_mask(const Tensor& mask, const Shape& sequence) const;
  Shape step_shape(const Shape& sequence) const;
  States first_states(const Tensor& sequence, const States& given) const;
  int time_axis() const { return options_.time_major ? 0 : 1; }
  /// The same numbers by the compiled loop, and one step after the other: what each step gives if all are
  /// wanted, else the last output; then the states.
  std::vector<Tensor> scanned(const Tensor& sequence, const Tensor& mask, States states,
                              const CallArgs& step_args);
  std::vector<Tensor> unrolled(const Tensor& sequence, const Tensor& mask, States states,
                               const CallArgs& step_args);

  Ref<Cell> cell_;
  std::vector<Variable> states_;
  struct LastScan;
  std::shared_ptr<LastScan> last_scan_;
};

}  // namespace layers

/// RNN(cell, {.return_sequences = true}).
Ref<layers::RNN> RNN(const Ref<Cell>& cell, RNNOptions options = {});
/// RNN({cell, cell}): an RNN over StackedRNNCells.
Ref<layers::RNN> RNN(std::initializer_list<Ref<Cell>> cells, RNNOptions options = {});
/// The same of a vector.
Ref<layers::RNN> RNN(const std::vector<Ref<Cell>>& cells, RNNOptions options = {});

}  // namespace unspool
