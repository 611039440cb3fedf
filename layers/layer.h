#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/config.h>
#include <unspool/core/tensor.h>
#include <unspool/layers/constraint.h>
#include <unspool/layers/initializer.h>
#include <unspool/layers/regularizer.h>

namespace unspool {

class LayerBase;
class Layer;
class Cell;

/// What a call is given beside its inputs.
struct CallArgs {
  /// Not said: as the layer around says, else false.
  std::optional<bool> training = std::nullopt;
  /// Which steps count, (batch, time), bool. Empty: the mask attached to the first input, if any.
  Tensor mask = {};
  std::vector<Tensor> initial_state = {};
  std::vector<Tensor> constants = {};

  bool is_training() const { return training.value_or(false); }
};

/// The input tensors of a call, from one tensor or a list.
class Inputs {
 public:
  Inputs(const Tensor& tensor) : tensors_{tensor} {}
  Inputs(const Variable& variable) : tensors_{variable.value()} {}
  Inputs(std::initializer_list<Tensor> tensors) : tensors_(tensors) {}
  Inputs(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {}
  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  std::vector<Tensor> tensors_;
};

/// What a call returns: a tensor, the first output, that may have others after it. unpack<n>() names them
/// all.
class Outputs : public Tensor {
 public:
  Outputs(Tensor only) : Outputs(std::vector<Tensor>{std::move(only)}) {}
  Outputs(std::vector<Tensor> all) : Tensor(all.empty() ? Tensor() : all.front()), all_(std::move(all)) {}
  const std::vector<Tensor>& all() const { return all_; }

 private:
  std::vector<Tensor> all_;
};

[[noreturn]] void fail_unpack(std::size_t wanted, std::size_t came);

/// auto [sequence, state] = unpack<2>(rnn(x)). ValueError if there are not exactly `count` outputs.
template <std::size_t count>
std::array<Tensor, count> unpack(const Outputs& outputs) {
  if (outputs.all().size() != count) fail_unpack(count, outputs.all().size());
  std::array<Tensor, count> parts;
  for (std::size_t i = 0; i < count; ++i) parts[i] = outputs.all()[i];
  return parts;
}

/// `tensor` with a mask attached, (batch, time) and bool: layers that understand masks find it there.
Tensor with_mask(const Tensor& tensor, const Tensor& mask);
/// The mask attached to a tensor; empty if there is none.
Tensor mask_of(const Tensor& tensor);

/// A weight to be made.
struct WeightOptions {
  std::string name = "weight";
  Shape shape = {};
  /// Empty: glorot_uniform for floating dtypes, zeros for others.
  Initializer initializer = {};
  /// Empty: the layer's.
  std::optional<DType> dtype = std::nullopt;
  bool trainable = true;
  Regularizer regularizer = {};
  Constraint constraint = {};
};

/// A shared layer or cell: copying a Ref shares it. Called like a function.
template <class L>
class Ref {
 public:
  Ref() = default;
  explicit Ref(std::shared_ptr<L> layer) : layer_(std::move(layer)) {}
  template <class D>
  requires(std::is_base_of_v<L, D> && !std::is_same_v<L, D>) Ref(const Ref<D>& other)
      : layer_(other.pointer()) {}

  explicit operator bool() const { return layer_ != nullptr; }
  L* operator->() const { return layer_.get(); }
  L& operator*() const { return *layer_; }
  const std::shared_ptr<L>& pointer() const { return layer_; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.layer_ == b.layer_; }

  Outputs operator()(const Inputs& inputs,
                     const CallArgs& args = {}) const requires std::is_base_of_v<Layer, L> {
    return (*layer_)(inputs, args);
  }
  auto operator()(const Tensor& x, const std::vector<Tensor>& states,
                  const CallArgs& args = {}) const requires std::is_base_of_v<Cell, L> {
    return (*layer_)(x, states, args);
  }

 private:
  std::shared_ptr<L> layer_;
};

/// A layer or cell of any class: make<MinimalGatedCell>(128).
template <class L, class... Arguments>
Ref<L> make(Arguments&&... arguments) {
  return Ref<L>(std::make_shared<L>(std::forward<Arguments>(arguments)...));
}

/// The function object behind a built-in layer's name: Dense({.units = 10}) is a Ref<layers::Dense>.
template <class L>
struct Maker {
  Ref<L> operator()(typename L::Options options) const {
    return Ref<L>(std::make_shared<L>(std::move(options)));
  }
};

/// Arguments that every layer takes.
struct LayerOptions {
  /// Empty: made from the class's name, "dense_1".
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
};

/// All that layers and cells have in common: names, weights, sublayers, losses, config. How they are called
/// is the business of Layer and Cell.
class LayerBase : public std::enable_shared_from_this<LayerBase> {
 public:
  virtual ~LayerBase();
  LayerBase(const LayerBase&) = delete;
  LayerBase& operator=(const LayerBase&) = delete;

  const std::string& name() const { return name_; }
  /// The names of the layers around and this one's, joined by '/'; empty until it is built.
  const std::string& path() const { return path_; }
  DType dtype() const { return dtype_; }
  bool built() const { return built_; }
  /// The name of the class as configs have it: "Dense", "SimpleRNNCell".
  virtual std::string class_name() const;

  /// Own trainable weights in the order they were added, own others, then each sublayer's.
  std::vector<Variable> weights() const;
  std::vector<Variable> trainable_weights() const;
  std::vector<Variable> non_trainable_weights() const;
  std::vector<Variable> trainable_variables() const { return trainable_weights(); }
  bool trainable() const { return trainable_; }
  /// Of this layer, its weights and its sublayers.
  void set_trainable(bool trainable);
  std::vector<Tensor> get_weights() const;
  /// In the order of weights(). ValueError if number or shapes differ; then nothing has changed.
  void set_weights(const std::vector<Tensor>& values);
  /// The number of elements of all weights. ValueError unless built.
  Index count_params() const;

  /// Added penalties: add_loss's since the outermost call began, then each trainable weight's regularizer.
  std::vector<Tensor> losses() const;

  const std::vector<Ref<LayerBase>>& sublayers() const { return sublayers_; }
  /// The arguments that make this layer again.
  virtual Config get_config() const;

 protected:
  explicit LayerBase(LayerOptions options = {});

  /// Adds a weight, made at once. Only while building or in the constructor: RuntimeError afterwards.
  Variable add_weight(WeightOptions options);
  /// Owns a sublayer: its weights are this layer's, too.
  template <class L>
  Ref<L> add_layer(Ref<L> layer) {
    own(layer);
    return layer;
  }
  /// A loss of this call (a scalar), for the training loss.
  void add_loss(const Tensor& loss);

  /// Makes the weights for inputs of this shape. Called once, before the first call.
  virtual void build(const Shape& input_shape);
  /// Runs build() with the layer's path in force, unless it is built.
  void build_once(const Shape& input_shape);

 private:
  friend class Layer;
  friend class Cell;
  class Scope;

  void own(Ref<LayerBase> layer);

  std::string name_;
  std::string path_;
  bool trainable_ = true;
  DType dtype_ = float32;
  bool built_ = false;
  std::vector<Variable> weights_;
  std::vector<Ref<LayerBase>> sublayers_;
  std::vector<Tensor> losses_;
};

/// A layer: tensors in, tensors out. One of your own derives from it and overrides call(), and build() if it
/// has weights:
///
///     class Scale : public Layer {
///      public:
///       void build(const Shape& input) override { gain_ = add_weight({.name = "gain", .shape =
///       {input.back()}}); } Tensor call(const Tensor& x, const CallArgs&) override { return x * gain_; }
///      private:
///       Variable gain_;
///     };
///     Tensor y = make<Scale>()(x);
class Layer : public LayerBase {
 public:
  /// Builds the layer at the first call, hands down `training` and the mask, and calls it. Errors name its
  /// path.
  Outputs operator()(const Inputs& inputs, const CallArgs& args = {});

  /// The shapes of the outputs for inputs of these shapes; dimensions may be unknown. By default found by
  /// calling the layer on abstract tensors.
  virtual std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs);
  Shape compute_output_shape(const Shape& input) { return compute_output_shapes({input}).at(0); }
  /// The mask of the output, given that of the first input (may be empty).
  virtual Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask);
  /// Whether masks pass through.
  virtual bool supports_masking() const { return false; }

 protected:
  using LayerBase::LayerBase;

  /// One tensor in, one out: the usual thing to override.
  virtual Tensor call(const Tensor& x, const CallArgs& args);
  /// Several in or out.
  virtual std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args);
};

}  // namespace unspool
