#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/made_handle.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/options_handle.h>
#include <unspool/core/registry.h>
#include <unspool/core/sealed.h>

namespace unspool {

/// The base class of learning-rate schedules. Derive from it, or from ScheduleOf, for one of your own, and
/// register it with register_schedule<MySchedule>().
class ScheduleBase : public NamedObject {
 public:
  /// The learning rate of a step, counted from 0.
  virtual double at(std::int64_t step) const = 0;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
};

/// The base class of schedules whose arguments are an options struct.
template <class O>
class ScheduleOf : public ScheduleBase {
 public:
  using Options = O;
  /// With these arguments.
  explicit ScheduleOf(O options) : options_(std::move(options)) {}
  Config get_config() const override { return to_config(options_); }

 protected:
  /// The arguments.
  const O& options() const { return options_; }

 private:
  O options_;
};

/// The registry of schedules.
Registry<ScheduleBase>& schedule_registry();

/// Registers a class of your own, made as Registry::add() says, for configs and files: "my>Warmup".
template <std::derived_from<ScheduleBase> T>
void register_schedule(std::string name) {
  schedule_registry().add<T>(std::move(name));
}

namespace internal {
UNSPOOL_SEALED(SealedLearningRate,
               "LearningRate is a handle: derive from ScheduleBase, and pass make<MySchedule>(...)");
}

/// The learning rate of an optimizer: a number, or a schedule made as one of the classes below. Copies
/// share the schedule.
class LearningRate : public virtual internal::SealedLearningRate {
 public:
  /// A constant rate.
  template <class N>
  requires std::is_arithmetic_v<N> LearningRate(N value)
      : LearningRate(nullptr, static_cast<double>(value)) {}
  /// Throws ValueError for a null pointer.
  explicit LearningRate(std::shared_ptr<const ScheduleBase> schedule);
  ///@{
  /// Copies share the schedule.
  LearningRate(const LearningRate& other);
  LearningRate(LearningRate&& other) noexcept;
  LearningRate& operator=(const LearningRate& other);
  LearningRate& operator=(LearningRate&& other) noexcept;
  ~LearningRate();
  ///@}

  /// Whether the rate depends on the step.
  bool is_schedule() const { return schedule_ != nullptr; }
  ///@{
  /// The rate of a step, counted from 0, rounded to float32 as in Keras.
  double at(std::int64_t step) const;
  double operator()(std::int64_t step) const { return at(step); }
  ///@}

  /// The schedule, null for a number.
  friend std::shared_ptr<const ScheduleBase> object_of(const LearningRate& rate) { return rate.schedule_; }
  /// The number, or {"class_name", "config"} of the schedule.
  Config config() const;
  /// From one of those. Throws KeyError for an unknown class, naming the nearest.
  static LearningRate from_config(const Config& config);

 protected:
  /// Refuses derived classes.
  using Sealed = internal::SealedLearningRate;

 private:
  LearningRate(std::nullptr_t, double value);
  double value_ = 0;
  std::shared_ptr<const ScheduleBase> schedule_;
};

/// Makes a schedule of a class of your own: make<Warmup>(WarmupOptions{.steps = 100}).
template <std::derived_from<ScheduleBase> T, class... Arguments>
MadeHandle<LearningRate, const T> make(Arguments&&... arguments) {
  return MadeHandle<LearningRate, const T>(
      make_shared_as<ScheduleBase, const T>(std::forward<Arguments>(arguments)...));
}

/// Converts a LearningRate to a config and back.
template <>
struct ConfigValue<LearningRate> {
  static constexpr std::string_view name = "LearningRate";
  static Config to(const LearningRate& value) { return value.config(); }
  static LearningRate from(const Config& config) { return LearningRate::from_config(config); }
};

struct ExponentialDecayOptions;
struct InverseTimeDecayOptions;
struct PiecewiseConstantDecayOptions;
struct PolynomialDecayOptions;
struct CosineDecayOptions;
struct CosineDecayRestartsOptions;

namespace internal {
LearningRate make_exponential_decay(const ExponentialDecayOptions& options);
LearningRate make_inverse_time_decay(const InverseTimeDecayOptions& options);
LearningRate make_piecewise_constant_decay(const PiecewiseConstantDecayOptions& options);
LearningRate make_polynomial_decay(const PolynomialDecayOptions& options);
LearningRate make_cosine_decay(const CosineDecayOptions& options);
LearningRate make_cosine_decay_restarts(const CosineDecayRestartsOptions& options);
}  // namespace internal

/// Arguments of ExponentialDecay.
struct ExponentialDecayOptions {
  required<double> initial_learning_rate;
  required<Index> decay_steps;
  required<double> decay_rate;
  Flag staircase = false;
  std::string name = "ExponentialDecay";

  static const Fields& fields();
};
/// initial_learning_rate * decay_rate ^ (step / decay_steps); with staircase, the quotient is rounded down.
/// Throws ValueError unless decay_steps is positive.
using ExponentialDecay = OptionsHandle<internal::make_exponential_decay>;

/// Arguments of InverseTimeDecay.
struct InverseTimeDecayOptions {
  required<double> initial_learning_rate;
  required<Index> decay_steps;
  required<double> decay_rate;
  Flag staircase = false;
  std::string name = "InverseTimeDecay";

  static const Fields& fields();
};
/// initial_learning_rate / (1 + decay_rate * step / decay_steps); with staircase, step / decay_steps is
/// rounded down. Throws ValueError unless decay_steps is positive.
using InverseTimeDecay = OptionsHandle<internal::make_inverse_time_decay>;

/// Arguments of PiecewiseConstantDecay.
struct PiecewiseConstantDecayOptions {
  required<std::vector<Index>> boundaries;
  required<std::vector<double>> values;
  std::string name = "PiecewiseConstant";

  static const Fields& fields();
};
/// values[0] for steps up to and including boundaries[0], values[1] up to and including boundaries[1], and so
/// on. Throws ValueError unless there is one value more than boundaries, and the boundaries ascend.
using PiecewiseConstantDecay = OptionsHandle<internal::make_piecewise_constant_decay>;

/// Arguments of PolynomialDecay.
struct PolynomialDecayOptions {
  required<double> initial_learning_rate;
  required<Index> decay_steps;
  double end_learning_rate = 0.0001;
  double power = 1;
  Flag cycle = false;
  std::string name = "PolynomialDecay";

  static const Fields& fields();
};
/// (initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ^ power + end_learning_rate. After
/// decay_steps it stays at end_learning_rate; with cycle, it starts again with the next multiple of
/// decay_steps. Throws ValueError unless decay_steps is positive.
using PolynomialDecay = OptionsHandle<internal::make_polynomial_decay>;

/// Arguments of CosineDecay.
struct CosineDecayOptions {
  required<double> initial_learning_rate;
  required<Index> decay_steps;
  double alpha = 0;
  std::string name = "CosineDecay";
  std::optional<double> warmup_target = std::nullopt;
  Index warmup_steps = 0;

  static const Fields& fields();
};
/// Half a cosine from initial_learning_rate down to alpha times it in decay_steps (Loshchilov and Hutter
/// 2017). With a warmup_target, the rate first rises to it in a straight line in warmup_steps, and the cosine
/// starts there. Throws ValueError unless decay_steps is positive and warmup_steps is not negative.
using CosineDecay = OptionsHandle<internal::make_cosine_decay>;

/// Arguments of CosineDecayRestarts.
struct CosineDecayRestartsOptions {
  required<double> initial_learning_rate;
  required<Index> first_decay_steps;
  double t_mul = 2;
  double m_mul = 1;
  double alpha = 0;
  std::string name = "SGDRDecay";

  static const Fields& fields();
};
/// Half a cosine from initial_learning_rate down to alpha times it in first_decay_steps, and then again and
/// again, each t_mul times as long as the one before and m_mul times as high (Loshchilov and Hutter 2017).
/// Throws ValueError unless first_decay_steps and t_mul are positive.
using CosineDecayRestarts = OptionsHandle<internal::make_cosine_decay_restarts>;

}  // namespace unspool
