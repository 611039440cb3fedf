#include <algorithm>
#include <cmath>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/internal/output_observer.h>
#include <unspool/layers/layer_tree.h>
#include <unspool/models/model.h>
#include <unspool/models/terminate_on_nan.h>

namespace unspool {
namespace {

bool all_finite(const Tensor& tensor) {
  const auto finite = [](auto values) {
    return std::all_of(values.begin(), values.end(), [](auto value) { return std::isfinite(value); });
  };
  if (tensor.dtype() == float32) return finite(tensor.data<float>());
  return tensor.dtype() != float64 || finite(tensor.data<double>());
}

/// The outputs of the layers in a batch.
class BatchOutputs final : public internal::OutputObserver {
 public:
  void see(const internal::ObservedCall& call) override {
    for (const Tensor& output : call.outputs) {
      if (!output.is_abstract()) seen_.push_back({&call.layer, output});
    }
  }
  void clear() { seen_.clear(); }

  /// A sentence about the first output that is not finite.
  std::string first_not_finite() const {
    for (const Output& output : seen_) {
      if (all_finite(output.tensor)) continue;
      const std::string& path = output.layer->path();
      return fmt::format("the first output that is not finite is that of the layer {}, {}",
                         path.empty() ? output.layer->name() : path, describe(output.tensor));
    }
    return "the outputs of all layers are finite, so the loss function or a penalty is not";
  }

 private:
  struct Output {
    const LayerTree* layer;
    Tensor tensor;
  };
  std::vector<Output> seen_;
};

class NanTerminator final : public Callback {
 public:
  explicit NanTerminator(TerminateOnNaNOptions options) : options_(options) {}

  void on_train_batch_begin(Index) override { outputs_.emplace(); }

  void on_train_batch_end(Index batch, const Logs& logs) override {
    const bool finite = !logs.contains("loss") || std::isfinite(logs["loss"]);
    const std::string first = finite || !outputs_ ? std::string() : outputs_->first_not_finite();
    outputs_.reset();
    if (finite) return;
    const std::string message = fmt::format("Batch {}: the loss is {}: {}", batch, logs["loss"], first);
    if (options_.raise_error) throw RuntimeError("TerminateOnNaN: " + message);
    std::cout << message << ": training stops\n";
    model().stop_training();
  }

  void set_model(Model* model) override {
    outputs_.reset();
    Callback::set_model(model);
  }

 private:
  TerminateOnNaNOptions options_;
  std::optional<BatchOutputs> outputs_;
};

}  // namespace

std::shared_ptr<Callback> TerminateOnNaN(TerminateOnNaNOptions options) {
  return make_shared_as<Callback, NanTerminator>(options);
}

}  // namespace unspool
