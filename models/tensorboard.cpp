#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/internal/model_graph.h>
#include <unspool/models/model.h>
#include <unspool/models/tensorboard.h>
#include <unspool/optim/internal/gradient_observer.h>
#include <unspool/serialization/event_file.h>
#include <unspool/serialization/event_node.h>

namespace unspool {
namespace {

std::vector<EventNode> event_nodes(const Model& model) {
  const std::vector<internal::ModelNode> nodes = internal::model_nodes(model, true);
  std::vector<EventNode> events;
  for (const internal::ModelNode& node : nodes) {
    // TensorBoard makes a group of the nodes whose names begin with that of the nested model.
    if (node.nested) continue;
    EventNode event{.name = node.path, .operation = node.kind};
    for (const std::size_t source : node.sources) event.inputs.push_back(nodes[source].path);
    for (const Spec& spec : node.outputs) event.output_shapes.push_back(spec.shape);
    if (!node.outputs.empty())
      event.attributes.push_back({"dtype", std::string(name_of(node.outputs.front().dtype))});
    if (node.layer) {
      event.attributes.push_back({"params", std::to_string(node.layer->count_params())});
      event.attributes.push_back({"trainable", node.layer->trainable() ? "true" : "false"});
    }
    events.push_back(std::move(event));
  }
  return events;
}

/// The gradients of the last step.
class LastGradients final : public internal::GradientObserver {
 public:
  void see(const Variable& variable, const Tensor& gradient) override {
    for (auto& [known, last] : gradients_) {
      if (known == variable) {
        last = gradient;
        return;
      }
    }
    gradients_.push_back({variable, gradient});
  }
  const std::vector<std::pair<Variable, Tensor>>& all() const { return gradients_; }

 private:
  std::vector<std::pair<Variable, Tensor>> gradients_;
};

class EventWriter final : public Callback {
 public:
  EventWriter(std::string log_dir, TensorBoardOptions options)
      : log_dir_(std::move(log_dir)), options_(options) {
    if (options_.histogram_freq < 0) {
      throw ValueError(
          fmt::format("TensorBoard: expected histogram_freq >= 0, got {}", options_.histogram_freq));
    }
    if (options_.write_grads && options_.histogram_freq == 0) {
      throw ValueError("TensorBoard: expected histogram_freq >= 1 with write_grads, got 0");
    }
  }

  void set_model(Model* model) override {
    gradients_.reset();
    in_fit_ = false;
    Callback::set_model(model);
  }

  void on_train_begin() override {
    batch_ = 0;
    in_fit_ = true;
    graph_written_ = !options_.write_graph;
    train_.reset();
    validation_.reset();
  }

  void on_epoch_begin(Index epoch) override {
    epoch_start_ = Clock::now();
    epoch_batch_ = batch_;
    if (options_.write_grads && epoch % options_.histogram_freq == 0) gradients_.emplace();
  }

  void on_train_batch_end(Index, const Logs& logs) override {
    ++batch_;
    if (!graph_written_) {
      // Not earlier: some models are built by the first batch.
      train().graph(event_nodes(model()));
      graph_written_ = true;
    }
    if (options_.update_freq.every_epoch() || batch_ % options_.update_freq.batches() != 0) return;
    for (const auto& [name, value] : logs) train().scalar("batch_" + name, batch_, value);
  }

  void on_test_end(const Logs& logs) override {
    if (!in_fit_) return;
    const std::int64_t iterations = model().optimizer().iterations();
    for (const auto& [name, value] : logs) {
      validation().scalar("evaluation_" + name + "_vs_iterations", iterations, value);
    }
  }

  void on_epoch_end(Index epoch, const Logs& logs) override {
    for (const auto& [name, value] : logs) {
      if (name.starts_with("val_")) {
        validation().scalar("epoch_" + name.substr(4), epoch, value);
      } else {
        train().scalar("epoch_" + name, epoch, value);
      }
    }
    if (!logs.contains("learning_rate")) {
      train().scalar("epoch_learning_rate", epoch, model().optimizer().learning_rate());
    }
    if (options_.write_steps_per_second) {
      const std::chrono::duration<double> seconds = Clock::now() - epoch_start_;
      const auto steps = static_cast<double>(batch_ - epoch_batch_);
      train().scalar("epoch_steps_per_second", epoch, steps / seconds.count());
    }
    if (options_.histogram_freq > 0 && epoch % options_.histogram_freq == 0) write_histograms(epoch);
    train().flush();
    if (validation_) validation_->flush();
  }

  void on_train_end() override {
    if (train_) train_->flush();
    if (validation_) validation_->flush();
    train_.reset();
    validation_.reset();
  }

  Snapshot get_state() const override { return {Config::map({{"batch", batch_}}), {}}; }
  void set_state(const Snapshot& state) override { batch_ = state.config["batch"].as<Index>(); }

 private:
  using Clock = std::chrono::steady_clock;

  EventFile& train() { return opened(train_, "train"); }
  EventFile& validation() { return opened(validation_, "validation"); }
  EventFile& opened(std::optional<EventFile>& file, const char* name) const {
    if (!file) file.emplace((std::filesystem::path(log_dir_) / name).native());
    return *file;
  }

  void write_histograms(Index epoch) {
    for (const Variable& weight : model().weights()) {
      train().histogram(weight.path() + "/histogram", epoch, histogram_of(weight.value()));
    }
    if (!gradients_) return;
    for (const auto& [variable, gradient] : gradients_->all()) {
      train().histogram(variable.path() + "/gradient", epoch, histogram_of(gradient));
    }
    gradients_.reset();
  }

  std::string log_dir_;
  TensorBoardOptions options_;
  std::optional<EventFile> train_;
  std::optional<EventFile> validation_;
  std::optional<LastGradients> gradients_;
  bool in_fit_ = false;
  bool graph_written_ = false;
  Index batch_ = 0;        // Of the run.
  Index epoch_batch_ = 0;  // The one that the epoch began with.
  Clock::time_point epoch_start_;
};

}  // namespace

std::shared_ptr<Callback> TensorBoard(TensorBoardOptions options) {
  if (options.log_dir.empty()) options.log_dir = "logs";
  return make_shared_as<Callback, EventWriter>(options.log_dir, options);
}

}  // namespace unspool
