#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/core/optional_bool.h>
#include <unspool/models/compile_options.h>
#include <unspool/models/history.h>

namespace unspool::internal {

/// Tensors in the order of a model's inputs or outputs. An empty tensor stands for none.
using TensorList = std::vector<Tensor>;

/// The losses and metrics of a compiled model, by output, and their values so far.
class Objective {
 public:
  /// The losses of a batch.
  struct Losses {
    Tensor total;     ///< That of compile() for all outputs, with their weights, and those that layers added.
    TensorList each;  ///< For each output; empty where it has no loss.
  };

  /// Throws ValueError if a metric is empty.
  explicit Objective(const CompileOptions& options);

  /// Whether losses, weights and metrics are such as a model of one output has.
  bool fits_one_output() const;
  /// Says which outputs there are. Throws ValueError if losses, weights or metrics do not fit these names.
  void bind(const std::vector<std::string>& outputs);
  /// The number of outputs; 0 before bind().
  std::size_t output_count() const { return outputs_.size(); }
  /// The loss of an output; empty if it has none.
  const Loss& loss_of(std::size_t output) const { return outputs_[output].loss; }
  /// Whether any output has a metric.
  bool has_metrics() const;

  /// Of as many outputs, labels and weights as were bound. Throws ValueError for missing labels, for a loss
  /// that is not one number, and if there is no loss at all. `model` is its name, for errors.
  Losses losses(const TensorList& predicted, const TensorList& y, const TensorList& weights,
                const TensorList& added, const std::string& model) const;
  /// Counts a batch.
  void update(const TensorList& predicted, const Losses& losses, const TensorList& y,
              const TensorList& weights);
  void reset();
  /// The values so far: the loss, that of each output if there are several losses, the metrics.
  Logs logs() const;
  ///@{
  /// What has been counted so far: appended to a list, or taken from the start of one. Throws ValueError as
  /// Model::State::metrics_state().
  void append_state(TensorList& tensors) const;
  void take_state(std::span<const Tensor>& tensors);
  ///@}
  /// Appends the shapes of these tensors.
  void append_state_shapes(std::vector<Shape>& shapes) const;
  /// The names in logs(); those of metrics are known after bind().
  std::vector<std::string> names() const;

  /// Whether larger values of this name in the logs are better; empty if unknown.
  OptionalBool more_is_better(std::string_view name) const;

 private:
  /// A metric and its name in the logs.
  struct Tracked {
    Metric metric;
    std::string name;
    bool weighted;
  };
  struct Output {
    std::string name;
    Loss loss;
    double weight;
    /// Its name in the logs; empty for the only loss, which the total says.
    std::string loss_name;
    Mean mean;
    std::vector<Tracked> metrics;
  };

  NamedList<Loss> losses_;
  NamedList<double> weights_;
  NamedList<Metrics> metrics_;
  NamedList<Metrics> weighted_metrics_;
  Mean total_;
  std::vector<Output> outputs_;
};

///@{
/// The state of a metric: appended to a list, or taken from the start of one. Throws ValueError if it keeps
/// its state elsewhere than in variables, or if the tensors are of another metric.
void append_state(const Metric& metric, TensorList& tensors);
void take_state(const Metric& metric, std::span<const Tensor>& tensors);
///@}

}  // namespace unspool::internal
