#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/made_handle.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/options_handle.h>
#include <unspool/core/registry.h>
#include <unspool/core/sealed.h>
#include <unspool/core/tensor.h>
#include <unspool/optim/schedule.h>

namespace unspool {

/// The arguments that every optimizer takes.
struct OptimizerSettings {
  LearningRate learning_rate = 0.001;  ///< A number or a schedule.
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  Flag use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = {};
};

/// The fields of an options struct: its own, weight_decay among them, then the arguments that every optimizer
/// takes. An optimizer of your own may leave out those from use_ema to gradient_accumulation_steps.
template <class O, class... T>
Fields optimizer_fields_with_decay(const Field<O, T>&... own) {
  const auto with = [&](const auto&... training) {
    return fields_of<O>(
        own..., field("clipnorm", &O::clipnorm, "the largest norm of each gradient"),
        field("clipvalue", &O::clipvalue, "the largest absolute value of a gradient's elements"),
        field("global_clipnorm", &O::global_clipnorm,
              "the largest norm of all gradients taken as one vector"),
        training..., field("name", &O::name, "the optimizer's name"));
  };
  if constexpr (requires { &O::use_ema; }) {
    return with(
        field("use_ema", &O::use_ema,
              "keeps a running mean of each weight, to which fit() sets the weight at its end"),
        field("ema_momentum", &O::ema_momentum, "the decay of the running means of the weights, in [0, 1]"),
        field("ema_overwrite_frequency", &O::ema_overwrite_frequency,
              "also sets the weights to their running means every so many steps"),
        field("loss_scale_factor", &O::loss_scale_factor,
              "multiplies the loss; gradients are divided by it again"),
        field("gradient_accumulation_steps", &O::gradient_accumulation_steps,
              "makes one step for so many calls, with the mean of their gradients"));
  } else {
    return with();
  }
}
/// The fields of an options struct: its own, then the arguments that every optimizer takes.
template <class O, class... T>
Fields optimizer_fields(const Field<O, T>&... own) {
  return optimizer_fields_with_decay<O>(own..., field("weight_decay", &O::weight_decay,
                                                      "subtracts this part of each weight, times the "
                                                      "learning rate, before a step"));
}
/// The arguments in an options struct that every optimizer takes.
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

/// The base class of optimizers. Derive from it, or from OptimizerOf, for one of your own, which defines the
/// slots of a variable, such as a momentum, and the step of one variable. Gradient accumulation, clipping,
/// weight decay, moving averages, constraints, counting and saving are done here, in Keras' order.
class OptimizerBase : public NamedObject {
 public:
  ~OptimizerBase() override;

  /// The name under which the class is registered, "Adam". Throws KeyError if it is not.
  std::string class_name() const override;
  /// The arguments of this optimizer, with the current learning rate.
  Config get_config() const override = 0;

  /// The argument `name`, the first part of the names of its variables.
  const std::string& name() const { return settings_.name; }
  /// The number of steps, not counting calls that only accumulate gradients (gradient_accumulation_steps).
  std::int64_t iterations() const;
  /// The learning rate of the next step.
  double learning_rate() const;
  /// Sets the learning rate. Throws TypeError if a schedule sets it, ValueError for one that is not finite.
  void set_learning_rate(double learning_rate);
  /// Excludes variables from weight decay: these, and all whose name contains one of these strings
  /// ({"bias"}). Throws ValueError after the first step.
  void exclude_from_weight_decay(std::vector<Variable> variables, std::vector<std::string> names = {});
  /// The loss times loss_scale_factor. A training loop of your own differentiates this.
  Tensor scale_loss(const Tensor& loss) const;
  /// With use_ema, sets the variables to their moving averages. fit() does it at its end.
  void finalize_variable_values() const;

  /// Makes the slots for these variables. The first step does it for its variables.
  void build(const std::vector<Variable>& variables);
  /// Whether the slots are made.
  bool built() const { return built_; }
  /// The variables that have slots, in order.
  std::vector<Variable> built_for() const;
  /// One step of gradient descent, in Keras' order. Empty gradients are skipped. Throws ValueError if all are
  /// empty, if the lists differ in length, if a gradient has another shape or dtype than its variable, and
  /// for a variable without slots.
  void apply_gradients(const std::vector<Tensor>& gradients, const std::vector<Variable>& variables);
  ///@{
  /// Equal to apply_gradients(), for all variables that have slots if none are given, which throws ValueError
  /// before build().
  void apply(const std::vector<Tensor>& gradients, const std::vector<Variable>& variables) {
    apply_gradients(gradients, variables);
  }
  void apply(const std::vector<Tensor>& gradients);
  ///@}
  /// The state: iteration (int64), learning_rate (float32, unless it is a schedule), moving averages, sums of
  /// gradients, slots of the variables, shared slots.
  std::vector<Variable> variables() const;

 protected:
  /// A tensor that the optimizer keeps for a variable, such as a momentum.
  struct Slot {
    std::string name;    ///< The end of its name, after that of the variable; may be empty.
    double initial = 0;  ///< The value of all elements before the first step.
    std::optional<Shape> shape = std::nullopt;  ///< The shape, if not that of the variable.
    std::optional<DType> dtype = std::nullopt;  ///< The dtype, if not that of the variable.
  };
  /// The values that are common to all variables in one step.
  struct Step {
    double learning_rate;           ///< The learning rate of the step.
    std::int64_t number;            ///< The number of the step, from 1.
    std::span<const Variable> all;  ///< The values of shared_slots().
  };

  /// Throws ValueError for more than one kind of clipping, or an argument out of range.
  explicit OptimizerBase(OptimizerSettings settings);

  /// Throws ValueError unless `right`: the argument `must` ("lie in [0, 1]"), got `value`.
  void require(bool right, const char* argument, double value, const char* must) const;
  /// Throws ValueError unless `value`, the decay of a moving average, lies in [0, 1): with 1 the mean would
  /// never move.
  void require_mean(const char* argument, double value) const {
    require(value >= 0 && value < 1, argument, value, "lie in [0, 1)");
  }
  /// Throws ValueError if `value` is negative.
  void require_not_negative(const char* argument, double value) const {
    require(value >= 0, argument, value, "be at least 0");
  }

  /// A config with the current learning rate as "learning_rate", unless a schedule sets it.
  Config with_learning_rate(Config config) const;
  /// The slots of a variable, in groups: variables() has the first group of all variables, then the second.
  virtual std::vector<std::vector<Slot>> slots(const Variable& variable) const;
  /// Slots that are common to all variables: scalars of the dtype of the first variable.
  virtual std::vector<Slot> shared_slots() const;
  /// Called once for each step, before the first update().
  virtual void begin(const Step& step);
  /// Updates one variable; `slots` are its slots, in order. See update_elements (optim/update.h).
  virtual void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                      const Step& step) = 0;

 private:
  /// A gradient, its variable, and the index of the variable in built_for_.
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

  friend class Optimizer;
  OptimizerSettings settings_;
  bool from_name_ = false;
  std::weak_ptr<const void> owner_;
  Variable iteration_;
  Variable learning_rate_;  // Empty with a schedule.
  std::vector<Variable> not_decaying_;
  std::vector<std::string> names_not_decaying_;
  bool built_ = false;
  std::vector<Variable> slot_variables_;
  std::vector<Variable> built_for_;
  std::vector<Variable> averages_;  // The moving average of each variable in built_for_, or empty.
  std::vector<Variable> accumulators_;
  std::vector<std::vector<Variable>> slots_of_;
  std::vector<Variable> shared_;
};

/// The base class of optimizers whose arguments are an options struct; its fields() are its own and those
/// that optimizer_fields() adds.
template <class O>
class OptimizerOf : public OptimizerBase {
 public:
  using Options = O;
  /// The options, with the current learning rate.
  Config get_config() const override { return with_learning_rate(to_config(options_)); }

 protected:
  /// With these arguments.
  explicit OptimizerOf(O options) : OptimizerBase(settings_of(options)), options_(std::move(options)) {}
  /// The arguments.
  const O& options() const { return options_; }

 private:
  O options_;
};

/// The registry of optimizers.
Registry<OptimizerBase>& optimizer_registry();

namespace internal {
UNSPOOL_SEALED(SealedOptimizer,
               "Optimizer is a handle: derive from OptimizerBase, and pass make<MyOptimizer>(...)");
}

/// A shared optimizer, as compile() takes it: of a class, Adam({.learning_rate = 1e-3}), or from a
/// name, "adam". Copies share the optimizer and its state. Its members are those of OptimizerBase.
class Optimizer : public NamedHandle<Optimizer, OptimizerBase, optimizer_registry>,
                  public virtual internal::SealedOptimizer {
 public:
  ///@{
  /// Empty, or from a name or an object, as in NamedHandle.
  Optimizer();
  Optimizer(const char* name);
  Optimizer(const std::string& name);
  explicit Optimizer(std::shared_ptr<OptimizerBase> object);
  Optimizer(const Optimizer& other);
  Optimizer(Optimizer&& other) noexcept;
  Optimizer& operator=(const Optimizer& other);
  Optimizer& operator=(Optimizer&& other) noexcept;
  ~Optimizer();
  ///@}

  ///@{
  /// One step of gradient descent. Both are the same; Keras 3 has both names.
  void apply_gradients(const std::vector<Tensor>& gradients, const std::vector<Variable>& variables) const {
    object().apply_gradients(gradients, variables);
  }
  void apply(const std::vector<Tensor>& gradients, const std::vector<Variable>& variables) const {
    object().apply_gradients(gradients, variables);
  }
  ///@}
  /// One step for the variables that the optimizer was built for. Throws ValueError if it is not built.
  void apply(const std::vector<Tensor>& gradients) const { object().apply(gradients); }
  /// The number of steps made.
  std::int64_t iterations() const { return object().iterations(); }
  /// The learning rate of the next step.
  double learning_rate() const { return object().learning_rate(); }
  /// Sets the learning rate. Throws TypeError if a schedule sets it, ValueError for one that is not finite.
  void set_learning_rate(double learning_rate) const { object().set_learning_rate(learning_rate); }
  /// The loss times loss_scale_factor.
  Tensor scale_loss(const Tensor& loss) const { return object().scale_loss(loss); }
  /// With use_ema, sets the variables to their moving averages.
  void finalize_variable_values() const { object().finalize_variable_values(); }
  /// The state.
  std::vector<Variable> variables() const { return object().variables(); }
  /// The optimizer for an owner, a model for instance: this one, unless it was made from a name and has
  /// another owner already. Then a new one of that name, so that models which are compiled with equal options
  /// do not share one by accident. One that was made as an object is shared on purpose.
  Optimizer owned_by(const std::shared_ptr<const void>& owner) const;

 protected:
  /// Refuses derived classes.
  using Sealed = internal::SealedOptimizer;
};
extern template class NamedHandle<Optimizer, OptimizerBase, optimizer_registry>;

namespace internal {
/// Makes an optimizer of the class T, whose source instantiates it.
template <class T>
Optimizer make_optimizer(const typename T::Options& options);
}  // namespace internal

/// Makes an optimizer of a class of your own, make<Sign>(SignOptions{.learning_rate = 0.1}), whose `->`
/// reaches all members of the class.
template <std::derived_from<OptimizerBase> T, class... Arguments>
MadeHandle<Optimizer, T> make(Arguments&&... arguments) {
  return MadeHandle<Optimizer, T>(make_shared_as<OptimizerBase, T>(std::forward<Arguments>(arguments)...));
}
/// Registers a class of your own, made as Registry::add() says, for configs and files: "my>Sign".
template <std::derived_from<OptimizerBase> T>
void register_optimizer(std::string name) {
  optimizer_registry().add<T>(std::move(name));
}

}  // namespace unspool
