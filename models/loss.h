#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/registry.h>
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
  /// One of the names above.
  const std::string& name() const { return name_; }
  /// True for one name.
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

/// Base class of losses. Derive from it for one of your own that has arguments, and make it known by
/// register_loss<MyLoss>(); for one without arguments a function is enough.
class LossBase : public NamedObject {
 public:
  /// A function of (y_true, y_pred) that can stand for a loss.
  using Function = std::function<Tensor(const Tensor&, const Tensor&)>;

  /// One loss a sample: the shape of `y_pred` without its last axis.
  virtual Tensor call(const Tensor& y_true, const Tensor& y_pred) const = 0;
  /// Which of the losses count (bool, of the shape of `losses`); an empty tensor if all do.
  virtual Tensor kept(const Tensor& y_true, const Tensor& losses) const;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
  /// The reduction and the name.
  Config get_config() const override;
  /// What logs call it.
  const std::string& name() const { return name_; }
  /// How the losses of a batch become one number.
  const Reduction& reduction() const { return reduction_; }

 protected:
  /// With a name for logs.
  LossBase(std::string name, Reduction reduction)
      : name_(std::move(name)), reduction_(std::move(reduction)) {}

 private:
  std::string name_;
  Reduction reduction_;
};

/// All losses by name.
Registry<LossBase>& loss_registry();

/// The objective that training minimizes. It is made from a name ("mse", "sparse_categorical_crossentropy"),
/// by one of the functions below, or from a function of (y_true, y_pred) that gives one loss a sample, of
/// which the mean is taken.
class Loss : public NamedHandle<Loss, const LossBase, loss_registry> {
 public:
  /// Empty, or from a name, a function or an object.
  using NamedHandle::NamedHandle;

  /// The reduced loss of a batch. Where a mask is attached to `y_pred`, steps that it masks do not count,
  /// whatever they hold. `sample_weight` has the shape of the losses or of their leading axes. Throws ValueError for
  /// an empty loss and for shapes that do not fit.
  Tensor operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight = {}) const;
  /// What logs call it.
  const std::string& name() const { return object().name(); }

 private:
  friend NamedHandle;
  static std::shared_ptr<const LossBase> of_function(LossBase::Function function);
};
extern template class NamedHandle<Loss, const LossBase, loss_registry>;

/// Makes a class of your own, which is made from T::Options, known to configs and files: "my>Huber".
template <std::derived_from<LossBase> T>
void register_loss(std::string name) {
  loss_registry().add<T>(std::move(name));
}
/// Makes a function usable, and written to files, by a name: "my>huber". Throws ValueError for a name of a built-in
/// loss.
void register_loss(const std::string& name, const LossBase::Function& function);

/// Arguments of MeanSquaredError and MeanAbsoluteError.
struct LossOptions {
  Reduction reduction = {};
  /// If empty, the name of the class: "mean_squared_error".
  std::string name = {};

  static const Fields& fields();
};

/// mean((y_true - y_pred)^2) over the last axis; "mse" in short.
Loss MeanSquaredError(LossOptions options = {});
/// mean(|y_true - y_pred|) over the last axis; "mae" in short.
Loss MeanAbsoluteError(LossOptions options = {});

/// Arguments of BinaryCrossentropy and CategoricalCrossentropy.
struct CrossentropyOptions {
  bool from_logits = false;
  double label_smoothing = 0;
  int axis = -1;
  Reduction reduction = {};
  std::string name = {};

  static const Fields& fields();
};

/// -mean(y log p + (1 - y) log(1 - p)) over the axis, for labels 0 and 1.
Loss BinaryCrossentropy(CrossentropyOptions options = {});
/// -sum(y log p) over the axis, for labels that are one-hot or a distribution.
Loss CategoricalCrossentropy(CrossentropyOptions options = {});

/// Arguments of SparseCategoricalCrossentropy.
struct SparseCrossentropyOptions {
  bool from_logits = false;
  /// Samples of this class do not count.
  std::optional<Index> ignore_class = std::nullopt;
  Reduction reduction = {};
  int axis = -1;
  std::string name = {};

  static const Fields& fields();
};

/// -log p of the right class, for labels 0, 1, ... Throws ValueError for a label that is no class.
Loss SparseCategoricalCrossentropy(SparseCrossentropyOptions options = {});

namespace internal {

/// Labels and predictions of one rank and one dtype, that of the predictions: where their ranks differ by
/// one, an axis of size 1 at the end is added or removed.
std::pair<Tensor, Tensor> aligned(const Tensor& y_true, const Tensor& y_pred);

/// The reduction of the losses for which `kept` is true (bool; an empty tensor: of all). The others do not
/// count, whatever they are.
Tensor reduced(const Tensor& losses, const Tensor& sample_weight, const Tensor& kept,
               const Reduction& reduction);

}  // namespace internal

}  // namespace unspool
