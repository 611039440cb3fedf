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
#include <unspool/core/fields.h>
#include <unspool/core/random.h>
#include <unspool/core/tensor.h>
#include <unspool/layers/constraint.h>
#include <unspool/layers/initializer.h>
#include <unspool/layers/naming.h>
#include <unspool/layers/regularizer.h>

namespace unspool {

class LayerBase;
class Layer;
class Cell;
class GraphNode;

namespace internal {
class CallScope;
struct LayerCall;
struct NodeRecord;
}  // namespace internal

/// What a cell makes once a call and keeps over its steps, dropout masks say; a cell made of others keeps
/// theirs, too.
struct PerCall {
  std::vector<Tensor> tensors = {};
  std::vector<PerCall> of_cells = {};
};

/// What a call is given beside its inputs.
struct CallArgs {
  /// Not said: as the layer around says, else false.
  std::optional<bool> training = std::nullopt;
  /// Which steps count, (batch, time), bool. Empty: the mask attached to the first input, if any.
  Tensor mask = {};
  std::vector<Tensor> initial_state = {};
  /// What a cell is given at every step beside its input.
  std::vector<Tensor> constants = {};
  /// What the cell's per_call() gave. Filled in by RNN.
  std::shared_ptr<const PerCall> per_call = nullptr;

  bool is_training() const { return training.value_or(false); }
};

class Outputs;

/// The input tensors of a call, from one tensor or a list, or all outputs of another call.
class Inputs {
 public:
  Inputs(const Tensor& tensor);
  Inputs(const Outputs& outputs);
  Inputs(const Variable& variable);
  Inputs(std::initializer_list<Tensor> tensors);
  Inputs(std::vector<Tensor> tensors);
  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  std::vector<Tensor> tensors_;
};

/// What a call returns: a tensor, the first output, that may have others after it. unpack<n>() names them
/// all.
class Outputs : public Tensor {
 public:
  Outputs(Tensor only);
  Outputs(std::vector<Tensor> all);
  const std::vector<Tensor>& all() const& { return all_; }
  /// Of a call that nobody holds: for (const Tensor& y : layer(x).all()) is right.
  std::vector<Tensor> all() &&;

 private:
  std::vector<Tensor> all_;
};

/// The shape of a tensor, the first, that may have others after it.
class Shapes : public Shape {
 public:
  Shapes(std::vector<Shape> all);
  const std::vector<Shape>& all() const& { return all_; }
  std::vector<Shape> all() &&;

 private:
  std::vector<Shape> all_;
};

[[noreturn]] void fail_unpack(std::size_t wanted, std::size_t got);

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
  Ref<L> made(std::make_shared<L>(std::forward<Arguments>(arguments)...));
  made->name();  // Names are counted in the order in which layers are made.
  if constexpr (std::is_base_of_v<Layer, L>) made->template note_shape_rule<L>();
  return made;
}

/// Arguments that every layer takes.
struct LayerOptions {
  /// Without '/'. Empty: made from the class's name, "dense_1".
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  /// A penalty on each output, divided by the batch size.
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Those arguments from among a layer's own.
template <Options O>
LayerOptions layer_options(const O& options) {
  return options_from<LayerOptions>(options);
}

/// What an input must be like; what is not said may be anything. Checked before a layer is built and called.
struct InputSpec {
  std::optional<DType> dtype = std::nullopt;
  /// Unknown dimensions fit everything.
  std::optional<Shape> shape = std::nullopt;
  /// Negative: not said.
  int ndim = -1;
  int max_ndim = -1;
  int min_ndim = -1;
  /// The sizes of some axes.
  std::vector<std::pair<int, Index>> axes = {};
};

/// An assignment to a variable that a layer does when it runs.
struct Update {
  Variable variable;
  /// What it is given: of a symbolic call only shape and dtype are known.
  Tensor value;
};

/// All that layers and cells have in common: names, weights, sublayers, losses, config. How they are called
/// is the business of Layer and Cell.
class LayerBase : public std::enable_shared_from_this<LayerBase> {
 public:
  virtual ~LayerBase();
  LayerBase(const LayerBase&) = delete;
  LayerBase& operator=(const LayerBase&) = delete;

  /// As given, or made from the class's name when the layer is made (at the latest when it is first asked
  /// for).
  const std::string& name() const;
  /// The names of the layers around and this one's, joined by '/'; empty until it is built.
  const std::string& path() const { return path_; }
  DType dtype() const { return dtype_; }
  bool built() const { return built_; }
  /// The name of the class as configs have it: "Dense", "SimpleRNNCell".
  virtual std::string class_name() const;

  /// Own trainable weights in the order they were added, own others, then each sublayer's.
  std::vector<Variable> weights() const;
  /// Those that training changes; none if the layer is not trainable.
  std::vector<Variable> trainable_weights() const;
  std::vector<Variable> non_trainable_weights() const;
  std::vector<Variable> trainable_variables() const { return trainable_weights(); }
  /// The weights, then the states of the generators of random numbers as they are now, int64 [seed, drawn]
  /// each: to look at, not to assign.
  std::vector<Variable> variables() const;
  /// The variables without trainable_variables().
  std::vector<Variable> non_trainable_variables() const;
  bool trainable() const { return trainable_; }
  /// Of this layer, the weights that were added as trainable, and its sublayers.
  void set_trainable(bool trainable);
  std::vector<Tensor> get_weights() const;
  /// In the order of weights(); floating values are cast. ValueError if number or shapes differ, and then
  /// nothing has changed.
  void set_weights(const std::vector<Tensor>& values);
  /// Takes over the weights of a layer of the same arguments, what of them trains, how far its generators of
  /// random numbers have drawn, and what it keeps between calls. ValueError if the two differ in number or
  /// shapes.
  void copy_state(const LayerBase& from);
  /// The number of elements of all weights. ValueError unless built.
  Index count_params() const;

  /// Added penalties: what add_loss() and activity regularizers gave since the outermost call began, here and
  /// in sublayers, then each trainable weight's regularizer.
  std::vector<Tensor> losses() const;
  /// Losses that depend on none of the inputs of a call: those added so, and the weights' regularizers.
  std::vector<Tensor> get_losses_for(std::nullopt_t) const;
  /// Losses that depend on these tensors: added for a call that took one of them, or, in a graph of layers,
  /// something computed from one. Of a loss in a graph only shape and dtype are known.
  std::vector<Tensor> get_losses_for(const Inputs& inputs) const;
  /// The assignments that the symbolic calls of this layer and of those below stand for; those of eager
  /// calls are done at once and not kept.
  std::vector<Update> updates() const;
  /// Of these, the ones that depend on no inputs, or on the inputs given.
  std::vector<Update> get_updates_for(std::nullopt_t) const;
  std::vector<Update> get_updates_for(const Inputs& inputs) const;

  /// Adds a loss of this call (one number) to the training loss. With `inputs`, those of the call that it
  /// depends on. In a graph of layers it is added when the graph is run. NotImplementedError for a symbolic
  /// tensor.
  void add_loss(const Tensor& loss);
  void add_loss(const Tensor& loss, const Inputs& inputs);
  /// Assigns `value` to `variable`: at once, or in a graph of layers whenever that is run.
  void add_update(const Variable& variable, const Tensor& value);
  void add_update(const Variable& variable, const Tensor& value, const Inputs& inputs);

  /// Adds a weight, made at once. Only in the constructor or while building: RuntimeError afterwards.
  Variable add_weight(WeightOptions options);
  /// The same, or the weight of this name if there is one. ValueError if that has another shape.
  Variable add_variable(WeightOptions options);
  /// The path. ValueError until the layer is built.
  const std::string& scope_name() const;

  /// The calls of this layer on symbolic tensors, in order.
  std::vector<std::shared_ptr<const GraphNode>> inbound_nodes() const;
  /// The symbolic tensors of the only such call: the first, and all. AttributeError if there is none, or if
  /// there are several.
  Outputs input() const;
  Outputs output() const;
  /// The masks attached to them; empty where there is none.
  Outputs input_mask() const;
  Outputs output_mask() const;
  /// Their shapes. AttributeError if there was no such call, or if shapes differ between several.
  Shapes input_shape() const;
  Shapes output_shape() const;
  /// The same of the call at `node`. RuntimeError if there was none; ValueError if there is none at `node`.
  Outputs get_input_at(Index node) const;
  Outputs get_output_at(Index node) const;
  Shapes get_input_shape_at(Index node) const;
  Shapes get_output_shape_at(Index node) const;
  Outputs get_input_mask_at(Index node) const;
  Outputs get_output_mask_at(Index node) const;

  const std::vector<Ref<LayerBase>>& sublayers() const { return sublayers_; }
  /// The generators of random numbers of this layer and of those below, in order. How far they have drawn is
  /// state, as the weights are, when training is to go on from a file.
  std::vector<SeedGenerator*> seed_generators();
  const std::vector<InputSpec>& input_spec() const { return input_spec_; }
  const Regularizer& activity_regularizer() const { return activity_regularizer_; }

  /// Makes the weights for inputs of these shapes, unless they are made. A call does it by itself; a layer
  /// may do it for its sublayers while it is built.
  void build_once(const std::vector<Shape>& input_shapes);
  void build_once(const Shape& input_shape);

  /// The arguments that make this layer again. A layer with arguments of its own overrides it, by
  /// `return config_of(options)` if it has an options struct.
  virtual Config get_config() const;
  /// The shapes that the layer was built with: {"input_shape": ...}; null until it is built.
  virtual Config get_build_config() const;
  /// Builds the layer as such a config says.
  virtual void build_from_config(const Config& config);

 protected:
  explicit LayerBase(LayerOptions options = {});

  /// This layer's own; null if it draws nothing.
  virtual SeedGenerator* seed_generator() { return nullptr; }
  /// Variables that are no weights, which a copy shares the values of.
  virtual std::vector<Variable> kept_states() const;

  /// Owns a sublayer: its weights are this layer's, too. Only in the constructor or while building.
  template <class L>
  Ref<L> add_layer(Ref<L> layer) {
    own(layer);
    return layer;
  }
  /// For the first inputs, one each.
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

  /// Makes the weights for inputs of this shape. Called once, before the first call; again if it threw, or if
  /// that of the layer around did.
  virtual void build(const Shape& input_shape);
  /// For layers whose weights depend on several inputs; a cell is given its input's shape and those of the
  /// constants.
  virtual void build_all(const std::vector<Shape>& input_shapes);

  /// name, trainable and dtype as they are now, then the other fields of an options struct.
  template <Options O>
  Config config_of(const O& options) const {
    return merged_config(to_config(options));
  }

 private:
  friend class Layer;
  friend class Cell;
  friend class GraphNode;
  friend Ref<LayerBase> deserialize_layer(const Config& config);
  friend Ref<LayerBase> deep_copy(const LayerBase& layer);

  class BeforeBuild;
  /// A loss of the last call, and the identities of the inputs that it depends on.
  struct AddedLoss {
    Tensor value;
    std::vector<std::uint64_t> inputs;
  };

  /// What a call does, for a node of a graph.
  virtual std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallArgs& args) = 0;
  /// Throws on a symbolic call that is not to become a node, before anything is done.
  virtual void check_symbolic_call(const std::vector<Tensor>& inputs, const CallArgs& args) const;
  /// Makes a node of a symbolic call, and returns its outputs.
  std::vector<Tensor> connect(const std::vector<Tensor>& inputs, const CallArgs& args);
  const internal::NodeRecord& only_node(std::string_view what) const;
  const internal::NodeRecord& node_at(std::string_view what, Index node) const;
  std::shared_ptr<const GraphNode> node_of(const internal::NodeRecord& record) const;
  Shapes common_shapes(std::string_view what, Shapes (LayerBase::*shapes_at)(Index) const) const;
  void add_loss(const Tensor& loss, const std::vector<Tensor>& inputs, bool conditional);
  void add_update(const Variable& variable, const Tensor& value, bool conditional);
  void add_weight_losses(std::vector<Tensor>& losses) const;

  /// Says what shapes the layer was built with when the config was written: whoever builds it may know less.
  void build_later(const Config& config);
  /// Builds this layer and those below as another one of the same arguments is built.
  void build_like(const LayerBase& other);
  void own(Ref<LayerBase> layer);
  void check_inputs(const std::vector<Tensor>& inputs) const;
  void build_here(const std::vector<Shape>& input_shapes);
  Config merged_config(const Config& arguments) const;
  void set_paths(std::string path);
  void clear_losses();
  std::vector<const LayerBase*> all_layers() const;
  [[noreturn]] void fail_no_input() const;

  mutable std::string name_;
  std::string path_;
  bool trainable_ = true;
  DType dtype_ = float32;
  bool built_ = false;
  bool building_ = false;
  std::vector<Variable> trainable_weights_;  // Added as such, whatever they are now.
  std::vector<Variable> other_weights_;
  std::vector<Ref<LayerBase>> sublayers_;
  std::vector<InputSpec> input_spec_;
  Regularizer activity_regularizer_;
  std::vector<AddedLoss> losses_;
  // What it was built with; before, what a config says that it was built with when it was saved.
  std::vector<Shape> build_shapes_;
  std::vector<std::shared_ptr<internal::NodeRecord>> nodes_;
  mutable Variable seed_state_;
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
  Outputs apply(const Inputs& inputs, const CallArgs& args = {});

  /// The shapes of the outputs for inputs of these shapes; dimensions may be unknown. By default found by
  /// calling the layer on abstract tensors, which builds it.
  virtual std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs);
  Shape compute_output_shape(const Shape& input);
  /// The mask of the first output, given that of the first input (may be empty). By default that one if
  /// supports_masking(), else none. A mask that call() attached stays.
  virtual Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask);
  /// Those of all outputs that have one, in order. By default compute_mask()'s alone.
  virtual std::vector<Tensor> compute_masks(const std::vector<Tensor>& inputs, const Tensor& mask);
  /// Whether masks pass through.
  virtual bool supports_masking() const { return false; }

 protected:
  /// One tensor in, one out: the usual thing to override.
  virtual Tensor call(const Tensor& x, const CallArgs& args);
  /// Several in or out.
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
  std::vector<Tensor> call_on(const std::vector<Tensor>& inputs, const CallArgs& args,
                              ShapesFrom shapes_from);
  void add_activity_losses(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs);

  // Whether the class overrides compute_output_shapes().
  bool has_shape_rule_ = false;
};

}  // namespace unspool
