#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <typeinfo>
#include <utility>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/tensor.h>
#include <unspool/optim/schedule.h>

namespace unspool {

template <class Base>
class Registry;

/// What every optimizer has, whatever its formula.
struct OptimizerSettings {
  LearningRate learning_rate = 0.001;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = {};
};

/// The fields of an options struct that has weight_decay among its own: those, then the arguments that every
/// optimizer takes. An optimizer of one's own may leave out those from use_ema to
/// gradient_accumulation_steps.
template <class O, class... T>
Fields optimizer_fields_with_decay(const Field<O, T>&... own) {
  const auto with = [&](const auto&... training) {
    return fields_of<O>(
        own..., field("clipnorm", &O::clipnorm, "the largest norm of each gradient"),
        field("clipvalue", &O::clipvalue, "the largest absolute value of a gradient's elements"),
        field("global_clipnorm", &O::global_clipnorm, "the largest norm of all gradients together"),
        training..., field("name", &O::name, "the optimizer's name"));
  };
  if constexpr (requires { &O::use_ema; }) {
    return with(
        field("use_ema", &O::use_ema, "keeps a running mean of each weight, which fit puts in at its end"),
        field("ema_momentum", &O::ema_momentum, "how slowly these means move, in [0, 1]"),
        field("ema_overwrite_frequency", &O::ema_overwrite_frequency,
              "puts the means into the weights each so many steps, too"),
        field("loss_scale_factor", &O::loss_scale_factor,
              "multiplies the loss before its gradients are taken, which are divided by it"),
        field("gradient_accumulation_steps", &O::gradient_accumulation_steps,
              "weights move once in so many steps, along the mean of the gradients"));
  } else {
    return with();
  }
}
/// The fields of an options struct: its own, then the arguments that every optimizer takes.
template <class O, class... T>
Fields optimizer_fields(const Field<O, T>&... own) {
  return optimizer_fields_with_decay<O>(own..., field("weight_decay", &O::weight_decay,
                                                      "takes this part, times the rate, off each weight "
                                                      "before a step"));
}
template <class O>
OptimizerSettings settings_of(const O& options) {
  OptimizerSettings settings{.learning_rate = options.learning_rate,
                             .weight_decay = options.weight_decay,
                             .clipnorm = options.clipnorm,
                             .clipvalue = options.clipvalue,
                             .global_clipnorm = options.global_clipnorm};
  if constexpr (requires { options.use_ema; }) {
    settings.use_ema = options.use_ema;
    settings.ema_momentum = options.ema_momentum;
    settings.ema_overwrite_frequency = options.ema_overwrite_frequency;
    settings.loss_scale_factor = options.loss_scale_factor;
    settings.gradient_accumulation_steps = options.gradient_accumulation_steps;
  }
  settings.name = options.name;
  return settings;
}

/// An optimizer of one's own derives from this, says which slots (running values) a variable gets, and how
/// one variable makes a step; accumulating, clipping, decay, running means, constraints, counting and saving
/// are done here, in Keras' order.
class OptimizerBase {
 public:
  virtual ~OptimizerBase();
  OptimizerBase(const OptimizerBase&) = delete;
  OptimizerBase& operator=(const OptimizerBase&) = delete;

  /// The class as configs have it, "Adam": its name in optimizer_registry().
  std::string class_name() const;
  /// The arguments that make this optimizer again, with the learning rate as it is now.
  virtual Config get_config() const = 0;

  const std::string& name() const { return settings_.name; }
  std::int64_t iterations() const;
  double learning_rate() const;
  void set_learning_rate(double learning_rate);
  /// No decay for these variables, and for those whose name has one of these strings in it: {"bias"}. To be
  /// said before the first step: ValueError after it.
  void exclude_from_weight_decay(std::vector<Variable> variables, std::vector<std::string> names = {});
  Tensor scale_loss(const Tensor& loss) const;
  void finalize_variable_values() const;

  /// Makes the slots. Done by the first step for the variables that it is given.
  void build(const std::vector<Variable>& variables);
  bool built() const { return built_; }
  /// The variables that have slots, in order.
  const std::vector<Variable>& built_for() const { return built_for_; }
  void apply_gradients(const std::vector<Tensor>& gradients, const std::vector<Variable>& variables);
  /// The state: iteration (int64), learning_rate (float32, unless it is a schedule), running means, sums of
  /// gradients, then the slots, those of all variables together last.
  std::vector<Variable> variables() const;

 protected:
  /// A running value of a variable, of its shape and dtype unless it says others. It is called as the
  /// variable, with its name behind if it has one.
  struct Slot {
    std::string name;
    double initial = 0;
    std::optional<Shape> shape = std::nullopt;
    std::optional<DType> dtype = std::nullopt;
  };
  /// One step, the same for all variables.
  struct Step {
    double learning_rate;
    std::int64_t number;            ///< Of this step, from 1.
    std::span<const Variable> all;  ///< The values of shared_slots().
  };

  /// ValueError if more than one way of clipping is asked for, or an argument is out of its range.
  explicit OptimizerBase(OptimizerSettings settings);

  /// ValueError unless it is right; it says that the argument `must` ("lie in [0, 1]"), and what it got.
  void require(bool right, const char* argument, double value, const char* must) const;
  /// The same for how slowly a running mean moves, which is in [0, 1): at 1 it would never move.
  void require_mean(const char* argument, double value) const {
    require(value >= 0 && value < 1, argument, value, "lie in [0, 1)");
  }
  void require_not_negative(const char* argument, double value) const {
    require(value >= 0, argument, value, "be at least 0");
  }

  /// The slots of a variable, in groups: those of the first group of all variables come first in variables().
  virtual std::vector<std::vector<Slot>> slots(const Variable& variable) const;
  /// Running values that belong to no variable: numbers, of the dtype of the first variable.
  virtual std::vector<Slot> shared_slots() const;
  /// Done once a step, before the first update().
  virtual void begin(const Step& step);
  /// Moves one variable; `slots` are its own, in order. See update_elements (optim/update.h).
  virtual void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                      const Step& step) = 0;

 private:
  /// A gradient, the variable that it moves, and its place in built_for_.
  struct Move {
    Tensor gradient;
    Variable variable;
    std::size_t place;
  };

  Variable make_slot(const Variable& variable, const Slot& slot);
  void clip(std::vector<Move>& moves) const;
  bool accumulate(std::vector<Move>& moves) const;
  void decay(const Variable& variable, double learning_rate) const;
  void update_averages() const;
  std::size_t index_of(const Variable& variable, std::size_t likely) const;
  std::int64_t calls() const;

  OptimizerSettings settings_;
  Variable iteration_;
  Variable learning_rate_;  // Empty with a schedule.
  std::vector<Variable> not_decaying_;
  std::vector<std::string> names_not_decaying_;
  bool built_ = false;
  std::vector<Variable> slot_variables_;
  std::vector<Variable> built_for_;
  std::vector<Variable> averages_;  // Of each of those, if they are kept; the next likewise.
  std::vector<Variable> accumulators_;
  std::vector<std::vector<Variable>> slots_of_;
  std::vector<Variable> shared_;
};

/// The same with an options struct, which has the fields of optimizer_fields after its own.
template <class O>
class OptimizerOf : public OptimizerBase {
 public:
  using Options = O;
  Config get_config() const override {
    Config config = to_config(options_);
    const LearningRate rate = options_.learning_rate;
    return rate.is_schedule() ? config : config.set("learning_rate", learning_rate());
  }

 protected:
  explicit OptimizerOf(O options) : OptimizerBase(settings_of(options)), options_(std::move(options)) {}
  const O& options() const { return options_; }

 private:
  O options_;
};

/// A shared optimizer: what compile() takes, made by one of the functions (Adam({.learning_rate = 1e-3})) or
/// from a name ("adam", with its defaults). Copying shares it and its state. Empty if default-made.
class Optimizer {
 public:
  Optimizer() = default;
  ~Optimizer();
  Optimizer(const Optimizer& other);
  Optimizer(Optimizer&& other) noexcept;
  Optimizer& operator=(const Optimizer& other);
  Optimizer& operator=(Optimizer&& other) noexcept;
  Optimizer(const char* name);
  /// ValueError for an unknown name, naming the nearest.
  Optimizer(const std::string& name);
  explicit Optimizer(std::shared_ptr<OptimizerBase> implementation)
      : implementation_(std::move(implementation)) {}

  explicit operator bool() const { return implementation_ != nullptr; }
  OptimizerBase* operator->() const { return &implementation(); }

  /// One step of gradient descent: Keras' order. Gradients that are empty are left out, with their variables;
  /// ValueError if all are, if the lists differ in length, or for a variable that was not there at the first
  /// step.
  void apply_gradients(const std::vector<Tensor>& gradients, const std::vector<Variable>& variables) const {
    implementation().apply_gradients(gradients, variables);
  }
  /// How many steps were made; those that only add a gradient to others do not count.
  std::int64_t iterations() const { return implementation().iterations(); }
  /// The rate of the next step.
  double learning_rate() const { return implementation().learning_rate(); }
  /// TypeError if a schedule sets it.
  void set_learning_rate(double learning_rate) const { implementation().set_learning_rate(learning_rate); }
  /// What to take gradients of, where a loop of one's own takes them: the loss times loss_scale_factor.
  Tensor scale_loss(const Tensor& loss) const { return implementation().scale_loss(loss); }
  /// With use_ema: puts the running means into the variables. fit does it at its end.
  void finalize_variable_values() const { implementation().finalize_variable_values(); }
  std::vector<Variable> variables() const;

  /// {"class_name", "config"}; null if empty.
  Config config() const;
  /// From that, a name, or null.
  static Optimizer from_config(const Config& config);

 private:
  OptimizerBase& implementation() const;
  std::shared_ptr<OptimizerBase> implementation_;
};

template <>
struct ConfigValue<Optimizer> {
  static constexpr std::string_view name = "Optimizer";
  static Config to(const Optimizer& value) { return value.config(); }
  static Optimizer from(const Config& config) { return Optimizer::from_config(config); }
};

/// All optimizers by name (core/registry.h).
Registry<OptimizerBase>& optimizer_registry();
namespace detail {
void register_optimizer(std::string name, const std::type_info& type,
                        std::function<std::shared_ptr<OptimizerBase>(const Config&)> factory);
}

/// Makes an optimizer of one's own, which is made from T::Options, known to configs and files.
template <class T>
void register_optimizer(std::string name) {
  detail::register_optimizer(std::move(name), typeid(T), [](const Config& config) {
    return std::make_shared<T>(from_config<typename T::Options>(config));
  });
}

}  // namespace unspool
