#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/autograd/scan.h>
#include <unspool/core/mistake.h>
#include <unspool/layers/cell.h>
#include <unspool/layers/options_layer.h>

namespace unspool {

namespace internal {
struct SequenceCall;
}

/// Arguments of RNN.
struct RNNOptions {
  Flag return_sequences = false;
  Flag return_state = false;
  Flag go_backwards = false;
  Flag stateful = false;
  Flag unroll = false;
  Flag zero_output_for_mask = false;
  Flag time_major = false;
  /// Gradient checkpointing, if above 0: training keeps the states of every so many steps and computes the
  /// others again (see ScanOptions). Throws ValueError together with unroll.
  Index recompute_every = 0;
  Regularizer activity_regularizer = {};
  std::string name = {};
  Flag trainable = true;
  /// Default: the dtype of the cell.
  std::optional<DType> dtype = std::nullopt;

  static const Fields& fields();
};

namespace layers {

/// Runs a cell over the steps of a sequence of shape (batch, time, features...). Returns the output of the
/// last step, (batch, ...), or of all steps, (batch, time, ...), and then the states if return_state is true.
///
/// A masked step changes nothing: the states stay, and the output is that of the step before (zeros before
/// the first step). Masked values are never used, so a NaN among them reaches neither results nor gradients.
/// args.initial_state has one tensor for each state; args.constants are passed to the cell at every step.
/// Both may also follow the sequence in the list of inputs.
class RNN : public OptionsLayer<RNNOptions> {
 public:
  /// An RNN of this cell. Throws ValueError if it is empty.
  explicit RNN(Ref<Cell> cell, const RNNOptions& options = {});

  /// The cell.
  const Ref<Cell>& cell() const { return cell_; }
  /// Whether a call starts with the states at the end of the previous call.
  bool stateful() const { return options_.stateful; }
  /// Whether the steps are visited from the last to the first.
  bool go_backwards() const { return options_.go_backwards; }
  /// Whether the first axis of sequences is time, and the second the batch.
  bool time_major() const { return options_.time_major; }
  /// Sets the option, for layers that own several recurrent layers and need one value for all.
  void set_zero_output_for_mask(bool zero) { options_.zero_output_for_mask = zero; }

  /// The initial states of the cell, each (batch, size), with the dtype of the cell.
  States get_initial_state(Index batch_size) const { return cell_->get_initial_state(batch_size); }
  /// The initial states of the cell with this dtype.
  States get_initial_state(Index batch_size, DType dtype) const;
  /// The initial states of the cell with the batch size and dtype of a sequence.
  States get_initial_state(const Tensor& sequence) const;
  /// The states kept between calls. Empty if the layer is not stateful or not built.
  std::vector<Variable> states() const;
  /// Resets states() to the initial states of the cell. Throws AttributeError if the layer is not stateful,
  /// ValueError if it is not built.
  void reset_states();
  /// Sets states() to these values. Throws as reset_states() does, and throws ValueError, changing nothing,
  /// if the number or a shape differs.
  void reset_states(const std::vector<Tensor>& values);
  /// Equal to reset_states(); the name in Keras 3.
  void reset_state() { reset_states(); }

  /// Prints how the last call ran: what runs once, before the loop over time, in it and after it, forward and
  /// backward, and how much memory that takes. Read this first if a cell is slow.
  std::string plan(PlanOptions options = {}) const;
  /// The compiled loop of the last call, for pictures; null if there was none.
  std::shared_ptr<const CompiledScan> compiled() const;

  /// The shapes of the outputs. Time and batch may be unknown.
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  bool supports_masking() const override { return true; }
  Config get_config() const override;

 protected:
  void build_all(const std::vector<Shape>& input_shapes) override;
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  std::vector<Variable> persistent_state() const override;
  /// The shapes of the sequence and of the constants.
  std::vector<Shape> build_shapes(const std::vector<Tensor>& inputs, const CallArgs& args) const override;

  /// The config of a layer that has the options of an RNN and of its cell, in Keras' order: those of every
  /// layer, those of the RNN, those of the cell.
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
  /// Run the steps by scan, and one after the other on the tape, with equal results: the output of all steps
  /// or of the last one, then the states. scanned() calls make_cache() before it calls the cell, if it does.
  std::vector<Tensor> scanned(const Tensor& sequence, const Tensor& mask, States states,
                              const CallArgs& step_args, const Callable<void()>& make_cache);
  std::vector<Tensor> unrolled(const Tensor& sequence, const Tensor& mask, States states,
                               const CallArgs& step_args);

  Ref<Cell> cell_;
  std::vector<Variable> states_;
  struct Scans;
  std::shared_ptr<Scans> scans_;
};

}  // namespace layers

/// Makes the layer; see RNN.
class RNNMaker {
 public:
  /// An RNN of a cell.
  Ref<layers::RNN> operator()(const Ref<Cell>& cell, RNNOptions options = {}) const;
  ///@{
  /// An RNN of StackedRNNCells.
  Ref<layers::RNN> operator()(std::initializer_list<Ref<Cell>> cells, RNNOptions options = {}) const;
  Ref<layers::RNN> operator()(const std::vector<Ref<Cell>>& cells, RNNOptions options = {}) const;
  ///@}
  /// A mistake, with what to write in the first line of the error.
  template <std::size_t n = 0>
  UNSPOOL_MISTAKE(
      "an option is misspelt, or its value is of a wrong type: write RNNOptions options{...}; and the "
      "compiler names it",
      operator()(const Ref<Cell>& cell, UNSPOOL_MISFIT_LIST(RNNOptions)) const);
};

/// Makes the layer: RNN(cell, {.return_sequences = true}), RNN({cell, cell}).
inline constexpr RNNMaker RNN;

}  // namespace unspool
