#pragma once

#include <type_traits>
#include <vector>

#include <unspool/layers/layer_base.h>

namespace unspool {

/// A layer: tensors in, tensors out. One of your own derives from it and overrides call(), and build() if it
/// has weights:
///
///     class Scale : public Layer {
///      public:
///       void build(const Shape& input) override {
///         gain_ = add_weight({.name = "gain", .shape = {input.back()}, .initializer = Ones()});
///       }
///       Tensor call(const Tensor& x, const CallArgs&) override { return x * gain_; }
///
///      private:
///       Variable gain_;
///     };
///     Tensor y = make<Scale>()(x);
class Layer : public LayerBase {
 public:
  /// Public, so that `using Layer::Layer;` gives a class of one's own the same.
  explicit Layer(LayerOptions options = {});

  /// Checks the inputs, casts floating ones to the layer's dtype, builds the layer at the first call, hands
  /// down `training` and the mask, calls it, and attaches the mask of the output. Errors name its path.
  /// If one of its tensors is symbolic, the call becomes a node of the graph of layers.
  Outputs operator()(const Inputs& inputs, const CallArgs& args = {});
  /// operator() under the name of TensorFlow 1.4's page.
  Outputs apply(const Inputs& inputs, const CallArgs& args = {});

  /// The shapes of the outputs for inputs of these shapes; dimensions may be unknown. By default found by
  /// calling the layer on abstract tensors, which builds it.
  virtual std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs);
  /// The shape of the first output for one input of this shape.
  Shape compute_output_shape(const Shape& input);
  /// The mask of the first output, given that of the first input (may be empty). By default that one if
  /// supports_masking(), else none. A mask that call() attached stays.
  virtual Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask);
  /// Those of all outputs that have one, in order. By default compute_mask()'s alone.
  virtual std::vector<Tensor> compute_masks(const std::vector<Tensor>& inputs, const Tensor& mask);
  /// Whether masks pass through.
  virtual bool supports_masking() const { return false; }

 protected:
  /// Computes the output of a layer with one input and one output: the usual function to override.
  virtual Tensor call(const Tensor& x, const CallArgs& args);
  /// Computes the outputs of a layer with several inputs or outputs. By default call() of the only input.
  virtual std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args);
  /// Throws on what call_all() cannot run on. Asked before the first call builds the layer, so that a call
  /// that is refused leaves it as it was; inputs fit input_spec(), but are not cast yet.
  virtual void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const;
  /// What call_all() would return for tensors of infer(), of which only shape and dtype are known. By default
  /// tensors of the layer's dtype and the shapes of compute_output_shapes() if the class overrides that, else
  /// what call_all() returns.
  virtual std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args);
  /// Whether floating inputs are cast to the layer's dtype.
  virtual bool autocast() const { return true; }
  /// The shapes that the first call hands to build_all(): those of the inputs.
  virtual std::vector<Shape> build_shapes(const std::vector<Tensor>& inputs, const CallArgs& args) const;

 private:
  /// Where the shapes of the outputs come from if the inputs have no values.
  enum class ShapesFrom { rule, call };

  template <class L, class... Arguments>
  friend Ref<L> make(Arguments&&... arguments);
  /// Called by make(), which knows the class.
  template <class L>
  void note_shape_rule() {
    using Default = std::vector<Shape> (Layer::*)(const std::vector<Shape>&);
    // A class that overrides it privately cannot be asked.
    if constexpr (requires { &L::compute_output_shapes; }) {
      has_shape_rule_ = !std::is_same_v<decltype(&L::compute_output_shapes), Default>;
    } else {
      has_shape_rule_ = true;
    }
  }
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  void infer_call(const std::vector<Spec>& inputs) override;
  std::vector<Tensor> call_on(const std::vector<Tensor>& inputs, const CallArgs& args,
                              ShapesFrom shapes_from);
  void add_activity_losses(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs);

  // Whether the class overrides compute_output_shapes().
  bool has_shape_rule_ = false;
};

}  // namespace unspool
