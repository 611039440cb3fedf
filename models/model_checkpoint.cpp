#include <filesystem>
#include <iostream>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/internal/format_path.h>
#include <unspool/models/internal/monitor.h>
#include <unspool/models/model.h>
#include <unspool/models/model_checkpoint.h>

namespace unspool {
namespace {

class Checkpoint final : public Callback {
 public:
  Checkpoint(std::string path, ModelCheckpointOptions options)
      : path_(std::move(path)),
        options_(std::move(options)),
        monitor_("ModelCheckpoint", options_.monitor, options_.mode),
        best_(options_.initial_value_threshold) {
    if (path_.empty()) throw ValueError("ModelCheckpoint: expected a path, got an empty one");
  }

  void on_train_begin() override {
    if (options_.save_best_only) monitor_.begin(model());
  }
  void on_epoch_begin(Index epoch) override { epoch_ = epoch; }

  void on_train_batch_end(Index batch, const Logs& logs) override {
    if (options_.save_freq.every_epoch() || ++batches_ < options_.save_freq.batches()) return;
    batches_ = 0;
    save({{"epoch", epoch_ + 1}, {"batch", batch + 1}}, logs);
  }

  void on_epoch_end(Index epoch, const Logs& logs) override {
    if (options_.save_freq.every_epoch()) save({{"epoch", epoch + 1}}, logs);
  }

  void on_train_end() override {
    if (options_.save_best_only) monitor_.warn_if_never_seen("nothing was saved");
  }

  Snapshot get_state() const override {
    return internal::state_with_best(Config::map({{"batches", batches_}}), best_);
  }
  void set_state(const Snapshot& state) override {
    best_ = internal::best_of(state);
    batches_ = state.config["batches"].as<Index>();
  }

 private:
  void say(const std::string& what) const {
    if (options_.verbose > 0) std::cout << fmt::format("\nEpoch {}: {}\n", epoch_ + 1, what);
  }

  /// Whether the value is the best one so far.
  bool is_best(const Logs& logs, const std::string& path) {
    const std::optional<double> now = monitor_.value(logs, model());
    if (!now) return false;
    const std::string before = best_ ? fmt::format("{:.5f}", *best_) : "None";
    if (!monitor_.improves(*now, best_)) {
      say(fmt::format("{} did not improve from {}", options_.monitor, before));
      return false;
    }
    say(fmt::format("{} improved from {} to {:.5f}, saving model to {}", options_.monitor, before, *now,
                    path));
    best_ = now;
    return true;
  }

  void save(const std::vector<std::pair<std::string, Index>>& numbers, const Logs& logs) {
    const std::string path = internal::format_path("ModelCheckpoint", path_, numbers, logs);
    if (!options_.save_best_only) {
      say("saving model to " + path);
    } else if (!is_best(logs, path)) {
      return;
    }
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::error_code error;
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error) {
      throw FileError("ModelCheckpoint: cannot create the folder " + in_quotes(folder.native()) + ": " +
                      error.message());
    }
    if (options_.save_weights_only) {
      model().save_weights(path);
    } else {
      model().save(path);
    }
    say("finished saving model to " + path);
  }

  std::string path_;
  ModelCheckpointOptions options_;
  internal::Monitor monitor_;
  std::optional<double> best_;
  Index epoch_ = 0;
  Index batches_ = 0;  // Since the last one that saved.
};

}  // namespace

std::shared_ptr<Callback> ModelCheckpoint(ModelCheckpointOptions options) {
  return make_shared_as<Callback, Checkpoint>(options.filepath, options);
}

}  // namespace unspool
