#include <algorithm>
#include <cmath>
#include <numbers>

#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/optim/schedule.h>

namespace unspool {

namespace {

void check_steps(const std::string& schedule, const char* argument, Index steps) {
  if (steps > 0) return;
  throw ValueError(schedule + ": expected " + argument + " > 0, got " + std::to_string(steps));
}

/// How many times `steps` have gone by, in wholes if it is a staircase.
double periods(std::int64_t step, Index steps, bool staircase) {
  const double quotient = static_cast<double>(step) / static_cast<double>(steps);
  return staircase ? std::floor(quotient) : quotient;
}

/// From 1 down to alpha while `part` goes from 0 to 1.
double half_cosine(double part, double alpha, double height = 1) {
  return (1 - alpha) * 0.5 * height * (1 + std::cos(std::numbers::pi * part)) + alpha;
}

class Exponential : public ScheduleOf<ExponentialDecayOptions> {
 public:
  explicit Exponential(ExponentialDecayOptions options) : ScheduleOf(std::move(options)) {
    check_steps(this->options().name, "decay_steps", this->options().decay_steps);
  }
  double at(std::int64_t step) const override {
    const auto& o = options();
    return o.initial_learning_rate * std::pow(o.decay_rate, periods(step, o.decay_steps, o.staircase));
  }
};

class InverseTime : public ScheduleOf<InverseTimeDecayOptions> {
 public:
  explicit InverseTime(InverseTimeDecayOptions options) : ScheduleOf(std::move(options)) {
    check_steps(this->options().name, "decay_steps", this->options().decay_steps);
  }
  double at(std::int64_t step) const override {
    const auto& o = options();
    return o.initial_learning_rate / (1 + o.decay_rate * periods(step, o.decay_steps, o.staircase));
  }
};

class PiecewiseConstant : public ScheduleOf<PiecewiseConstantDecayOptions> {
 public:
  explicit PiecewiseConstant(PiecewiseConstantDecayOptions options) : ScheduleOf(std::move(options)) {
    const auto& o = this->options();
    const std::vector<Index>& boundaries = o.boundaries;
    const std::size_t values = o.values.value().size();
    if (boundaries.size() + 1 != values) {
      throw ValueError(o.name + ": expected one value more than boundaries, got " + std::to_string(values) +
                       " values for " + std::to_string(boundaries.size()) + " boundaries");
    }
    if (!std::is_sorted(boundaries.begin(), boundaries.end())) {
      throw ValueError(o.name + ": expected ascending boundaries, got " + to_json(to_config(boundaries)));
    }
  }
  double at(std::int64_t step) const override {
    const std::vector<Index>& boundaries = options().boundaries;
    const auto place = std::lower_bound(boundaries.begin(), boundaries.end(), step) - boundaries.begin();
    return options().values.value()[static_cast<std::size_t>(place)];
  }
};

class Polynomial : public ScheduleOf<PolynomialDecayOptions> {
 public:
  explicit Polynomial(PolynomialDecayOptions options) : ScheduleOf(std::move(options)) {
    check_steps(this->options().name, "decay_steps", this->options().decay_steps);
  }
  double at(std::int64_t step) const override {
    const auto& o = options();
    auto now = static_cast<double>(step);
    auto steps = static_cast<double>(o.decay_steps);
    if (o.cycle) {
      steps *= std::max(1.0, std::ceil(now / steps));
    } else {
      now = std::min(now, steps);
    }
    return (o.initial_learning_rate - o.end_learning_rate) * std::pow(1 - now / steps, o.power) +
           o.end_learning_rate;
  }
};

class Cosine : public ScheduleOf<CosineDecayOptions> {
 public:
  explicit Cosine(CosineDecayOptions options) : ScheduleOf(std::move(options)) {
    const auto& o = this->options();
    check_steps(o.name, "decay_steps", o.decay_steps);
    if (o.warmup_steps < 0) {
      throw ValueError(o.name + ": expected warmup_steps >= 0, got " + std::to_string(o.warmup_steps));
    }
  }
  double at(std::int64_t step) const override {
    const auto& o = options();
    double start = o.initial_learning_rate;
    if (o.warmup_target) {
      if (step < o.warmup_steps) {
        return start + (*o.warmup_target - start) * periods(step, o.warmup_steps, false);
      }
      start = *o.warmup_target;
      step -= o.warmup_steps;
    }
    return start * half_cosine(std::min(1.0, periods(step, o.decay_steps, false)), o.alpha);
  }
};

class CosineRestarts : public ScheduleOf<CosineDecayRestartsOptions> {
 public:
  explicit CosineRestarts(CosineDecayRestartsOptions options) : ScheduleOf(std::move(options)) {
    const auto& o = this->options();
    check_steps(o.name, "first_decay_steps", o.first_decay_steps);
    if (!(o.t_mul > 0)) {
      throw ValueError(o.name + ": expected t_mul > 0, got " + std::to_string(o.t_mul));
    }
  }
  double at(std::int64_t step) const override {
    const auto& o = options();
    double part = periods(step, o.first_decay_steps, false);
    double restarts = std::floor(part);
    if (o.t_mul == 1) {
      part -= restarts;
    } else {
      const auto begin = [&](double i) { return (1 - std::pow(o.t_mul, i)) / (1 - o.t_mul); };
      const double left = 1 - part * (1 - o.t_mul);
      if (!(left > 0)) return o.initial_learning_rate * o.alpha;  // Periods that shrink come to an end.
      restarts = std::floor(std::log(left) / std::log(o.t_mul));
      // The logarithms may miss a whole number by a bit.
      if (begin(restarts + 1) <= part) ++restarts;
      part = (part - begin(restarts)) / std::pow(o.t_mul, restarts);
    }
    return o.initial_learning_rate * half_cosine(part, o.alpha, std::pow(o.m_mul, restarts));
  }
};

std::vector<Registry<ScheduleBase>::Entry> built_in_schedules() {
  using R = Registry<ScheduleBase>;
  return {R::entry<Exponential>("ExponentialDecay"),
          R::entry<InverseTime>("InverseTimeDecay"),
          R::entry<PiecewiseConstant>("PiecewiseConstantDecay"),
          R::entry<Polynomial>("PolynomialDecay"),
          R::entry<Cosine>("CosineDecay"),
          R::entry<CosineRestarts>("CosineDecayRestarts")};
}

}  // namespace

Registry<ScheduleBase>& schedule_registry() {
  static Registry<ScheduleBase> registry("schedule", &built_in_schedules, "register_schedule");
  return registry;
}

std::string ScheduleBase::class_name() const { return schedule_registry().name_of(*this); }

LearningRate::LearningRate(std::nullptr_t, double value) : SealedLearningRate(Key()), value_(value) {}
LearningRate::LearningRate(const LearningRate& other) = default;
LearningRate::LearningRate(LearningRate&& other) noexcept = default;
LearningRate& LearningRate::operator=(const LearningRate& other) = default;
LearningRate& LearningRate::operator=(LearningRate&& other) noexcept = default;
LearningRate::~LearningRate() = default;
LearningRate::LearningRate(std::shared_ptr<const ScheduleBase> schedule)
    : SealedLearningRate(Key()), schedule_(std::move(schedule)) {
  if (schedule_ == nullptr)
    throw ValueError("LearningRate: expected a number or a schedule, got a null pointer");
}

double LearningRate::at(std::int64_t step) const {
  return static_cast<double>(static_cast<float>(schedule_ ? schedule_->at(step) : value_));
}

Config LearningRate::config() const {
  if (!schedule_) return value_;
  return schedule_registry().serialize(schedule_->class_name(), schedule_->get_config());
}

LearningRate LearningRate::from_config(const Config& config) {
  if (!config.is_map()) return config.as<double>();
  const auto [name, arguments] = schedule_registry().parse(config);
  return LearningRate(schedule_registry().create(name, arguments));
}

LearningRate internal::make_exponential_decay(const ExponentialDecayOptions& options) {
  return LearningRate(make_shared_as<ScheduleBase, Exponential>(options));
}
LearningRate internal::make_inverse_time_decay(const InverseTimeDecayOptions& options) {
  return LearningRate(make_shared_as<ScheduleBase, InverseTime>(options));
}
LearningRate internal::make_piecewise_constant_decay(const PiecewiseConstantDecayOptions& options) {
  return LearningRate(make_shared_as<ScheduleBase, PiecewiseConstant>(options));
}
LearningRate internal::make_polynomial_decay(const PolynomialDecayOptions& options) {
  return LearningRate(make_shared_as<ScheduleBase, Polynomial>(options));
}
LearningRate internal::make_cosine_decay(const CosineDecayOptions& options) {
  return LearningRate(make_shared_as<ScheduleBase, Cosine>(options));
}
LearningRate internal::make_cosine_decay_restarts(const CosineDecayRestartsOptions& options) {
  return LearningRate(make_shared_as<ScheduleBase, CosineRestarts>(options));
}

const Fields& ExponentialDecayOptions::fields() {
  using O = ExponentialDecayOptions;
  static const Fields all = fields_of<O>(
      field("initial_learning_rate", &O::initial_learning_rate, "the learning rate of the first step"),
      field("decay_steps", &O::decay_steps, "the number of steps in which it decays by decay_rate"),
      field("decay_rate", &O::decay_rate, "the factor by which it decays in decay_steps"),
      field("staircase", &O::staircase, "decays once every decay_steps, not at each step"),
      field("name", &O::name, "the schedule's name"));
  return all;
}

const Fields& InverseTimeDecayOptions::fields() {
  using O = InverseTimeDecayOptions;
  static const Fields all = fields_of<O>(
      field("initial_learning_rate", &O::initial_learning_rate, "the learning rate of the first step"),
      field("decay_steps", &O::decay_steps, "the number of steps in which the divisor grows by decay_rate"),
      field("decay_rate", &O::decay_rate, "the growth of the divisor in decay_steps"),
      field("staircase", &O::staircase, "decays once every decay_steps, not at each step"),
      field("name", &O::name, "the schedule's name"));
  return all;
}

const Fields& PiecewiseConstantDecayOptions::fields() {
  using O = PiecewiseConstantDecayOptions;
  static const Fields all =
      fields_of<O>(field("boundaries", &O::boundaries, "the last step of each value but the last"),
                   field("values", &O::values, "the learning rates, one more than boundaries"),
                   field("name", &O::name, "the schedule's name"));
  return all;
}

const Fields& PolynomialDecayOptions::fields() {
  using O = PolynomialDecayOptions;
  static const Fields all = fields_of<O>(
      field("initial_learning_rate", &O::initial_learning_rate, "the learning rate of the first step"),
      field("decay_steps", &O::decay_steps, "the number of steps to the end"),
      field("end_learning_rate", &O::end_learning_rate, "the learning rate after decay_steps"),
      field("power", &O::power, "the exponent; 1 gives a straight line"),
      field("cycle", &O::cycle, "starts again at the end, with a longer period"),
      field("name", &O::name, "the schedule's name"));
  return all;
}

const Fields& CosineDecayOptions::fields() {
  using O = CosineDecayOptions;
  static const Fields all = fields_of<O>(
      field("initial_learning_rate", &O::initial_learning_rate, "the learning rate of the first step"),
      field("decay_steps", &O::decay_steps, "the number of steps to the end, after the warmup"),
      field("alpha", &O::alpha, "the learning rate at the end, as a part of the one at the start"),
      field("name", &O::name, "the schedule's name"),
      field("warmup_target", &O::warmup_target, "the learning rate at the end of the warmup"),
      field("warmup_steps", &O::warmup_steps, "the number of steps of the warmup"));
  return all;
}

const Fields& CosineDecayRestartsOptions::fields() {
  using O = CosineDecayRestartsOptions;
  static const Fields all = fields_of<O>(
      field("initial_learning_rate", &O::initial_learning_rate, "the learning rate of the first step"),
      field("first_decay_steps", &O::first_decay_steps, "the number of steps of the first period"),
      field("t_mul", &O::t_mul, "the length of a period, as a multiple of the one before"),
      field("m_mul", &O::m_mul,
            "the learning rate at the start of a period, as a multiple of the one before"),
      field("alpha", &O::alpha, "the learning rate at the end, as a part of the one at the start"),
      field("name", &O::name, "the schedule's name"));
  return all;
}

}  // namespace unspool
