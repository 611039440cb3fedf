#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/dictionary.h>
#include <unspool/core/named_list.h>
#include <unspool/data/batch.h>
#include <unspool/data/dataset.h>
#include <unspool/layers/call.h>
#include <unspool/models/callback.h>

namespace unspool {

extern template class Dictionary<Index, double>;

/// What fit() validates on: {x, y}, {x, y, sample_weight}, or a Dataset.
class ValidationData {
 public:
  ///@{
  /// Nothing, tensors, or a Dataset of batches.
  ValidationData();
  ValidationData(NamedList<Tensor> x, NamedList<Tensor> y, NamedList<Tensor> sample_weight = {});
  template <std::derived_from<Dataset> D>
  ValidationData(D dataset) : dataset_(std::move(dataset)) {}
  ///@}
  ValidationData(const ValidationData& other);
  ValidationData(ValidationData&& other) noexcept;
  ValidationData& operator=(const ValidationData& other);
  ValidationData& operator=(ValidationData&& other) noexcept;
  ~ValidationData();

  /// The tensors; none if it is a Dataset.
  const Batch& tensors() const { return tensors_; }
  /// The Dataset; empty if these are tensors.
  const Dataset& dataset() const { return dataset_; }
  /// Whether there is anything.
  explicit operator bool() const { return tensors_ || dataset_; }

 private:
  Batch tensors_;
  Dataset dataset_;
};

/// The arguments of Model::fit().
struct FitOptions {
  Index batch_size = 32;     ///< Samples in a batch; the last batch may have fewer. A Dataset has its own.
  Index epochs = 1;          ///< The number of the epoch to stop before: initial_epoch counts.
  int verbose = 1;           ///< 0: silent; 1: a progress bar; 2: one line per epoch.
  Callbacks callbacks = {};  ///< Hooks into the training loop.
  /// The fraction of samples, at the end, to validate on instead of training on them.
  double validation_split = 0;
  /// {x, y} or a Dataset to validate on; replaces validation_split.
  ValidationData validation_data = {};
  /// Whether each epoch has an order of samples of its own. A Dataset has its own order.
  bool shuffle = true;
  /// The weights of classes, in place of sample_weight: for labels 0, 1, ... or one-hot, of a model with one
  /// output. A class that is not named has weight 1.
  Dictionary<Index, double> class_weight = {};
  NamedList<Tensor> sample_weight = {};  ///< As in Batch.
  /// The number of the first epoch. Above 0 it continues the previous fit(), with the order of samples that
  /// this one would have had.
  Index initial_epoch = 0;
  /// How many batches make an epoch. The next epoch goes on where this one stopped, and starts again at the
  /// end of the data. Default: all of them.
  std::optional<Index> steps_per_epoch = std::nullopt;
  std::optional<Index> validation_steps = std::nullopt;       ///< Validates on so many batches only.
  std::optional<Index> validation_batch_size = std::nullopt;  ///< Default: batch_size.
  Index validation_freq = 1;                                  ///< Validates after every so many epochs.
};

/// The arguments of Model::evaluate().
struct EvaluateOptions {
  Index batch_size = 32;                      ///< Samples in a batch. A Dataset has its own.
  int verbose = 1;                            ///< 0: silent; 1: a progress bar; 2: one line.
  NamedList<Tensor> sample_weight = {};       ///< As in Batch.
  std::optional<Index> steps = std::nullopt;  ///< Evaluates so many batches only.
  Callbacks callbacks = {};                   ///< Their hooks on_test_*() are called.
};

/// The arguments of Model::predict().
struct PredictOptions {
  Index batch_size = 32;                      ///< Samples in a batch. A Dataset has its own.
  int verbose = 0;                            ///< 0: silent; 1: a progress bar; 2: one line.
  std::optional<Index> steps = std::nullopt;  ///< Predicts so many batches only.
  Callbacks callbacks = {};                   ///< Their hooks on_predict_*() are called.
};

/// The arguments of Model::load_weights().
struct LoadWeightsOptions {
  /// Whether layers of the outermost level get the weights of the layer of the same name, wherever it is in
  /// the file. Layers that the file does not have keep their weights.
  bool by_name = false;
  /// Whether layers whose weights have another number or another shape in the file keep theirs.
  bool skip_mismatch = false;
};

/// The arguments of load_model().
struct LoadModelOptions {
  /// Whether to compile the model as it was when it was saved. If not, its losses, metrics and optimizer need
  /// not be known here.
  bool compile = true;
};

/// The arguments of Model::summary().
struct SummaryOptions {
  /// In characters. 0: the width of the terminal, at most 88, or 108 for a graph that is not a chain.
  int line_length = 0;
  bool expand_nested = false;   ///< Whether the layers of nested models have rows of their own.
  bool show_trainable = false;  ///< Whether a column says which layers are trained.
};

/// The further arguments of a functional model.
struct ModelOptions {
  std::string name = {};  ///< Default: "functional", "functional_1", ...
  bool trainable = true;  ///< Whether training changes the weights.
};

/// All arguments of a functional model by name, as in Keras.
struct FunctionalModelOptions {
  Inputs inputs = std::vector<Tensor>();   ///< Made by Input().
  Inputs outputs = std::vector<Tensor>();  ///< What the layers make of them.
  std::string name = {};                   ///< As in ModelOptions.
  bool trainable = true;                   ///< As in ModelOptions.
};

}  // namespace unspool
