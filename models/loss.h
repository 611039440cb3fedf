#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/tensor.h>

namespace unspool {

template <class Base>
class Registry;

/// How the losses of the samples become one number: "sum_over_batch_size" (the sum, divided by how many there
/// are: weights do not change the divisor), "mean" (the same), "mean_with_sample_weight" (divided by the sum
/// of the weights), "sum", or "none" (they stay as they are).
class Reduction {
 public:
  Reduction() = default;
  Reduction(const char* name) : Reduction(std::string(name)) {}
  /// ValueError for another name.
  Reduction(const std::string& name);
  const std::string& name() const { return name_; }
  friend bool operator==(const Reduction&, const Reduction&) = default;

 private:
  std::string name_ = "sum_over_batch_size";
};

template <>
struct ConfigValue<Reduction> {
  static constexpr std::string_view name = "Reduction";
  static Config to(const Reduction& value) { return value.name(); }
  static Reduction from(const Config& config) {
    return config.is_null() ? Reduction("none") : Reduction(config.as<std::string>());
  }
};

/// A loss of one's own that has arguments derives from this; for one without a function is enough.
class LossBase {
 public:
  virtual ~LossBase() = default;
  LossBase(const LossBase&) = delete;
  LossBase& operator=(const LossBase&) = delete;

  /// One loss a sample: the last axis is gone.
  virtual Tensor call(const Tensor& y_true, const Tensor& y_pred) const = 0;
  /// Which of the losses count (bool, their shape); empty: all.
  virtual Tensor kept(const Tensor& y_true, const Tensor& losses) const;
  virtual std::string class_name() const;
  virtual Config get_config() const;
  const std::string& name() const { return name_; }
  const Reduction& reduction() const { return reduction_; }

 protected:
  LossBase(std::string name, Reduction reduction)
      : name_(std::move(name)), reduction_(std::move(reduction)) {}

 private:
  std::string name_;
  Reduction reduction_;
};

/// What training makes small: a shared LossBase, from a name ("mse", "sparse_categorical_crossentropy"), from
/// one of the functions below, or from a function of (y_true, y_pred). Empty if default-made.
class Loss {
 public:
  Loss() = default;
  ~Loss();
  Loss(const Loss& other);
  Loss(Loss&& other) noexcept;
  Loss& operator=(const Loss& other);
  Loss& operator=(Loss&& other) noexcept;
  Loss(const char* name);
  /// ValueError for an unknown name, naming the nearest.
  Loss(const std::string& name);
  /// A function gives one loss a sample; the mean is taken of them. A config cannot hold it: see
  /// register_loss.
  template <class F>
  requires std::is_invocable_r_v<Tensor, F, const Tensor&, const Tensor&> Loss(F function)
      : Loss(Function(std::move(function)), Tag{}) {}
  explicit Loss(std::shared_ptr<const LossBase> implementation)
      : implementation_(std::move(implementation)) {}

  explicit operator bool() const { return implementation_ != nullptr; }
  const LossBase* operator->() const { return &implementation(); }

  /// The reduced loss of a batch. A mask on y_pred leaves steps out: they count for nothing, whatever they
  /// hold. Weights have the losses' shape or that of its leading axes.
  Tensor operator()(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight = {}) const;
  const std::string& name() const { return implementation().name(); }

  /// {"class_name", "config"}; null if empty.
  Config config() const;
  /// From that, a name, or null.
  static Loss from_config(const Config& config);

 private:
  using Function = std::function<Tensor(const Tensor&, const Tensor&)>;
  struct Tag {};
  Loss(Function function, Tag);
  const LossBase& implementation() const;
  std::shared_ptr<const LossBase> implementation_;
};

template <>
struct ConfigValue<Loss> {
  static constexpr std::string_view name = "Loss";
  static Config to(const Loss& value) { return value.config(); }
  static Loss from(const Config& config) { return Loss::from_config(config); }
};

/// All losses by name (core/registry.h).
Registry<LossBase>& loss_registry();

/// Makes a function usable, and written to files, by a name.
void register_loss(const std::string& name, std::function<Tensor(const Tensor&, const Tensor&)> function);

/// Arguments of a loss that has none of its own.
struct LossOptions {
  Reduction reduction = {};
  /// Empty: the class's, "mean_squared_error".
  std::string name = {};

  static const Fields& fields();
};

/// mean((y_true - y_pred)^2) over the last axis. "mse".
Loss MeanSquaredError(LossOptions options = {});
/// mean(|y_true - y_pred|) over the last axis. "mae".
Loss MeanAbsoluteError(LossOptions options = {});

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

struct SparseCrossentropyOptions {
  bool from_logits = false;
  /// Samples of this class count for nothing.
  std::optional<Index> ignore_class = std::nullopt;
  Reduction reduction = {};
  int axis = -1;
  std::string name = {};

  static const Fields& fields();
};

/// -log p of the right class, for labels 0, 1, ... ValueError for a label that is no class.
Loss SparseCategoricalCrossentropy(SparseCrossentropyOptions options = {});

namespace internal {

/// y_true beside y_pred: where their ranks differ by one, an axis of size 1 at the end comes or goes, and the
/// labels take the dtype of the prediction.
std::pair<Tensor, Tensor> aligned(const Tensor& y_true, const Tensor& y_pred);

/// The losses where `kept` (bool; empty: everywhere) as one number; the others count for nothing, whatever
/// they are.
Tensor reduced(const Tensor& losses, const Tensor& sample_weight, const Tensor& kept,
               const Reduction& reduction);

}  // namespace internal

}  // namespace unspool
