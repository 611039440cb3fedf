#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <unspool/core/callable.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/made_handle.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/registry.h>
#include <unspool/core/sealed.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// How the losses of the samples become one number:
/// - "sum_over_batch_size": their sum, divided by how many there are. Weights do not change the divisor.
/// - "mean": the same.
/// - "mean_with_sample_weight": their sum, divided by the sum of the weights.
/// - "sum": their sum.
/// - "none": they are returned as they are.
class Reduction {
 public:
  /// "sum_over_batch_size".
  Reduction() = default;
  /// Throws ValueError for another name than those above.
  Reduction(const char* name) : Reduction(std::string(name)) {}
  /// Throws ValueError for another name than those above.
  Reduction(const std::string& name);
  ///@{
  /// One of the names above; a copy for temporaries.
  const std::string& name() const& { return name_; }
  std::string name() && { return std::move(name_); }
  ///@}
  /// Whether the names are equal.
  friend bool operator==(const Reduction&, const Reduction&) = default;

 private:
  std::string name_ = "sum_over_batch_size";
};

/// A Reduction is its name in configs; null is read as "none".
template <>
struct ConfigValue<Reduction> {
  static constexpr std::string_view name = "Reduction";
  static Config to(const Reduction& value) { return value.name(); }
  static Reduction from(const Config& config) {
    return config.is_null() ? Reduction("none") : Reduction(config.as<std::string>());
  }
};

/// The losses of a batch, and which of them count.
struct SampleLosses {
  Tensor losses;     ///< One for each sample.
  Tensor kept = {};  ///< Of dtype bool, with the leading axes of `losses`; empty: all of them.
};

/// The base class of losses. Derive from it for one of your own with arguments, make it with
/// make<MyLoss>(...), and register it with register_loss<MyLoss>(). Without arguments a function is enough.
class LossBase : public NamedObject {
 public:
  /// A function of (y_true, y_pred) that is a loss.
  using Function = Callable<Tensor(const Tensor&, const Tensor&)>;

  /// One loss for each sample: it has the shape of `y_pred` without its last axis.
  virtual Tensor call(const Tensor& y_true, const Tensor& y_pred) const = 0;
  /// The reduced loss of a batch, as that of a Loss.
  Tensor operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight = {}) const;
  /// The losses, and which of them count. `mask` is the one that was attached to `y_pred`, of dtype bool;
  /// empty if there is none. Unless overridden, these are the results of call() where labels that are masked
  /// are 0 and predictions that are masked are 1, whatever they were: losses and gradients cannot see them.
  /// Throws ValueError if the mask does not fit the leading axes of the losses; a single number may be
  /// computed with mask_of(y_pred).
  virtual SampleLosses samples(const Tensor& y_true, const Tensor& y_pred, const Tensor& mask) const;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
  /// The reduction and the name.
  Config get_config() const override;
  /// The name in the logs.
  const std::string& name() const { return name_; }
  /// How the losses of a batch become one number.
  const Reduction& reduction() const { return reduction_; }

 protected:
  /// A name for the logs.
  explicit LossBase(std::string name, Reduction reduction = {})
      : name_(std::move(name)), reduction_(std::move(reduction)) {}

 private:
  std::string name_;
  Reduction reduction_;
};

/// The registry of losses.
Registry<LossBase>& loss_registry();

namespace internal {
UNSPOOL_SEALED(SealedLoss, "Loss is a handle: derive from LossBase, and pass make<MyLoss>(...)");
}

/// The objective that training minimizes. Made from a name ("mse", "sparse_categorical_crossentropy"), as one
/// of the classes below, or from a function of (y_true, y_pred) that returns one loss for each sample,
/// whose mean is used.
class Loss : public NamedHandle<Loss, const LossBase, loss_registry>, public virtual internal::SealedLoss {
 public:
  ///@{
  /// Empty, or from a name, a function or an object, as in NamedHandle.
  Loss();
  Loss(const char* name);
  Loss(const std::string& name);
  template <internal::FunctionFor<LossBase> F>
  Loss(F function) : Loss(of_function(std::move(function))) {}
  explicit Loss(std::shared_ptr<const LossBase> object);
  Loss(const Loss& other);
  Loss(Loss&& other) noexcept;
  Loss& operator=(const Loss& other);
  Loss& operator=(Loss&& other) noexcept;
  ~Loss();
  ///@}

  /// The reduced loss of a batch, without steps that a mask attached to `y_pred` masks, even if they are NaN.
  /// `sample_weight` has the shape of the losses or of their leading axes. Throws ValueError for an empty
  /// loss and for shapes that do not match.
  Tensor operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight = {}) const;
  ///@{
  /// The name in the logs; a copy for temporaries.
  const std::string& name() const& { return object().name(); }
  std::string name() && { return object().name(); }
  ///@}

 protected:
  /// Refuses derived classes.
  using Sealed = internal::SealedLoss;

 private:
  friend NamedHandle;
  static std::shared_ptr<const LossBase> of_function(LossBase::Function function);
};
extern template class NamedHandle<Loss, const LossBase, loss_registry>;

/// Makes a loss of a class of your own, make<Huber>(1.5), whose `->` reaches all members of the class.
template <std::derived_from<LossBase> T, class... Arguments>
MadeHandle<Loss, const T> make(Arguments&&... arguments) {
  return MadeHandle<Loss, const T>(make_shared_as<LossBase, const T>(std::forward<Arguments>(arguments)...));
}
/// Registers a class of your own, made as Registry::add() says, for configs and files: "my>Huber".
template <std::derived_from<LossBase> T>
void register_loss(std::string name) {
  loss_registry().add<T>(std::move(name));
}
/// Registers a function with a name for programs, configs and files: "my>huber". Throws ValueError for a name
/// of a built-in loss.
void register_loss(const std::string& name, const LossBase::Function& function);

/// Arguments of losses that have none of their own.
struct LossOptions {
  Reduction reduction = {};  ///< How the losses become one number.
  /// The name in the logs. Default: that of the loss, "mean_squared_error".
  std::string name = {};

  /// The list of fields.
  static const Fields& fields();
};

namespace internal {

/// Labels and predictions with equal rank and the dtype of the predictions. If the ranks differ by one, a
/// last axis of size 1 is added or removed.
std::pair<Tensor, Tensor> aligned(const Tensor& y_true, const Tensor& y_pred);

/// `x` with `value` where `mask` is false. A mask whose shape is not that of the leading axes of `x` changes
/// nothing.
Tensor replace_masked(const Tensor& mask, const Tensor& x, double value);

/// The reduction of the losses for which `kept` (bool; empty: all) is true. Other losses are ignored, even if
/// they are NaN.
Tensor reduced(const Tensor& losses, const Tensor& sample_weight, const Tensor& kept,
               const Reduction& reduction);

}  // namespace internal

}  // namespace unspool
