#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <unspool/layers/call.h>
#include <unspool/layers/layer_tree.h>

namespace unspool {

namespace internal {
class CallScope;
}

/// What the calls of layers and cells have in common: the losses and updates that a call adds, and the checks
/// of its inputs. How they are called is declared by Layer and Cell.
class LayerCalls : public LayerTree {
 public:
  ~LayerCalls() override;

  /// Added penalties: what add_loss() and activity regularizers gave since the outermost call began, here and
  /// in the layers below, then each trainable weight's regularizer.
  std::vector<Tensor> losses() const;
  /// Adds a loss of this call (one number) to the training loss. In a graph of layers it is added when the
  /// graph is run. NotImplementedError for a symbolic tensor.
  void add_loss(const Tensor& loss);
  /// Adds a loss that depends on some of the inputs of the call.
  void add_loss(const Tensor& loss, const Inputs& inputs);
  /// Assigns `value` to `variable`: at once, or in a graph of layers whenever that is run.
  void add_update(const Variable& variable, const Tensor& value);
  /// Assigns a value that depends on some of the inputs of the call.
  void add_update(const Variable& variable, const Tensor& value, const Inputs& inputs);

 protected:
  explicit LayerCalls(LayerOptions options) : LayerTree(std::move(options)) {}

  /// ValueError naming the layer unless the inputs fit input_spec().
  void check_inputs(const std::vector<Tensor>& inputs) const;
  /// Forgets the losses of earlier calls, here and below.
  void clear_losses();
  /// Adds each trainable weight's penalty.
  void add_weight_losses(std::vector<Tensor>& losses) const;

  /// A loss of the last call, and the identities of the inputs that it depends on.
  struct AddedLoss {
    /// A scalar.
    Tensor value;
    /// Identities of tensors.
    std::vector<std::uint64_t> inputs;
  };
  /// The losses of this layer's own calls since the outermost call began.
  const std::vector<AddedLoss>& added_losses() const { return added_losses_; }

 private:
  void add_loss(const Tensor& loss, const std::vector<Tensor>& inputs, bool conditional);
  void add_update(const Variable& variable, const Tensor& value, bool conditional);

  std::vector<AddedLoss> added_losses_;
};

/// While it lives, calls on this thread keep no losses: prediction writes to no layer.
class WithoutLosses {
 public:
  WithoutLosses();
  ~WithoutLosses();
  WithoutLosses(const WithoutLosses&) = delete;
  WithoutLosses& operator=(const WithoutLosses&) = delete;

 private:
  std::unique_ptr<internal::CallScope> scope_;
};

}  // namespace unspool
