#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/mistake.h>
#include <unspool/core/shape.h>
#include <unspool/models/history.h>
#include <unspool/serialization/snapshot.h>

/// All hooks of Callback and LambdaCallback: PLAIN(name) for those of a run, NUMBERED(name) for those of an
/// epoch or a batch, which get its number.
#define UNSPOOL_CALLBACK_HOOKS(PLAIN, NUMBERED) \
  NUMBERED(on_epoch_begin)                      \
  NUMBERED(on_epoch_end)                        \
  PLAIN(on_train_begin)                         \
  PLAIN(on_train_end)                           \
  NUMBERED(on_train_batch_begin)                \
  NUMBERED(on_train_batch_end)                  \
  PLAIN(on_test_begin)                          \
  PLAIN(on_test_end)                            \
  NUMBERED(on_test_batch_begin)                 \
  NUMBERED(on_test_batch_end)                   \
  PLAIN(on_predict_begin)                       \
  PLAIN(on_predict_end)                         \
  NUMBERED(on_predict_batch_begin)              \
  NUMBERED(on_predict_batch_end)

namespace unspool {

class Model;
class Outputs;

/// What a callback is told about the run before it begins.
struct CallbackParams {
  Index epochs = 1;                       ///< The argument of fit().
  std::optional<Index> steps = {};        ///< The number of batches in an epoch; empty if unknown.
  int verbose = 0;                        ///< The argument of fit(), evaluate() or predict().
  std::vector<std::string> metrics = {};  ///< The names in the logs; empty if unknown before a batch.
};

#define UNSPOOL_HOOK(name)                            \
  virtual void name() {}                              \
  virtual void name(const Logs& /*logs*/) { name(); } \
  virtual void name(Logs& logs) { name(std::as_const(logs)); }
#define UNSPOOL_NUMBERED_HOOK(name)                                       \
  virtual void name(Index /*number*/) {}                                  \
  virtual void name(Index number, const Logs& /*logs*/) { name(number); } \
  virtual void name(Index number, Logs& logs) { name(number, std::as_const(logs)); }

/// Hooks into the loops of fit(), evaluate() and predict(). Derive from this class, override the hooks that
/// you need, and pass make<MyCallback>(...):
///
///     class StopBelow : public Callback {
///       void on_epoch_end(Index epoch, const Logs& logs) override {
///         if (logs["loss"] < 0.1) model().stop_training();
///       }
///     };
///
/// A hook is on_{train,test,predict}_{begin,end}, on_{train,test,predict}_batch_{begin,end} or
/// on_epoch_{begin,end}. Hooks of epochs and batches get the number, counted from 0. Each can be overridden
/// in one of three forms: without the logs, with `const Logs& logs`, or with `Logs& logs` to change them.
/// Write `override`, so that another form does not compile. `logs` has the loss and the metrics of the epoch
/// so far; it is empty where there are none yet. Values that on_epoch_end() adds are passed on to the
/// callbacks after this one, printed, and kept in the History. Validation within fit() calls on_test_*.
class Callback {
 public:
  /// A callback without a model.
  Callback() = default;
  virtual ~Callback();
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  ///@{
  /// Called at the begin and the end of a run, an epoch or a batch.
  UNSPOOL_CALLBACK_HOOKS(UNSPOOL_HOOK, UNSPOOL_NUMBERED_HOOK)
  ///@}

  ///@{
  /// What the callback remembers from one hook to the next, for BackupAndRestore(). A callback that counts or
  /// compares overrides both, so that a run that was killed goes on as if it had not been: set_state() is
  /// called after on_train_begin() with what get_state() returned. By default there is nothing to remember.
  virtual Snapshot get_state() const;
  virtual void set_state(const Snapshot& /*state*/) {}
  ///@}

  /// Whether it shows the progress of fit(), which prints no progress bar then. Asked before the run.
  virtual bool shows_progress() const { return false; }

  /// Called with the model before a run, and with null after it, however it ends.
  virtual void set_model(Model* model) { model_ = model; }
  /// Called before a run.
  void set_params(CallbackParams params) { params_ = std::move(params); }
  /// Called by predict() with the outputs of a batch, and with null after it.
  void set_outputs(const Outputs* outputs) { outputs_ = outputs; }

 protected:
  /// The model that runs. Throws RuntimeError outside of fit(), evaluate() and predict().
  Model& model() const;
  /// What is known about the run.
  const CallbackParams& params() const { return params_; }
  /// The outputs of the batch. Throws RuntimeError outside of on_predict_batch_end().
  const Outputs& outputs() const;

 private:
  Model* model_ = nullptr;
  const Outputs* outputs_ = nullptr;
  CallbackParams params_;
};

#undef UNSPOOL_HOOK
#undef UNSPOOL_NUMBERED_HOOK

namespace internal {

/// Does not compile for a class with a function that has the name of a hook and overrides none. (Which
/// `override` would have told; private functions are not seen.)
template <class T>
constexpr void check_hooks() {
#define UNSPOOL_CHECK(name, ...)                                                                      \
  static_assert(                                                                                      \
      !requires { &T::name; } || requires { static_cast<void (T::*)(__VA_ARGS__)>(&T::name); } ||     \
          requires { static_cast<void (T::*)(__VA_ARGS__ __VA_OPT__(, ) const Logs&)>(&T::name); } || \
          requires { static_cast<void (T::*)(__VA_ARGS__ __VA_OPT__(, ) Logs&)>(&T::name); },         \
      "a callback's " #name "() does not override the hook: its arguments may be (" #__VA_ARGS__      \
      "), also followed by const Logs& or Logs&");
#define UNSPOOL_CHECK_NUMBERED(name) UNSPOOL_CHECK(name, Index)
  UNSPOOL_CALLBACK_HOOKS(UNSPOOL_CHECK, UNSPOOL_CHECK_NUMBERED)
#undef UNSPOOL_CHECK
#undef UNSPOOL_CHECK_NUMBERED
}

}  // namespace internal

/// Makes a callback of a class of your own: make<MyCallback>(...).
template <std::derived_from<Callback> T, class... Arguments>
std::shared_ptr<T> make(Arguments&&... arguments) {
  internal::check_hooks<T>();
  return make_shared_as<Callback, T>(std::forward<Arguments>(arguments)...);
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
  /// A mistake: callbacks are shared.
  UNSPOOL_MISTAKEN("write make<MyCallback>(...) in place of MyCallback(...)", class C,
                   Callbacks(const C&) requires(std::derived_from<C, Callback>));
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

namespace internal {

/// A function of a LambdaCallback(): of all arguments of the hook, of the number only, or of none.
class NumberedHook {
 public:
  NumberedHook() = default;
  template <class F>
  requires CallableAs<F, void, Index, Logs&> || CallableAs<F, void, Index> || CallableAs<F, void>
  NumberedHook(F function) {
    if constexpr (CallableAs<F, void, Index, Logs&>) {
      function_ = std::move(function);
    } else if constexpr (CallableAs<F, void, Index>) {
      function_ = [function = std::move(function)](Index number, Logs&) mutable { function(number); };
    } else {
      function_ = [function = std::move(function)](Index, Logs&) mutable { function(); };
    }
  }
  void operator()(Index number, Logs& logs) const {
    if (function_) function_(number, logs);
  }

 private:
  Callable<void(Index, Logs&)> function_;
};

/// A function of a LambdaCallback(): of the logs, or of nothing.
class PlainHook {
 public:
  PlainHook() = default;
  template <class F>
  requires CallableAs<F, void, Logs&> || CallableAs<F, void> PlainHook(F function) {
    if constexpr (CallableAs<F, void, Logs&>) {
      function_ = std::move(function);
    } else {
      function_ = [function = std::move(function)](Logs&) mutable { function(); };
    }
  }
  void operator()(Logs& logs) const {
    if (function_) function_(logs);
  }

 private:
  Callable<void(Logs&)> function_;
};

}  // namespace internal

#define UNSPOOL_HOOK(name) internal::PlainHook name = {};
#define UNSPOOL_NUMBERED_HOOK(name) internal::NumberedHook name = {};

/// The hooks of a LambdaCallback(), in the order of UNSPOOL_CALLBACK_HOOKS. Each is a function of the
/// arguments of the hook of this name in Callback, of the number only, or of none: `[](Index epoch, const
/// Logs& logs) {}`, `[](Index epoch) {}`, `[] {}`.
struct LambdaCallbackOptions {
  ///@{
  /// As in Callback.
  UNSPOOL_CALLBACK_HOOKS(UNSPOOL_HOOK, UNSPOOL_NUMBERED_HOOK)
  ///@}
};

#undef UNSPOOL_HOOK
#undef UNSPOOL_NUMBERED_HOOK

/// A callback that calls functions.
std::shared_ptr<Callback> LambdaCallback(LambdaCallbackOptions options);

}  // namespace unspool
