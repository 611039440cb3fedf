#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/mistake.h>
#include <unspool/core/named_list.h>
#include <unspool/core/optional_bool.h>
#include <unspool/core/sealed.h>
#include <unspool/core/tensor.h>
#include <unspool/data/batch.h>
#include <unspool/layers/layer.h>
#include <unspool/models/callback.h>
#include <unspool/models/compile_options.h>
#include <unspool/models/history.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/models/model_options.h>
#include <unspool/optim/optimizer.h>

namespace unspool {

namespace internal {
UNSPOOL_SEALED(SealedModel,
               "Model is a handle: derive from Layer, or from ModelBase to override train_step(), and train "
               "Model(make<MyNet>(...))");
}

/// A network that can be trained. A shared handle: copies are the same model. Its own members are about
/// training; the members of its network, which is a layer, are reached with an arrow: model->weights(). A
/// model can be a layer of another model.
///
/// A class of your own, as a subclass of Keras' Model, derives from Layer:
///
///     class Net : public Layer {
///      public:
///       Tensor call(const Tensor& x, const CallArgs&) override { return out_(hidden_(x)); }
///
///      private:
///       Ref<Layer> hidden_ = add_layer(LSTM({.units = 32}));
///       Ref<Layer> out_ = add_layer(Dense({.units = 1}));
///     };
///     Model model(make<Net>());
///
/// It derives from ModelBase to override train_step(), compute_loss(), metrics() and the like.
class Model : public virtual internal::SealedModel {
 public:
  ///@{
  /// An empty handle; copies and moves.
  Model();
  Model(const Model& other);
  Model(Model&& other) noexcept;
  Model& operator=(const Model& other);
  Model& operator=(Model&& other) noexcept;
  ~Model();
  ///@}
  ///@{
  /// A model of one layer. Throws ValueError if `network` is empty.
  explicit Model(Ref<Layer> network);
  template <class L>
  requires(std::is_base_of_v<Layer, L> && !std::is_same_v<L, Layer>) explicit Model(const Ref<L>& network)
      : Model(Ref<Layer>(network)) {}
  ///@}

  /// A functional model: the graph of layers from `inputs`, which Input() made, to `outputs`. The model owns
  /// the layers. Throws ValueError if an output depends on another Input(), or if two layers have the same
  /// name.
  Model(const Inputs& inputs, const Inputs& outputs, ModelOptions options = {});
  /// A functional model with all arguments by name: Model({.inputs = {a, b}, .outputs = y}).
  explicit Model(const FunctionalModelOptions& options);
  /// A mistake, with what to write in the first line of the error.
  UNSPOOL_MISTAKEN(
      "write Sequential for a list of layers; or an option is misspelt, or its value is of a wrong type: "
      "write FunctionalModelOptions options{...}; and the compiler names it",
      std::size_t n = 0, explicit Model(UNSPOOL_MISFIT_LIST(FunctionalModelOptions)));

  /// Whether the handle is not empty. The other members throw ValueError if it is.
  explicit operator bool() const { return state_ != nullptr; }
  ///@{
  /// The network as a layer.
  Layer* operator->() const;
  operator Ref<Layer>() const { return network(); }
  const Ref<Layer>& network() const&;
  Ref<Layer> network() &&;
  ///@}
  /// Calls the network on tensors, concrete or symbolic.
  Outputs operator()(const Inputs& inputs, const CallArgs& args = {}) const;
  /// Calls the network on the inputs of a batch: model(batch.x).
  template <std::same_as<NamedList<Tensor>> X>
  Outputs operator()(const X& x, const CallArgs& args = {}) const {
    return call_on(x, args);
  }

  ///@{
  /// The name of the network; a copy for temporaries.
  const std::string& name() const& { return network()->name(); }
  std::string name() && { return network()->name(); }
  ///@}
  /// The layers of the network, outermost level only. As in Keras, those of a functional model contain its
  /// inputs, and those of a Sequential do not.
  std::vector<Ref<LayerBase>> layers() const;
  ///@{
  /// The symbolic tensors of the graph. Throws AttributeError for a model of one layer and for a Sequential
  /// without an Input.
  std::vector<Tensor> inputs() const;
  std::vector<Tensor> outputs() const;
  ///@}
  ///@{
  /// The shapes of these; a Shape if there is one.
  Shapes input_shape() const { return internal::shapes_of(inputs()); }
  Shapes output_shape() const { return internal::shapes_of(outputs()); }
  ///@}
  ///@{
  /// The layer of this name, or at this position in layers(). Throws ValueError if there is none, with the
  /// nearest name or the number of layers.
  Ref<LayerBase> get_layer(std::string_view name) const;
  Ref<LayerBase> get_layer(Index index) const;
  ///@}
  ///@{
  /// The members of the network, as in Layer: model.weights() is model->weights().
  std::vector<Variable> weights() const { return network()->weights(); }
  std::vector<Variable> trainable_weights() const { return network()->trainable_weights(); }
  std::vector<Variable> non_trainable_weights() const { return network()->non_trainable_weights(); }
  std::vector<Variable> variables() const { return network()->variables(); }
  std::vector<Variable> trainable_variables() const { return network()->trainable_variables(); }
  std::vector<Variable> non_trainable_variables() const { return network()->non_trainable_variables(); }
  std::vector<Tensor> get_weights() const { return network()->get_weights(); }
  void set_weights(const std::vector<Tensor>& values) const { network()->set_weights(values); }
  Index count_params() const { return network()->count_params(); }
  std::vector<Tensor> losses() const { return network()->losses(); }
  bool trainable() const { return network()->trainable(); }
  void set_trainable(bool trainable) const { network()->set_trainable(trainable); }
  bool built() const { return network()->built(); }
  Config get_config() const { return network()->get_config(); }
  ///@}
  /// A model without weights, from get_config() of a functional model or a Sequential, or from
  /// serialize_layer() of a network of any class.
  static Model from_config(const Config& config);
  /// The weight of this path, with the name of the model or without it:
  /// model.get_variable("lstm/lstm_cell/kernel"). Throws ValueError if there is none, with the nearest path.
  Variable get_variable(std::string_view path) const;
  ///@{
  /// Makes the layers and the single weights whose paths match a pattern not trainable, or trainable, and
  /// returns the number of these weights. The paths are those of get_variable(), without the name of the
  /// model; '*' stands for any text, '?' for one character: model.freeze("encoder/*"),
  /// model.freeze("*/bias"). An optimizer that has made a step cannot train weights that were frozen then:
  /// compile() with another one after unfreeze(). Throws ValueError if nothing matches.
  Index freeze(std::string_view pattern) const;
  Index unfreeze(std::string_view pattern) const;
  ///@}
  /// Makes the weights for an input of this shape, batch included: model.build({-1, 16}). Does nothing if
  /// they are made. Throws ValueError for a shape that the model cannot take.
  void build(const Shape& input_shape) const;
  /// Resets all stateful recurrent layers to their initial states, those of nested models included.
  void reset_states() const;

  /// Sets the optimizer, the loss and the metrics. The optimizer keeps the state that it has.
  void compile(CompileOptions options);
  /// With these arguments, in the order of Keras: compile("adam", "mse", {"mae"}).
  void compile(Optimizer optimizer, NamedList<Loss> loss, NamedList<Metrics> metrics = {});
  /// A mistake, with what to write in the first line of the error.
  template <std::size_t n = 0>
  UNSPOOL_MISTAKE(
      "an option is misspelt, or its value is of a wrong type: write CompileOptions options{...}; and the "
      "compiler names it",
      compile(UNSPOOL_MISFIT_LIST(CompileOptions)));
  /// Whether compile() was called.
  bool compiled() const;
  /// The optimizer. Throws ValueError if the model is not compiled.
  Optimizer optimizer() const;

  /// Trains the model; a model without weights is run and a warning printed. `x` and `y` are tensors, lists
  /// of them in the order of the model's inputs and outputs, or lists by name: fit({{"title", t}, {"body",
  /// b}}, {{"price", p}}). The result is bit-identical for one seed (set_seed), whatever the number of
  /// threads. If anything throws, the weights are those after the last complete batch. The first Ctrl-C ends
  /// training after the current batch, a second one the program; a program that handles SIGINT itself keeps
  /// its own way. Throws ValueError if the model is not compiled, or if x, y and the weights differ in
  /// length.
  History fit(const NamedList<Tensor>& x, const NamedList<Tensor>& y, FitOptions options = {});
  /// Trains the model on the batches of a Dataset.
  template <std::derived_from<Dataset> D>
  History fit(const D& data, FitOptions options = {}) {
    return fit_dataset(data, std::move(options));
  }
  /// Trains the model on what a function returns, without end, as Dataset::from_generator(). Say
  /// steps_per_epoch: fit([&] { return Batch{x, y}; }, {.steps_per_epoch = 10}).
  template <internal::CallableAs<Batch> F>
  History fit(F batches, FitOptions options = {}) {
    return fit_dataset(Dataset::from_generator(std::move(batches)), std::move(options));
  }
  /// A mistake, with what to write in the first line of the error.
  template <std::size_t n = 0>
  UNSPOOL_MISTAKE(
      "an option is misspelt, or its value is of a wrong type: write FitOptions options{...}; and the "
      "compiler names it",
      fit(const NamedList<Tensor>& x, const NamedList<Tensor>& y, UNSPOOL_MISFIT_LIST(FitOptions)));
  /// Makes fit() stop after the current batch, or after the current epoch if its batches are done. For
  /// callbacks.
  void stop_training();
  /// Whether stop_training() was called in this fit(), or in the last one.
  bool stops_training() const;
  ///@{
  /// The loss and the metrics on data, computed in batches: of tensors, or of a Dataset.
  Logs evaluate(const NamedList<Tensor>& x, const NamedList<Tensor>& y, EvaluateOptions options = {}) const;
  template <std::derived_from<Dataset> D>
  Logs evaluate(const D& data, EvaluateOptions options = {}) const {
    return evaluate_dataset(data, std::move(options));
  }
  ///@}
  ///@{
  /// A mistake, with what to write in the first line of the error.
  template <std::size_t n = 0>
  UNSPOOL_MISTAKE(
      "an option is misspelt, or its value is of a wrong type: write EvaluateOptions options{...}; and the "
      "compiler names it",
      evaluate(const NamedList<Tensor>& x, const NamedList<Tensor>& y, UNSPOOL_MISFIT_LIST(EvaluateOptions))
          const);
  ///@}
  ///@{
  /// The outputs for any number of samples, computed in batches: of tensors, or of a Dataset, whose labels
  /// are not used. Several threads may call it on one built model.
  Outputs predict(const NamedList<Tensor>& x, PredictOptions options = {}) const;
  template <std::derived_from<Dataset> D>
  Outputs predict(const D& data, PredictOptions options = {}) const {
    return predict_dataset(data, std::move(options));
  }
  ///@}
  ///@{
  /// A mistake, with what to write in the first line of the error.
  template <std::size_t n = 0>
  UNSPOOL_MISTAKE(
      "an option is misspelt, or its value is of a wrong type: write PredictOptions options{...}; and the "
      "compiler names it",
      predict(const NamedList<Tensor>& x, UNSPOOL_MISFIT_LIST(PredictOptions)) const);
  ///@}
  ///@{
  /// One training step, or one evaluation, on one batch: the loss before the step, and the metrics of this
  /// batch. `class_weight` is as in FitOptions.
  Logs train_on_batch(const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                      const NamedList<Tensor>& sample_weight = {},
                      const Dictionary<Index, double>& class_weight = {});
  Logs test_on_batch(const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                     const NamedList<Tensor>& sample_weight = {}) const;
  ///@}
  /// The outputs for one batch.
  Outputs predict_on_batch(const NamedList<Tensor>& x) const;

  ///@{
  /// The loss that training minimizes, for a batch and the outputs of the network for it: that of compile()
  /// and those that layers added, one number. For steps of one's own.
  Tensor compute_loss(const Batch& batch, const Outputs& y_pred) const;
  Tensor compute_loss(const NamedList<Tensor>& x, const NamedList<Tensor>& y, const Outputs& y_pred,
                      const NamedList<Tensor>& sample_weight = {}) const {
    return compute_loss(Batch{x, y, sample_weight}, y_pred);
  }
  ///@}
  /// Counts a batch with this loss in the metrics of compile(), and returns all values so far.
  Logs compute_metrics(const Batch& batch, const Outputs& y_pred, const Tensor& loss) const;
  /// Removes all batches from the metrics. fit() and evaluate() do it at the start of an epoch.
  void reset_metrics() const;
  /// Whether larger values of this name in the logs are better; not given if unknown. For callbacks.
  OptionalBool more_is_better(std::string_view name) const;

  /// The table of the layers, with their output shapes and numbers of weights and, unless the graph is a
  /// chain, what they are connected to: "lstm[0][2]" is output 2 of the first call of lstm.
  std::string summary_text(SummaryOptions options = {}) const;
  ///@{
  /// Prints summary_text().
  void summary(SummaryOptions options = {}) const;
  void summary(std::ostream& stream, SummaryOptions options = {}) const;
  ///@}

  /// Saves the whole model: layers, weights, compile options and optimizer state. A name that ends in
  /// ".keras" makes a file of Keras, any other the native format, which also has the states of random number
  /// generators and stateful layers. Replaces the file atomically. Throws ValueError if the model is not
  /// built, FileError if writing fails.
  void save(const std::string& path) const;
  /// Saves the weights. The name of the file says the format: ".weights.h5" for Keras, with the state of the
  /// optimizer; ".safetensors" or ".npz", by the paths of get_variable(), for other programs; else the native
  /// format. Otherwise like save().
  void save_weights(const std::string& path) const;
  /// Saves the weights, and nothing else, for other programs: as ".weights.h5", ".safetensors" or ".npz".
  void export_weights(const std::string& path) const;
  /// Loads the weights of a model with the same layers, from a file that has one of the formats of save() and
  /// save_weights(), or Keras' older ".h5". Returns the paths of the weights that keep their values, none
  /// unless the options allow it. The state of the optimizer in a ".weights.h5" is loaded if the model is
  /// compiled with an optimizer of that kind; otherwise a warning is printed. Throws FileError, and changes
  /// nothing, if the file does not hold the weights.
  std::vector<std::string> load_weights(const std::string& path, const LoadWeightsOptions& options = {});
  /// The layers and the arguments of compile() as JSON that Keras reads, too, without weights. Throws
  /// ValueError for what Keras does not have.
  std::string to_json() const;

  /// What the handle refers to; defined in the library.
  struct State;

 private:
  Outputs call_on(const NamedList<Tensor>& x, const CallArgs& args) const;
  History fit_dataset(const Dataset& data, FitOptions options);
  Logs evaluate_dataset(const Dataset& data, EvaluateOptions options) const;
  Outputs predict_dataset(const Dataset& data, PredictOptions options) const;

 protected:
  friend struct ModelAccess;
  /// What the handle refers to. Throws ValueError if it is empty.
  State& state() const;
  std::shared_ptr<State> state_;  ///< Null if the handle is empty.
};

/// Prints summary_text(), or "an empty Model".
std::ostream& operator<<(std::ostream& stream, const Model& model);

///@{
/// A model with equal layers, the names included, with new weights.
Model clone_model(const Model& model);
inline Model clone(const Model& model) { return clone_model(model); }
///@}

/// Loads a model that Model::save() or, if the name ends in ".keras", Keras wrote. One in the native format
/// is bit-identical to the model that was saved, in prediction and in further training. Register layer
/// classes of your own before. Throws FileError if the file does not hold a model.
Model load_model(const std::string& path, const LoadModelOptions& options = {});

/// A model with new weights from Model::to_json(), of this library or of Keras, compiled if it says how.
/// Throws ValueError for other text, and KeyError or TypeError for layers that cannot be made. Nothing limits
/// the size of its weights: read JSON of strangers with load_model(), which compares it with the weights in
/// the file.
Model model_from_json(std::string_view json);

}  // namespace unspool
