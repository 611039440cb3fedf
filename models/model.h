#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/tensor.h>
#include <unspool/layers/layer.h>
#include <unspool/models/callback.h>
#include <unspool/models/history.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/optim/optimizer.h>

namespace unspool {

struct CompileOptions {
  Optimizer optimizer = "rmsprop";
  /// Empty: only what the layers add.
  Loss loss = {};
  Metrics metrics = {};
  /// Metrics that the sample weights count in.
  Metrics weighted_metrics = {};
};

/// Inputs and labels, and perhaps a weight for each sample.
struct Data {
  std::vector<Tensor> x = {};
  Tensor y = {};
  Tensor sample_weight = {};

  Data();
  ~Data();
  Data(const Data& other);
  Data(Data&& other) noexcept;
  Data& operator=(const Data& other);
  Data& operator=(Data&& other) noexcept;
  Data(const Inputs& inputs, const Tensor& labels, const Tensor& weights = {});
  explicit operator bool() const { return !x.empty(); }
};

struct FitOptions {
  Index batch_size = 32;
  Index epochs = 1;
  /// 0: silent; 1: a bar; 2: a line an epoch.
  int verbose = 1;
  Callbacks callbacks = {};
  /// The part at the end of the data, before shuffling, that is kept for validation.
  double validation_split = 0;
  /// {x, y}; instead of validation_split.
  Data validation_data = {};
  /// The samples of each epoch come in an order of its own.
  bool shuffle = true;
  /// One for each sample, or for each step of it.
  Tensor sample_weight = {};
  /// Goes on with the run of the fit before, in the order of samples that it would have had.
  Index initial_epoch = 0;
  std::optional<Index> validation_batch_size = std::nullopt;
  /// Validates after every so many epochs.
  Index validation_freq = 1;
};

struct EvaluateOptions {
  Index batch_size = 32;
  int verbose = 1;
  Tensor sample_weight = {};
};

struct PredictOptions {
  Index batch_size = 32;
};

struct SummaryOptions {
  /// Characters; 0: as the terminal is wide, at most 88.
  int line_length = 0;
};

struct ModelOptions {
  /// Empty: "functional", "functional_1", ...
  std::string name = {};
  bool trainable = true;
};

/// A network that can be trained: a shared handle, so copies are the same model. What trains is reached by a
/// dot; what the network is as a layer by an arrow (model->weights()). A model serves as a layer of another
/// one.
class Model {
 public:
  /// An empty handle.
  Model() = default;
  explicit Model(Ref<Layer> network);
  template <class L>
  requires(std::is_base_of_v<Layer, L> && !std::is_same_v<L, Layer>) explicit Model(const Ref<L>& network)
      : Model(Ref<Layer>(network)) {}

  /// The graph of layers between some symbolic tensors, of which Input() made the inputs. It owns the layers.
  /// ValueError for an output that depends on anything else than the inputs, and for two layers of one name.
  Model(const Inputs& inputs, const Inputs& outputs, ModelOptions options = {});

  explicit operator bool() const { return state_ != nullptr; }
  Layer* operator->() const { return network().pointer().get(); }
  operator Ref<Layer>() const { return network(); }
  const Ref<Layer>& network() const;
  Outputs operator()(const Inputs& inputs, const CallArgs& args = {}) const;

  const std::string& name() const { return network()->name(); }
  std::vector<Ref<LayerBase>> layers() const { return network()->sublayers(); }
  /// The symbolic tensors that the model takes and gives. AttributeError for a model of a layer, and for a
  /// Sequential without an Input.
  std::vector<Tensor> inputs() const;
  std::vector<Tensor> outputs() const;
  /// ValueError if there is none of that name, naming the nearest.
  Ref<LayerBase> get_layer(std::string_view name) const;
  std::vector<Variable> weights() const { return network()->weights(); }
  std::vector<Tensor> get_weights() const { return network()->get_weights(); }
  void set_weights(const std::vector<Tensor>& values) { network()->set_weights(values); }
  /// Sets the states that recurrent layers keep between calls to their first ones, in models within, too.
  void reset_states() const;

  /// Says how the model is trained. Training starts anew with the optimizer's state.
  void compile(CompileOptions options);
  bool compiled() const;
  /// ValueError unless compiled.
  Optimizer optimizer() const;

  /// Trains. With one seed (set_seed) the same bits come out, on any number of threads. If anything throws,
  /// the model is as the last batch left it. ValueError unless compiled, or if x, y and the weights differ in
  /// length.
  History fit(const Inputs& x, const Tensor& y, FitOptions options = {});
  /// Lets fit end after the epoch or batch that runs; for callbacks.
  void stop_training();
  /// The loss and metrics of data, in batches.
  Logs evaluate(const Inputs& x, const Tensor& y, EvaluateOptions options = {}) const;
  /// The outputs for any number of samples, in batches. On a built model safe from several threads at once.
  Outputs predict(const Inputs& x, PredictOptions options = {}) const;
  /// One step of training; the loss before it, and the metrics of this batch alone.
  Logs train_on_batch(const Inputs& x, const Tensor& y, const Tensor& sample_weight = {});
  Logs test_on_batch(const Inputs& x, const Tensor& y, const Tensor& sample_weight = {}) const;

  /// The table of the layers, with their shapes and numbers of weights.
  std::string summary_text(SummaryOptions options = {}) const;
  /// The same, printed.
  void summary(SummaryOptions options = {}) const;
  void summary(std::ostream& stream, SummaryOptions options = {}) const;

  /// Writes the whole model: layers, weights, how it was compiled and how far it was trained. ValueError
  /// unless built. FileError if the file cannot be written; then the old one is whole.
  void save(const std::string& path) const;
  void save_weights(const std::string& path) const;
  /// Weights of a model of the same layers, from a file of save() or save_weights(). FileError, with nothing
  /// changed, if it does not hold them.
  void load_weights(const std::string& path);

  struct State;

 protected:
  friend struct ModelAccess;
  State& state() const;
  std::shared_ptr<State> state_;
};

/// The model that Model::save wrote, ready to predict or to train on, to the bit as if it had never been
/// away. FileError on anything else. Classes of one's own have to be registered before.
Model load_model(const std::string& path);

}  // namespace unspool
