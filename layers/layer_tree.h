#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/mistake.h>
#include <unspool/core/random.h>
#include <unspool/core/tensor.h>
#include <unspool/layers/constraint.h>
#include <unspool/layers/initializer.h>
#include <unspool/layers/ref.h>
#include <unspool/layers/regularizer.h>

namespace unspool {

class LayerBase;
struct Spec;

namespace internal {
struct LayerAccess;
}

/// Arguments that every layer takes.
struct LayerOptions {
  /// The name, without '/'. Default: from the name of the class, "dense_1"; see LayerTree::name().
  std::string name = {};
  /// Whether training changes the weights.
  Flag trainable = true;
  /// The dtype of weights and computation: float32 or float64.
  DType dtype = float32;
  /// A penalty on each output, divided by the batch size.
  Regularizer activity_regularizer = {};

  /// The list of these fields.
  static const Fields& fields();
};

/// Those fields of an options struct that every layer has.
template <Options O>
LayerOptions layer_options(const O& options) {
  return options_from<LayerOptions>(options);
}

/// The arguments of add_weight().
struct WeightOptions {
  /// The name, which is the last part of the path.
  std::string name = "weight";
  /// The shape, without unknown sizes.
  Shape shape = {};
  /// The initial value. Default: glorot_uniform for floating dtypes, zeros for others.
  Initializer initializer = {};
  /// Default: the dtype of the layer.
  std::optional<DType> dtype = std::nullopt;
  /// Whether training changes it.
  Flag trainable = true;
  /// A penalty on the weight, part of losses().
  Regularizer regularizer = {};
  /// Applied to the weight after each update.
  Constraint constraint = {};
};

/// Requirements for an input, which are checked before a layer is built and called. A field that is not set
/// allows anything.
struct InputSpec {
  /// The dtype.
  std::optional<DType> dtype = std::nullopt;
  /// The shape; an unknown dimension allows any size.
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

/// The part of layers and cells that is saved: name, weights, children, config. It also builds layers.
class LayerTree {
 public:
  /// A layer that this one owns, with the name of its attribute: "cell", "forward_layer". An element of a
  /// list is named after the list and its class: "cells/lstm_cell", "cells/lstm_cell_1".
  struct Child {
    /// The path of the attribute.
    std::string name;
    /// Never empty.
    Ref<LayerBase> layer;
  };

  virtual ~LayerTree();
  LayerTree(const LayerTree&) = delete;
  LayerTree& operator=(const LayerTree&) = delete;

  /// The name that was given, or else one made from the name of the class, "dense_1", when it is first
  /// needed: when the layer is added to another layer or a model, called, or asked for its name.
  const std::string& name() const;
  /// The names of the outer layers and of this one, joined by '/'. Empty if the layer is not built.
  const std::string& path() const { return path_; }
  /// The path. Throws ValueError if the layer is not built.
  const std::string& scope_name() const;
  /// The dtype of weights and computation.
  DType dtype() const { return dtype_; }
  /// The name of the class in configs: "Dense", "SimpleRNNCell".
  virtual std::string class_name() const;

  /// All weights: this layer's trainable ones in the order in which they were added, its other ones, then
  /// those of each child.
  std::vector<Variable> weights() const;
  /// The weights that training changes; none if the layer is not trainable.
  std::vector<Variable> trainable_weights() const;
  /// The weights that training does not change.
  std::vector<Variable> non_trainable_weights() const;
  /// Equal to trainable_weights().
  std::vector<Variable> trainable_variables() const { return trainable_weights(); }
  /// The weights, then the current state of each random number generator, int64 {seed, number of draws}. The
  /// states are copies: assigning to them has no effect.
  std::vector<Variable> variables() const;
  /// The variables without trainable_variables().
  std::vector<Variable> non_trainable_variables() const;
  /// Whether training changes the weights of this layer.
  bool trainable() const { return trainable_; }
  /// Sets trainable() for this layer, for the weights that were added as trainable, and for the children.
  void set_trainable(bool trainable);
  /// The values of weights(), in that order.
  std::vector<Tensor> get_weights() const;
  /// Sets the weights, in the order of weights(); floating values are cast. Throws ValueError, and changes
  /// nothing, if the number or a shape differs.
  void set_weights(const std::vector<Tensor>& values);
  /// Copies the state of a layer with equal arguments: its weights and which of them train, its random number
  /// generators, and what it keeps between calls. Throws ValueError if the number or a shape differs.
  void copy_state(const LayerTree& from);
  /// The number of elements of all weights. Throws ValueError if the layer is not built.
  Index count_params() const;
  /// Adds a weight and makes its initial value. Throws RuntimeError outside of the constructor and build().
  Variable add_weight(WeightOptions options);
  /// A mistake, with what to write in the first line of the error.
  template <std::size_t n = 0>
  UNSPOOL_MISTAKE(
      "an option is misspelt, or its value is of a wrong type: write WeightOptions options{...}; and the "
      "compiler names it",
      add_weight(UNSPOOL_MISFIT_LIST(WeightOptions)));
  /// Returns the weight of this name, which is added if there is none. Throws ValueError if it has another
  /// shape.
  Variable add_variable(WeightOptions options);

  /// The layers that this one owns, with the names of their attributes, in the order in which they were
  /// added.
  std::vector<Child> children() const;
  /// The children without their names.
  std::vector<Ref<LayerBase>> sublayers() const;
  /// Whether this layer is among the children.
  bool owns(const LayerTree& layer) const;
  /// The random number generators of this layer and of all layers below, in order. Their states are saved
  /// with the weights, so that training can continue from a file.
  std::vector<SeedGenerator*> seed_generators();

  /// Whether all weights are made, those of the layers below included.
  bool built() const { return built_ && !waits_; }
  /// Makes the weights for inputs of these shapes and of the layer's dtype, if they are not made yet. A call
  /// does this automatically; a layer may do it for its children in build(). Children that build() does not
  /// build are built by a call on abstract tensors or, if that fails, by the first call.
  void build_once(const std::vector<Shape>& input_shapes);
  /// Makes the weights for inputs of these shapes, the first of which has this dtype.
  void build_once(const std::vector<Shape>& input_shapes, DType first_dtype);
  /// Makes the weights for one input of this shape.
  void build_once(const Shape& input_shape);
  /// The requirements for the first inputs, in order.
  std::vector<InputSpec> input_spec() const;
  /// The penalty on each output; empty if there is none.
  const Regularizer& activity_regularizer() const { return activity_regularizer_; }

  /// The arguments from which an equal layer can be made. A class with arguments of its own overrides it,
  /// with `return config_of(options)` if it has an options struct.
  virtual Config get_config() const;
  /// The shapes that the layer was built for: {"input_shape": ...}. Null if it is not built.
  virtual Config get_build_config() const;
  /// Builds the layer for the shapes of a get_build_config().
  virtual void build_from_config(const Config& config);

 protected:
  explicit LayerTree(LayerOptions options);

  /// Makes the weights for an input of this shape. Override it in a layer with weights. Called once, before
  /// the first call; called again if it or the build() of an outer layer threw.
  virtual void build(const Shape& input_shape);
  /// Like build(), for layers whose weights depend on several inputs. A cell gets the shapes of its input and
  /// of its constants.
  virtual void build_all(const std::vector<Shape>& input_shapes);
  /// The random number generator of this layer; null if it has none.
  virtual SeedGenerator* seed_generator() { return nullptr; }
  /// Variables that are not weights and keep their values between calls. copy_state() copies them.
  virtual std::vector<Variable> persistent_state() const;

  /// Adds a child with the name of its attribute: its weights become weights of this layer, too. Throws
  /// RuntimeError outside of the constructor and build(), ValueError if another child has the name.
  template <class L>
  Ref<L> add_layer(std::string name, Ref<L> layer) {
    add_child(std::move(name), layer);
    return layer;
  }
  /// Adds a child with the name of its class: "dense", and "dense_1" for the next one of that class.
  template <class L>
  Ref<L> add_layer(Ref<L> layer) {
    add_to_list(layer);
    return layer;
  }
  /// Adds the layers of a list as children: "cells/lstm_cell", "cells/lstm_cell_1". A layer that occurs twice
  /// is one child.
  template <class L>
  std::vector<Ref<L>> add_layers(const std::string& name, std::vector<Ref<L>> layers) {
    add_list(name, {layers.begin(), layers.end()});
    return layers;
  }
  /// children(), without a copy.
  const std::vector<Child>& own_children() const { return children_; }
  /// input_spec(), without a copy.
  const std::vector<InputSpec>& own_input_spec() const { return input_spec_; }
  /// Sets the requirements for the first inputs, in order.
  void set_input_spec(std::vector<InputSpec> spec);
  /// The path, or the name if there is no path yet. For errors outside of calls.
  const std::string& path_or_name() const;
  /// The first of the inputs, or of their shapes. Throws ValueError with the name of the layer if there are
  /// none.
  template <class T>
  const T& first_of(const std::vector<T>& inputs) const {
    if (inputs.empty()) fail_no_input();
    return inputs.front();
  }
  /// Throws ValueError with the name of the layer if inputs of these shapes do not meet input_spec().
  void check_input_shapes(const std::vector<Shape>& shapes) const;
  /// The config of a layer with an options struct: the current name, trainable, dtype and activity
  /// regularizer, then the other fields.
  template <Options O>
  Config config_of(const O& options) const {
    return config_of(O::fields(), to_config(options));
  }

  /// Whether build() has run. Children may not be built yet.
  bool build_done() const { return built_; }
  /// The dtype of the first input, while the layer is being built.
  DType built_for() const { return built_for_; }
  /// Makes the weights in a call context of this layer, for inputs the first of which has this dtype.
  void build_here(const std::vector<Shape>& input_shapes, DType first_dtype);
  /// Builds the children that build() did not build, as the call context says.
  void build_children();
  /// Records that call() has run, so that the children that it uses are built.
  void note_call() {
    if (waits_) waits_ = false;  // Calls of a built layer write nothing.
  }
  /// Calls the layer on abstract tensors.
  virtual void infer_call(const std::vector<Spec>& inputs) = 0;
  /// This layer and all layers below, each once, in order.
  std::vector<const LayerBase*> all_layers() const;

 private:
  friend struct internal::LayerAccess;
  class BeforeBuild;

  const LayerBase& self() const;
  bool has_unbuilt_child() const;
  /// Sets the shapes that the layer was built for when the config was written. The next build may know fewer
  /// of them.
  void build_later(const Config& config);
  /// Builds this layer and all layers below like another one with equal arguments.
  void build_like(const LayerTree& other);
  template <class L, class... Arguments>
  friend Ref<L> detail::make_layer(Arguments&&... arguments);
  void check_child(const Ref<LayerBase>& layer) const;
  bool has_child(std::string_view name) const;
  void add_child(std::string name, const Ref<LayerBase>& layer);
  void push_child(std::string name, const Ref<LayerBase>& layer);
  void add_to_list(const Ref<LayerBase>& layer);
  void add_list(const std::string& name, const std::vector<Ref<LayerBase>>& layers);
  Config config_of(const Fields& fields, const Config& arguments) const;
  void set_paths(std::string path);
  [[noreturn]] void fail_no_input() const;

  mutable std::string name_;  // The first member: scripts/gdb/unspool.py finds it there.
  std::string path_;
  bool trainable_ = true;
  DType dtype_ = float32;
  Regularizer activity_regularizer_;
  bool built_ = false;
  bool building_ = false;
  bool waits_ = false;  // Whether the first call has to build some children.
  DType built_for_ = float32;
  std::vector<Variable> trainable_weights_;  // Those added as trainable, even if they are not now.
  std::vector<Variable> other_weights_;
  std::vector<Child> children_;
  std::vector<InputSpec> input_spec_;
  // The shapes that it was built for or, before, those in the config that it was made from.
  std::vector<Shape> build_shapes_;
  mutable Variable seed_state_;
  // Makes another object with the arguments that make() got, if they were numbers, texts and shapes.
  Callable<std::shared_ptr<LayerBase>()> make_again_;
};

}  // namespace unspool
