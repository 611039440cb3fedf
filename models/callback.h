#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include <unspool/models/history.h>

namespace unspool {

class Model;

/// Hooks into the training loop of Model::fit(). Derive from this class, override the hooks that you need,
/// and pass make<MyCallback>(...) to fit(). Epochs and batches are counted from 0.
class Callback {
 public:
  /// A callback without a model.
  Callback() = default;
  virtual ~Callback();
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  ///@{
  /// Called at the start and at the end of training, of an epoch and of a batch. `logs` has the loss and the
  /// metrics of the epoch so far.
  virtual void on_train_begin() {}
  virtual void on_train_end() {}
  virtual void on_epoch_begin(Index /*epoch*/) {}
  /// Called at the end of an epoch, after validation. Values added to `logs` are passed on to the callbacks
  /// after this one, printed, and kept in the History.
  virtual void on_epoch_end(Index /*epoch*/, Logs& /*logs*/) {}
  virtual void on_train_batch_begin(Index /*batch*/) {}
  virtual void on_train_batch_end(Index /*batch*/, const Logs& /*logs*/) {}
  ///@}

  /// Called by fit() with its model before training, and with null after it.
  void set_model(Model* model) { model_ = model; }

 protected:
  /// The model that is trained. Throws RuntimeError outside of fit().
  Model& model() const;

 private:
  Model* model_ = nullptr;
};

/// Makes a callback of a class of your own: make<MyCallback>(...).
template <std::derived_from<Callback> T, class... Arguments>
std::shared_ptr<T> make(Arguments&&... arguments) {
  return std::make_shared<T>(std::forward<Arguments>(arguments)...);
}

/// A list of callbacks: {callback, other}.
class Callbacks {
 public:
  ///@{
  /// A list of these callbacks.
  Callbacks();
  Callbacks(std::initializer_list<std::shared_ptr<Callback>> all);
  Callbacks(std::vector<std::shared_ptr<Callback>> all);
  ///@}
  Callbacks(const Callbacks& other);
  Callbacks(Callbacks&& other) noexcept;
  Callbacks& operator=(const Callbacks& other);
  Callbacks& operator=(Callbacks&& other) noexcept;
  ~Callbacks();
  ///@{
  /// The callbacks, in order; a copy for temporaries.
  const std::vector<std::shared_ptr<Callback>>& all() const& { return all_; }
  std::vector<std::shared_ptr<Callback>> all() &&;
  ///@}

 private:
  std::vector<std::shared_ptr<Callback>> all_;
};

/// The hooks of a LambdaCallback(); empty ones are not called.
struct LambdaCallbackOptions {
  ///@{
  /// As in Callback.
  std::function<void(Index epoch)> on_epoch_begin = {};
  std::function<void(Index epoch, Logs& logs)> on_epoch_end = {};
  std::function<void()> on_train_begin = {};
  std::function<void()> on_train_end = {};
  std::function<void(Index batch)> on_train_batch_begin = {};
  std::function<void(Index batch, const Logs& logs)> on_train_batch_end = {};
  ///@}
};
/// A callback that calls functions.
std::shared_ptr<Callback> LambdaCallback(LambdaCallbackOptions options);

}  // namespace unspool
