#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include <unspool/models/history.h>

namespace unspool {

class Model;

/// Something that is told how training goes, and may change its course. Derive from it and override what is
/// wanted; fit takes it as
/// std::make_shared<MyCallback>(...).
class Callback {
 public:
  Callback() = default;
  virtual ~Callback();
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  virtual void on_train_begin() {}
  virtual void on_train_end() {}
  virtual void on_epoch_begin(Index /*epoch*/) {}
  /// What is added to `logs` is seen by the callbacks after this one, printed, and kept in the History.
  virtual void on_epoch_end(Index /*epoch*/, Logs& /*logs*/) {}
  virtual void on_train_batch_begin(Index /*batch*/) {}
  virtual void on_train_batch_end(Index /*batch*/, const Logs& /*logs*/) {}

  /// Done by fit.
  void set_model(Model* model) { model_ = model; }

 protected:
  /// The model that trains. RuntimeError outside of fit.
  Model& model() const;

 private:
  Model* model_ = nullptr;
};

/// Those that fit takes: {callback, other}.
class Callbacks {
 public:
  Callbacks();
  Callbacks(std::initializer_list<std::shared_ptr<Callback>> all);
  Callbacks(std::vector<std::shared_ptr<Callback>> all);
  Callbacks(const Callbacks& other);
  Callbacks(Callbacks&& other) noexcept;
  Callbacks& operator=(const Callbacks& other);
  Callbacks& operator=(Callbacks&& other) noexcept;
  ~Callbacks();
  const std::vector<std::shared_ptr<Callback>>& all() const { return all_; }

 private:
  std::vector<std::shared_ptr<Callback>> all_;
};

struct LambdaCallbackOptions {
  std::function<void(Index epoch)> on_epoch_begin = {};
  std::function<void(Index epoch, Logs& logs)> on_epoch_end = {};
  std::function<void()> on_train_begin = {};
  std::function<void()> on_train_end = {};
  std::function<void(Index batch)> on_train_batch_begin = {};
  std::function<void(Index batch, const Logs& logs)> on_train_batch_end = {};
};
/// A callback made of functions.
std::shared_ptr<Callback> LambdaCallback(LambdaCallbackOptions options);

/// Sets the learning rate at the start of each epoch: schedule(epoch, rate so far). Adds "learning_rate" to
/// the logs.
std::shared_ptr<Callback> LearningRateScheduler(
    std::function<double(Index epoch, double learning_rate)> schedule);

}  // namespace unspool
