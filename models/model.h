#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/named_list.h>
#include <unspool/core/sealed.h>
#include <unspool/core/tensor.h>
#include <unspool/layers/layer.h>
#include <unspool/models/callback.h>
#include <unspool/models/compile_options.h>
#include <unspool/models/history.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/optim/optimizer.h>

namespace unspool {

/// Inputs and labels, and optionally a weight for each sample. Each is one tensor or several, in the order of
/// the model's inputs and outputs or by their names.
struct Data {
  NamedList<Tensor> x = {};  ///< The inputs, samples first.
  NamedList<Tensor> y = {};  ///< The labels, samples first.
  /// Of shape (samples) or (samples, steps). Empty: all 1. One tensor counts for all outputs.
  NamedList<Tensor> sample_weight = {};

  ///@{
  /// Inputs, labels and weights; none of them if default-constructed.
  Data();
  ~Data();
  Data(const Data& other);
  Data(Data&& other) noexcept;
  Data& operator=(const Data& other);
  Data& operator=(Data&& other) noexcept;
  Data(NamedList<Tensor> inputs, NamedList<Tensor> labels, NamedList<Tensor> weights = {});
  ///@}
  /// Whether there are inputs.
  explicit operator bool() const { return !x.empty(); }
};

/// The arguments of Model::fit().
struct FitOptions {
  Index batch_size = 32;     ///< Samples in a batch; the last batch may have fewer.
  Index epochs = 1;          ///< The number of the epoch to stop before: initial_epoch counts.
  int verbose = 1;           ///< 0: silent; 1: a progress bar; 2: one line per epoch.
  Callbacks callbacks = {};  ///< Hooks into the training loop.
  /// The fraction of samples, at the end, to validate on instead of training on them.
  double validation_split = 0;
  Data validation_data = {};  ///< {x, y} to validate on; replaces validation_split.
  bool shuffle = true;        ///< Whether each epoch has an order of samples of its own.
  /// The weights of classes, in place of sample_weight: for labels 0, 1, ... or one-hot, of a model with one
  /// output. A class that is not named has weight 1.
  std::map<Index, double> class_weight = {};
  NamedList<Tensor> sample_weight = {};  ///< As in Data.
  /// The number of the first epoch. Above 0 it continues the previous fit(), with the order of samples that
  /// this one would have had.
  Index initial_epoch = 0;
  std::optional<Index> validation_batch_size = std::nullopt;  ///< Default: batch_size.
  Index validation_freq = 1;                                  ///< Validates after every so many epochs.
};

/// The arguments of Model::evaluate().
struct EvaluateOptions {
  Index batch_size = 32;                 ///< Samples in a batch.
  int verbose = 1;                       ///< 0: silent; 1: a progress bar; 2: one line.
  NamedList<Tensor> sample_weight = {};  ///< As in Data.
};

/// The arguments of Model::predict().
struct PredictOptions {
  Index batch_size = 32;  ///< Samples in a batch.
};

/// The arguments of Model::summary().
struct SummaryOptions {
  /// In characters. 0: the width of the terminal, at most 88, or 108 for a graph that is not a chain.
  int line_length = 0;
};

/// The arguments of a functional model.
struct ModelOptions {
  std::string name = {};  ///< Default: "functional", "functional_1", ...
  bool trainable = true;  ///< Whether training changes the weights.
};

namespace internal {
UNSPOOL_SEALED(
    SealedModel,
    "Model is a handle: derive from Layer, whose layers are members, and train Model(make<MyNet>(...))");
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
class Model : public virtual internal::SealedModel {
 public:
  /// An empty handle.
  Model();
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

  /// Whether the handle is not empty. The other members throw ValueError if it is.
  explicit operator bool() const { return state_ != nullptr; }
  ///@{
  /// The network as a layer.
  Layer* operator->() const { return network().pointer().get(); }
  operator Ref<Layer>() const { return network(); }
  const Ref<Layer>& network() const&;
  Ref<Layer> network() &&;
  ///@}
  /// Calls the network on tensors, concrete or symbolic.
  Outputs operator()(const Inputs& inputs, const CallArgs& args = {}) const;

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
  /// Makes the weights for an input of this shape, batch included: model.build({-1, 16}). Does nothing if
  /// they are made. Throws ValueError for a shape that the model cannot take.
  void build(const Shape& input_shape) const;
  /// Resets all stateful recurrent layers to their initial states, those of nested models included.
  void reset_states() const;

  /// Sets the optimizer, the loss and the metrics. The optimizer keeps the state that it has.
  void compile(CompileOptions options);
  /// Whether compile() was called.
  bool compiled() const;
  /// The optimizer. Throws ValueError if the model is not compiled.
  Optimizer optimizer() const;

  /// Trains the model; a model without weights is run and a warning printed. `x` and `y` are tensors, lists
  /// of them in the order of the model's inputs and outputs, or lists by name: fit({{"title", t}, {"body",
  /// b}}, {{"price", p}}). The result is bit-identical for one seed (set_seed), whatever the number of
  /// threads. If anything throws, the weights are those after the last complete batch. Throws ValueError if
  /// the model is not compiled, or if x, y and the weights differ in length.
  History fit(const NamedList<Tensor>& x, const NamedList<Tensor>& y, FitOptions options = {});
  /// Makes fit() stop after the current batch, or after the current epoch if its batches are done. For
  /// callbacks.
  void stop_training();
  /// The loss and the metrics on data, computed in batches.
  Logs evaluate(const NamedList<Tensor>& x, const NamedList<Tensor>& y, EvaluateOptions options = {}) const;
  /// The outputs for any number of samples, computed in batches. Several threads may call it on one built
  /// model.
  Outputs predict(const NamedList<Tensor>& x, PredictOptions options = {}) const;
  ///@{
  /// One training step, or one evaluation, on one batch: the loss before the step, and the metrics of this
  /// batch.
  Logs train_on_batch(const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                      const NamedList<Tensor>& sample_weight = {});
  Logs test_on_batch(const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                     const NamedList<Tensor>& sample_weight = {}) const;
  ///@}

  /// The table of the layers, with their output shapes and numbers of weights and, unless the graph is a
  /// chain, what they are connected to: "lstm[0][2]" is output 2 of the first call of lstm.
  std::string summary_text(SummaryOptions options = {}) const;
  ///@{
  /// Prints summary_text().
  void summary(SummaryOptions options = {}) const;
  void summary(std::ostream& stream, SummaryOptions options = {}) const;
  ///@}

  /// Saves the whole model: layers, weights, compile options and optimizer state. Replaces the file
  /// atomically. Throws ValueError if the model is not built, FileError if writing fails.
  void save(const std::string& path) const;
  /// Saves the weights only. Otherwise like save().
  void save_weights(const std::string& path) const;
  /// Loads the weights of a model with the same layers, from a file of save() or save_weights(). Throws
  /// FileError, and changes nothing, if the file does not hold them.
  void load_weights(const std::string& path);

  /// What the handle refers to; defined in the library.
  struct State;

 protected:
  friend struct ModelAccess;
  /// What the handle refers to. Throws ValueError if it is empty.
  State& state() const;
  std::shared_ptr<State> state_;  ///< Null if the handle is empty.
};

/// Prints summary_text(), or "an empty Model".
std::ostream& operator<<(std::ostream& stream, const Model& model);

/// Loads a model that Model::save() wrote: bit-identical to the model that was saved, in prediction and in
/// further training. Register layer classes of your own before. Throws FileError if the file does not hold a
/// model.
Model load_model(const std::string& path);

}  // namespace unspool
