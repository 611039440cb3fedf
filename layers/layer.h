#pragma once

#include <type_traits>
#include <vector>

#include <unspool/layers/layer_base.h>

namespace unspool {

/// A layer: a function from tensors to tensors, with weights. Derive from it for a layer of your own, and
/// override call() and, if it has weights, build():
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
  /// Public, so that derived classes can inherit it with `using Layer::Layer;`.
  explicit Layer(LayerOptions options = {});

  /// Calls the layer: checks the inputs, casts floating ones to the layer's dtype, builds the layer at the
  /// first call, passes on `training` and the mask, runs call(), and attaches the mask of the output. Errors
  /// name the path of the layer. If a tensor is symbolic, the call becomes a node of the graph of layers.
  Outputs operator()(const Inputs& inputs, const CallArgs& args = {});
  /// Equal to operator(); the name in TensorFlow 1.4.
  Outputs apply(const Inputs& inputs, const CallArgs& args = {});

  /// The shapes of the outputs for inputs of these shapes, whose dimensions may be unknown. By default it
  /// calls the layer on abstract tensors, which builds it.
  virtual std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs);
  /// The shape of the first output for one input of this shape.
  Shape compute_output_shape(const Shape& input);
  /// The mask of the first output, from that of the first input, which may be empty. By default the latter if
  /// supports_masking(), else none. A mask that call() attaches takes precedence.
  virtual Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask);
  /// The masks of all outputs, in order. By default only that of compute_mask().
  virtual std::vector<Tensor> compute_masks(const std::vector<Tensor>& inputs, const Tensor& mask);
  /// Whether the mask of the input is passed on to the output.
  virtual bool supports_masking() const { return false; }

 protected:
  /// Computes the output of a layer with one input and one output. This is what most layers override.
  virtual Tensor call(const Tensor& x, const CallArgs& args);
  /// Computes the outputs of a layer with several inputs or outputs. By default it runs call() on the only
  /// input.
  virtual std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args);
  /// Throws for inputs that call_all() cannot process. Called before the layer is built, so that a call that
  /// throws leaves it unchanged. The inputs meet input_spec() but are not cast yet.
  virtual void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const;
  /// The result of call_all() on tensors of infer(), of which only shape and dtype are known. By default
  /// tensors of the layer's dtype and the shapes of compute_output_shapes() if the class overrides it, else
  /// the result of call_all().
  virtual std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args);
  /// Whether floating inputs are cast to the layer's dtype.
  virtual bool autocast() const { return true; }
  /// The shapes that the first call passes to build_all(): those of the inputs.
  virtual std::vector<Shape> build_shapes(const std::vector<Tensor>& inputs, const CallArgs& args) const;

 private:
  /// The source of output shapes for inputs without values.
  enum class ShapesFrom { rule, call };

  template <class L, class... Arguments>
  friend Ref<L> detail::make_layer(Arguments&&... arguments);
  /// Called by make_layer(), which knows the class.
  template <class L>
  void note_shape_rule() {
    using Default = std::vector<Shape> (Layer::*)(const std::vector<Shape>&);
    // A private override cannot be detected.
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
