#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/autograd/operation.h>
#include <unspool/autograd/variable.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/random.h>
#include <unspool/core/tensor.h>
#include <unspool/layers/constraint.h>
#include <unspool/layers/initializer.h>
#include <unspool/layers/ref.h>
#include <unspool/layers/regularizer.h>

namespace unspool {

class LayerBase;

namespace internal {
struct LayerAccess;
}

/// Arguments that every layer takes.
struct LayerOptions {
  /// Without '/'. Empty: made from the class's name, "dense_1".
  std::string name = {};
  /// Whether training changes the weights.
  bool trainable = true;
  /// Of weights and computation: float32 or float64.
  DType dtype = float32;
  /// A penalty on each output, divided by the batch size.
  Regularizer activity_regularizer = {};

  /// The list of these fields.
  static const Fields& fields();
};

/// The arguments that every layer takes from among a layer's own.
template <Options O>
LayerOptions layer_options(const O& options) {
  return options_from<LayerOptions>(options);
}

/// A weight to be made.
struct WeightOptions {
  /// The last part of the weight's path.
  std::string name = "weight";
  /// All sizes are known.
  Shape shape = {};
  /// Empty: glorot_uniform for floating dtypes, zeros for others.
  Initializer initializer = {};
  /// Empty: the layer's.
  std::optional<DType> dtype = std::nullopt;
  /// Whether training changes it.
  bool trainable = true;
  /// A penalty on the weight, part of losses().
  Regularizer regularizer = {};
  /// What the weight is projected to after each update.
  Constraint constraint = {};
};

/// What an input must be like; a field that is not set allows anything. Checked before a layer is built and
/// called.
struct InputSpec {
  /// The dtype.
  std::optional<DType> dtype = std::nullopt;
  /// The shape; unknown dimensions fit everything.
  std::optional<Shape> shape = std::nullopt;
  /// The number of axes; negative: any.
  int ndim = -1;
  /// The largest number of axes; negative: any.
  int max_ndim = -1;
  /// The smallest number of axes.
  int min_ndim = -1;
  /// The sizes of some axes.
  std::vector<std::pair<int, Index>> axes = {};
};

/// The part of a layer or cell that is saved: name, weights, the layers that it owns, config; and how it is
/// built.
class LayerTree {
 public:
  /// A layer that this one owns, and the name of the attribute that holds it: "cell", "forward_layer". An
  /// element of a list has the names of list and class: "cells/lstm_cell", "cells/lstm_cell_1".
  struct Child {
    /// The path of the attribute.
    std::string name;
    /// Never empty.
    Ref<LayerBase> layer;
  };

  virtual ~LayerTree();
  LayerTree(const LayerTree&) = delete;
  LayerTree& operator=(const LayerTree&) = delete;

  /// As given, or made from the class's name when the layer is made (at the latest when it is first asked
  /// for).
  const std::string& name() const;
  /// The names of the layers around and this one's, joined by '/'; empty until it is built.
  const std::string& path() const { return path_; }
  /// The path. ValueError until the layer is built.
  const std::string& scope_name() const;
  /// The dtype of weights and computation.
  DType dtype() const { return dtype_; }
  /// The name of the class as configs have it: "Dense", "SimpleRNNCell".
  virtual std::string class_name() const;

  /// Own trainable weights in the order they were added, own others, then each child's.
  std::vector<Variable> weights() const;
  /// The weights that training changes; none if the layer is not trainable.
  std::vector<Variable> trainable_weights() const;
  /// The weights that training does not change.
  std::vector<Variable> non_trainable_weights() const;
  /// trainable_weights() under another name.
  std::vector<Variable> trainable_variables() const { return trainable_weights(); }
  /// The weights, then the states of the generators of random numbers as they are now, int64 [seed, drawn]
  /// each: to look at, not to assign.
  std::vector<Variable> variables() const;
  /// The variables without trainable_variables().
  std::vector<Variable> non_trainable_variables() const;
  /// Whether training changes the weights of this layer.
  bool trainable() const { return trainable_; }
  /// Sets it for this layer, the weights that were added as trainable, and the children.
  void set_trainable(bool trainable);
  /// The values of weights(), in that order.
  std::vector<Tensor> get_weights() const;
  /// Sets the weights, in the order of weights(); floating values are cast. ValueError if number or shapes
  /// differ, and then nothing has changed.
  void set_weights(const std::vector<Tensor>& values);
  /// Takes over the weights of a layer of the same arguments, what of them trains, how far its generators of
  /// random numbers have drawn, and what it keeps between calls. ValueError if the two differ in number or
  /// shapes.
  void copy_state(const LayerTree& from);
  /// The number of elements of all weights. ValueError unless built.
  Index count_params() const;
  /// Adds a weight, made at once. Only in the constructor or while building: RuntimeError afterwards.
  Variable add_weight(WeightOptions options);
  /// Adds a weight, or returns the weight of this name if there is one. ValueError if that has another shape.
  Variable add_variable(WeightOptions options);

  /// The layers that this one owns, by the names of their attributes, in the order in which they were added.
  const std::vector<Child>& children() const { return children_; }
  /// The children without their names.
  std::vector<Ref<LayerBase>> sublayers() const;
  /// The generators of random numbers of this layer and of those below, in order. How far they have drawn is
  /// state, as the weights are, when training is to go on from a file.
  std::vector<SeedGenerator*> seed_generators();

  /// Whether all weights are made, those of the layers below among them.
  bool built() const { return built_ && !waits_; }
  /// Makes the weights for inputs of these shapes and of the layer's dtype, unless they are made. A call does
  /// it by itself; a layer may do it for its children while it is built. Children that build() does not build
  /// are built by a call on abstract tensors; where that fails they are left to the first call.
  void build_once(const std::vector<Shape>& input_shapes);
  /// Makes the weights for inputs of which the first has this dtype.
  void build_once(const std::vector<Shape>& input_shapes, DType first_dtype);
  /// Makes the weights for one input of this shape.
  void build_once(const Shape& input_shape);
  /// What inputs must be like, one spec for each of the first inputs.
  const std::vector<InputSpec>& input_spec() const { return input_spec_; }
  /// The penalty on each output; empty if there is none.
  const Regularizer& activity_regularizer() const { return activity_regularizer_; }

  /// The arguments that make this layer again. A layer with arguments of its own overrides it, by
  /// `return config_of(options)` if it has an options struct.
  virtual Config get_config() const;
  /// The shapes that the layer was built with: {"input_shape": ...}; null until it is built.
  virtual Config get_build_config() const;
  /// Builds the layer with the shapes of such a config.
  virtual void build_from_config(const Config& config);

 protected:
  explicit LayerTree(LayerOptions options);

  /// Makes the weights for an input of this shape. Called once, before the first call; again if it threw, or
  /// if the build of the layer around did.
  virtual void build(const Shape& input_shape);
  /// For layers whose weights depend on several inputs; a cell is given its input's shape and those of the
  /// constants.
  virtual void build_all(const std::vector<Shape>& input_shapes);
  /// This layer's own generator of random numbers; null if it draws nothing.
  virtual SeedGenerator* seed_generator() { return nullptr; }
  /// Variables that are no weights and keep their values between calls: copy_state() copies them.
  virtual std::vector<Variable> persistent_state() const;

  /// Owns a layer under the name of the attribute that holds it: its weights are this layer's, too. Only in
  /// the constructor or while building: RuntimeError afterwards. ValueError if another child has the name.
  template <class L>
  Ref<L> add_layer(std::string name, Ref<L> layer) {
    add_child(std::move(name), layer);
    return layer;
  }
  /// Owns a layer under the name of its class: "dense", and "dense_1" for the next of the class.
  template <class L>
  Ref<L> add_layer(Ref<L> layer) {
    add_list("", {Ref<LayerBase>(layer)});
    return layer;
  }
  /// Owns the layers of a list: "cells/lstm_cell", "cells/lstm_cell_1". A layer that stands there twice is
  /// one child.
  template <class L>
  std::vector<Ref<L>> add_layers(const std::string& name, std::vector<Ref<L>> layers) {
    add_list(name, {layers.begin(), layers.end()});
    return layers;
  }
  /// Sets what inputs must be like, one spec for each of the first inputs.
  void set_input_spec(std::vector<InputSpec> spec);
  /// The path, or the name of a layer that has none yet: what an error calls the layer outside of its calls.
  const std::string& path_or_name() const;
  /// The first of the inputs, or of their shapes. ValueError naming the layer if there is none.
  template <class T>
  const T& first_of(const std::vector<T>& inputs) const {
    if (inputs.empty()) fail_no_input();
    return inputs.front();
  }
  /// ValueError naming the layer unless inputs of these shapes fit input_spec().
  void check_input_shapes(const std::vector<Shape>& shapes) const;
  /// name, trainable, dtype and activity regularizer as they are now, then the other fields of an options
  /// struct.
  template <Options O>
  Config config_of(const O& options) const {
    return config_of(O::fields(), to_config(options));
  }

  /// Whether build() is done; children may still have to be built.
  bool build_done() const { return built_; }
  /// While the layer is built: the dtype of its first input.
  DType built_for() const { return built_for_; }
  /// Makes the weights, within a call context of this layer, for inputs of which the first has this dtype.
  void build_here(const std::vector<Shape>& input_shapes, DType first_dtype);
  /// Builds the children that build() left unbuilt, as the call context says.
  void build_children();
  /// Says that call() has run, so that the children that it uses are built.
  void note_call() {
    if (waits_) waits_ = false;  // Calls of a built layer write nothing.
  }
  /// Calls the layer on abstract tensors.
  virtual void infer_call(const std::vector<Spec>& inputs) = 0;
  /// This layer and all below, each once, in order.
  std::vector<const LayerBase*> all_layers() const;

 private:
  friend struct internal::LayerAccess;
  class BeforeBuild;

  const LayerBase& self() const;
  bool has_unbuilt_child() const;
  /// Says what shapes the layer was built with when the config was written: whoever builds it may know less.
  void build_later(const Config& config);
  /// Builds this layer and those below as another one of the same arguments is built.
  void build_like(const LayerTree& other);
  void check_child(const Ref<LayerBase>& layer) const;
  bool has_child(std::string_view name) const;
  bool owns(const Ref<LayerBase>& layer) const;
  void add_child(std::string name, Ref<LayerBase> layer);
  void add_list(const std::string& name, const std::vector<Ref<LayerBase>>& layers);
  Config config_of(const Fields& fields, const Config& arguments) const;
  void set_paths(std::string path);
  [[noreturn]] void fail_no_input() const;

  mutable std::string name_;
  std::string path_;
  bool trainable_ = true;
  DType dtype_ = float32;
  Regularizer activity_regularizer_;
  bool built_ = false;
  bool building_ = false;
  bool waits_ = false;  // Some children are to be built by the first call.
  DType built_for_ = float32;
  std::vector<Variable> trainable_weights_;  // Added as such, whatever they are now.
  std::vector<Variable> other_weights_;
  std::vector<Child> children_;
  std::vector<InputSpec> input_spec_;
  // What it was built with; before, what a config says that it was built with when it was saved.
  std::vector<Shape> build_shapes_;
  mutable Variable seed_state_;
};

}  // namespace unspool
