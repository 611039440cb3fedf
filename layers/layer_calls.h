#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <unspool/layers/call.h>
#include <unspool/layers/layer_tree.h>

namespace unspool {

namespace internal {
class CallScope;
struct LayerAccess;
}  // namespace internal

/// The common part of calls of layers and cells: losses and updates that a call adds, and checks of its
/// inputs. Layer and Cell declare how they are called.
class LayerCalls : public LayerTree {
 public:
  ~LayerCalls() override;

  /// The losses of the last outermost call, from add_loss() and activity regularizers of this layer and all
  /// layers below, then the penalty of each trainable weight with a regularizer.
  std::vector<Tensor> losses() const;
  /// Adds a scalar loss of this call to the training loss. In a graph of layers it is added when the graph
  /// runs. Throws NotImplementedError for a symbolic tensor.
  void add_loss(const Tensor& loss);
  /// Adds a loss that depends on some of the inputs of the call.
  void add_loss(const Tensor& loss, const Inputs& inputs);
  /// Assigns `value` to `variable` at once or, in a graph of layers, whenever the graph runs.
  void add_update(const Variable& variable, const Tensor& value);
  /// Assigns a value that depends on some of the inputs of the call.
  void add_update(const Variable& variable, const Tensor& value, const Inputs& inputs);

 protected:
  explicit LayerCalls(LayerOptions options);

  /// Throws ValueError with the name of the layer if the inputs do not meet input_spec().
  void check_inputs(const std::vector<Tensor>& inputs) const;
  /// Throws RuntimeError if this call stands in the call of another layer, and neither that layer nor one
  /// around it owns the weights and losses of this one: training and saving would leave them out.
  void check_owner() const;
  /// Clears the losses of earlier calls of this layer and all layers below.
  void clear_losses();
  /// Appends the penalty of each trainable weight with a regularizer.
  void add_weight_losses(std::vector<Tensor>& losses) const;

  /// A loss of the last call, and the identities of the inputs that it depends on.
  struct AddedLoss {
    /// A scalar.
    Tensor value;
    /// The identities of these inputs.
    std::vector<std::uint64_t> inputs;
  };
  /// The losses of this layer's own calls in the last outermost call.
  const std::vector<AddedLoss>& added_losses() const { return added_losses_; }

 private:
  friend struct internal::LayerAccess;

  void add_loss(const Tensor& loss, const std::vector<Tensor>& inputs, bool conditional);
  void add_update(const Variable& variable, const Tensor& value, bool conditional);

  std::vector<AddedLoss> added_losses_;
};

/// While it lives, calls on this thread keep no losses, so that prediction does not write to layers.
class WithoutLosses {
 public:
  WithoutLosses();
  ~WithoutLosses();
  WithoutLosses(const WithoutLosses&) = delete;
  WithoutLosses& operator=(const WithoutLosses&) = delete;

 private:
  internal::CallScope* scope_;  // Owned.
};

}  // namespace unspool
