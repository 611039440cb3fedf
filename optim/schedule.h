#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>

namespace unspool {

template <class Base>
class Registry;

/// A learning rate that depends on the step. One of one's own derives from this, or from ScheduleOf.
class ScheduleBase {
 public:
  ScheduleBase() = default;
  virtual ~ScheduleBase();
  ScheduleBase(const ScheduleBase&) = delete;
  ScheduleBase& operator=(const ScheduleBase&) = delete;

  /// The rate of a step, the first of which is 0.
  virtual double at(std::int64_t step) const = 0;
  /// The arguments that make this schedule again.
  virtual Config get_config() const = 0;
  /// The class as configs have it, "ExponentialDecay": its name in schedule_registry().
  std::string class_name() const;
};

/// The same with an options struct.
template <class O>
class ScheduleOf : public ScheduleBase {
 public:
  using Options = O;
  explicit ScheduleOf(O options) : options_(std::move(options)) {}
  Config get_config() const override { return to_config(options_); }

 protected:
  const O& options() const { return options_; }

 private:
  O options_;
};

/// What an optimizer's learning_rate is: a number, or a schedule, made by one of the functions below. Copying
/// shares a schedule.
class LearningRate {
 public:
  LearningRate(double value) : value_(value) {}
  explicit LearningRate(std::shared_ptr<const ScheduleBase> schedule);

  bool is_schedule() const { return schedule_ != nullptr; }
  /// In a step, the first of which is 0. Rounded to a float32, as Keras has it.
  double at(std::int64_t step) const;

  /// The number, or the schedule's {"class_name", "config"}.
  Config config() const;
  static LearningRate from_config(const Config& config);

 private:
  double value_ = 0;
  std::shared_ptr<const ScheduleBase> schedule_;
};

template <>
struct ConfigValue<LearningRate> {
  static constexpr std::string_view name = "LearningRate";
  static Config to(const LearningRate& value) { return value.config(); }
  static LearningRate from(const Config& config) { return LearningRate::from_config(config); }
};

struct ExponentialDecayOptions {
  required<double> initial_learning_rate;
  required<Index> decay_steps;
  required<double> decay_rate;
  bool staircase = false;
  std::string name = "ExponentialDecay";

  static const Fields& fields();
};
/// initial_learning_rate * decay_rate ^ (step / decay_steps); staircase: of the whole part of the quotient.
/// ValueError unless decay_steps is positive, as in those below.
LearningRate ExponentialDecay(ExponentialDecayOptions options);

struct InverseTimeDecayOptions {
  required<double> initial_learning_rate;
  required<Index> decay_steps;
  required<double> decay_rate;
  bool staircase = false;
  std::string name = "InverseTimeDecay";

  static const Fields& fields();
};
/// initial_learning_rate / (1 + decay_rate * step / decay_steps); staircase: of the whole part of the
/// quotient.
LearningRate InverseTimeDecay(InverseTimeDecayOptions options);

struct PiecewiseConstantDecayOptions {
  required<std::vector<Index>> boundaries;
  required<std::vector<double>> values;
  std::string name = "PiecewiseConstant";

  static const Fields& fields();
};
/// values[0] up to the first boundary and in it, values[1] up to the second, and so on. ValueError unless
/// there is one value more than boundaries, and these ascend.
LearningRate PiecewiseConstantDecay(PiecewiseConstantDecayOptions options);

struct PolynomialDecayOptions {
  required<double> initial_learning_rate;
  required<Index> decay_steps;
  double end_learning_rate = 0.0001;
  double power = 1;
  bool cycle = false;
  std::string name = "PolynomialDecay";

  static const Fields& fields();
};
/// Down to end_learning_rate along (1 - step / decay_steps) ^ power; cycle: then up again, and down in twice,
/// three times the steps.
LearningRate PolynomialDecay(PolynomialDecayOptions options);

struct CosineDecayOptions {
  required<double> initial_learning_rate;
  required<Index> decay_steps;
  double alpha = 0;
  std::string name = "CosineDecay";
  std::optional<double> warmup_target = std::nullopt;
  Index warmup_steps = 0;

  static const Fields& fields();
};
/// Along half a cosine down to the part alpha of itself (Loshchilov and Hutter 2017); with a warmup_target
/// from there, after warmup_steps straight up to it.
LearningRate CosineDecay(CosineDecayOptions options);

struct CosineDecayRestartsOptions {
  required<double> initial_learning_rate;
  required<Index> first_decay_steps;
  double t_mul = 2;
  double m_mul = 1;
  double alpha = 0;
  std::string name = "SGDRDecay";

  static const Fields& fields();
};
/// Half a cosine again and again, each t_mul times as long as the one before and m_mul times as high
/// (Loshchilov and Hutter 2017).
LearningRate CosineDecayRestarts(CosineDecayRestartsOptions options);

/// All schedules by name (core/registry.h).
Registry<ScheduleBase>& schedule_registry();
namespace detail {
void register_schedule(std::string name, const std::type_info& type,
                       std::function<std::shared_ptr<ScheduleBase>(const Config&)> factory);
}

/// Makes a schedule of one's own, which is made from T::Options, known to configs and files.
template <class T>
void register_schedule(std::string name) {
  detail::register_schedule(std::move(name), typeid(T), [](const Config& config) {
    return std::make_shared<T>(from_config<typename T::Options>(config));
  });
}

}  // namespace unspool
