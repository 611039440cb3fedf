#include <algorithm>
#include <cmath>
#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/placeholders.h>
#include <unspool/optim/internal/gradient_observer.h>
#include <unspool/optim/optimizer.h>
#include <unspool/optim/update.h>

namespace unspool {

namespace {

template <class F>
Tensor mapped(const Tensor& tensor, F&& f) {
  Tensor made = internal::TensorAccess::allocate(tensor.shape(), tensor.dtype());
  visit_floating(tensor.dtype(), [&]<class T>(T) {
    const T* const from = tensor.data<T>().data();
    T* const to = static_cast<T*>(internal::TensorAccess::data(made));
    for (Index i = 0; i < tensor.size(); ++i) to[i] = static_cast<T>(f(static_cast<double>(from[i])));
  });
  return made;
}

/// The factor that brings a norm down to the limit. A norm that is not finite makes all gradients NaN rather
/// than 0.
double shrinking(double norm, double limit) {
  if (!std::isfinite(norm)) return std::numeric_limits<double>::quiet_NaN();
  return limit / std::max(norm, limit);
}

}  // namespace

template class NamedHandle<Optimizer, OptimizerBase, optimizer_registry>;

Optimizer::Optimizer() : SealedOptimizer(Key()) {}
Optimizer::Optimizer(const Optimizer& other) = default;
Optimizer::Optimizer(Optimizer&& other) noexcept = default;
Optimizer& Optimizer::operator=(const Optimizer& other) = default;
Optimizer& Optimizer::operator=(Optimizer&& other) noexcept = default;
Optimizer::~Optimizer() = default;
Optimizer::Optimizer(const char* name) : Optimizer(std::string(name)) {}
Optimizer::Optimizer(const std::string& name) : SealedOptimizer(Key()), NamedHandle(name) {
  object().from_name_ = true;
}
Optimizer::Optimizer(std::shared_ptr<OptimizerBase> object)
    : SealedOptimizer(Key()), NamedHandle(std::move(object)) {}

Optimizer Optimizer::owned_by(const std::shared_ptr<const void>& owner) const {
  OptimizerBase& optimizer = object();
  if (!optimizer.from_name_) return *this;
  const std::shared_ptr<const void> before = optimizer.owner_.lock();
  if (before != nullptr && before != owner) return Optimizer(optimizer.class_name()).owned_by(owner);
  optimizer.owner_ = owner;
  return *this;
}

OptimizerBase::OptimizerBase(OptimizerSettings settings)
    : settings_(std::move(settings)),
      iteration_(Tensor::scalar(std::int64_t{0}), {.name = "iteration", .trainable = false}) {
  int ways = 0;
  for (const auto& [way, limit] :
       {std::pair("clipnorm", settings_.clipnorm), std::pair("clipvalue", settings_.clipvalue),
        std::pair("global_clipnorm", settings_.global_clipnorm)}) {
    if (!limit) continue;
    ++ways;
    require(*limit > 0, way, *limit, "be positive");
  }
  if (ways > 1) {
    throw ValueError(fmt::format(
        "{}: expected one of clipnorm, clipvalue and global_clipnorm at most, got {}", settings_.name, ways));
  }
  const double slowness = settings_.ema_momentum;
  require(slowness >= 0 && slowness <= 1, "ema_momentum", slowness, "lie in [0, 1]");
  if (const auto often = settings_.ema_overwrite_frequency) {
    require(*often > 0, "ema_overwrite_frequency", static_cast<double>(*often), "be positive");
  }
  if (const auto factor = settings_.loss_scale_factor) {
    require(*factor > 0, "loss_scale_factor", *factor, "be positive");
  }
  if (const auto steps = settings_.gradient_accumulation_steps) {
    require(*steps > 1, "gradient_accumulation_steps", static_cast<double>(*steps), "be at least 2");
  }
  iteration_.set_path(settings_.name + "/" + iteration_.name());
  if (settings_.learning_rate.is_schedule()) return;
  const double rate = settings_.learning_rate.at(0);
  require(std::isfinite(rate), "learning_rate", rate, "be finite");
  learning_rate_ = Variable(Tensor::scalar(rate, float32), {.name = "learning_rate", .trainable = false});
  learning_rate_.set_path(settings_.name + "/" + learning_rate_.name());
}

std::vector<Variable> OptimizerBase::built_for() const { return built_for_; }

void OptimizerBase::require(bool right, const char* argument, double value, const char* must) const {
  if (right) return;
  throw ValueError(fmt::format("{}: expected {} to {}, got {}", name(), argument, must, value));
}

OptimizerBase::~OptimizerBase() = default;
std::vector<std::vector<OptimizerBase::Slot>> OptimizerBase::slots(const Variable&) const { return {}; }
std::vector<OptimizerBase::Slot> OptimizerBase::shared_slots() const { return {}; }
void OptimizerBase::begin(const Step&) {}
std::string OptimizerBase::class_name() const { return optimizer_registry().name_of(*this); }

std::int64_t OptimizerBase::calls() const { return iteration_.value().item<std::int64_t>(); }
std::int64_t OptimizerBase::iterations() const {
  return calls() / settings_.gradient_accumulation_steps.value_or(1);
}

double OptimizerBase::learning_rate() const {
  return learning_rate_ ? learning_rate_.value().item<double>() : settings_.learning_rate.at(calls());
}
void OptimizerBase::set_learning_rate(double learning_rate) {
  if (!learning_rate_) {
    throw TypeError(settings_.name +
                    ": expected an optimizer whose learning rate is a number, got one with the schedule " +
                    settings_.learning_rate.config()["class_name"].as<std::string>() +
                    ", which sets it: make the optimizer with a number to set it by hand");
  }
  require(std::isfinite(learning_rate), "learning_rate", learning_rate, "be finite");
  learning_rate_.assign(Tensor::scalar(learning_rate, float32));
}

void OptimizerBase::exclude_from_weight_decay(std::vector<Variable> variables,
                                              std::vector<std::string> names) {
  if (built_) {
    throw ValueError(settings_.name +
                     ": expected exclude_from_weight_decay() before the first step, got it after one");
  }
  not_decaying_ = std::move(variables);
  names_not_decaying_ = std::move(names);
}

Tensor OptimizerBase::scale_loss(const Tensor& loss) const {
  return settings_.loss_scale_factor ? loss * *settings_.loss_scale_factor : loss;
}

Variable OptimizerBase::make_slot(const Variable& variable, const Slot& slot) {
  std::string name = variable.path();
  std::replace(name.begin(), name.end(), '/', '_');
  if (!slot.name.empty()) name += "_" + slot.name;
  const Shape shape = slot.shape.value_or(variable.shape());
  const DType dtype = slot.dtype.value_or(variable.dtype());
  Variable made(internal::Placeholders::active() ? internal::TensorAccess::placeholder(shape, dtype)
                                                 : Tensor::full(shape, slot.initial, dtype),
                {.name = name, .trainable = false});
  made.set_path(settings_.name + "/" + name);
  slot_variables_.push_back(made);
  return made;
}

void OptimizerBase::build(const std::vector<Variable>& variables) {
  if (built_) return;
  built_ = true;
  built_for_ = variables;
  std::vector<std::vector<std::vector<Slot>>> wanted;
  std::size_t groups = 0;
  for (const Variable& variable : variables) {
    if (settings_.use_ema) averages_.push_back(make_slot(variable, {.name = "average"}));
    wanted.push_back(slots(variable));
    groups = std::max(groups, wanted.back().size());
  }
  if (settings_.gradient_accumulation_steps) {
    for (const Variable& variable : variables) {
      accumulators_.push_back(make_slot(variable, {.name = "gradient_accumulator"}));
    }
  }
  slots_of_.resize(variables.size());
  for (std::size_t group = 0; group < groups; ++group) {
    for (std::size_t i = 0; i < variables.size(); ++i) {
      if (group >= wanted[i].size()) continue;
      for (const Slot& slot : wanted[i][group]) slots_of_[i].push_back(make_slot(variables[i], slot));
    }
  }
  for (const Slot& slot : shared_slots()) {
    const DType dtype = slot.dtype.value_or(variables.empty() ? float32 : variables.front().dtype());
    const Variable made(Tensor::full(slot.shape.value_or(Shape{}), slot.initial, dtype),
                        {.name = slot.name, .trainable = false});
    made.set_path(settings_.name + "/" + slot.name);
    slot_variables_.push_back(made);
    shared_.push_back(made);
  }
}

std::size_t OptimizerBase::index_of(const Variable& variable, std::size_t likely) const {
  const auto is = [&](const Variable& known) { return known.key() == variable.key(); };
  if (likely < built_for_.size() && is(built_for_[likely])) return likely;
  const auto found = std::find_if(built_for_.begin(), built_for_.end(), is);
  if (found == built_for_.end()) {
    throw ValueError(
        settings_.name + ": expected one of the variables of the first step, got " + variable.path() +
        ", for which there are no slots: make a new optimizer, or build() it with all variables");
  }
  return static_cast<std::size_t>(found - built_for_.begin());
}

Config OptimizerBase::with_learning_rate(Config config) const {
  return learning_rate_ ? config.set("learning_rate", learning_rate()) : config;
}

std::vector<Variable> OptimizerBase::variables() const {
  std::vector<Variable> all{iteration_};
  if (learning_rate_) all.push_back(learning_rate_);
  all.insert(all.end(), slot_variables_.begin(), slot_variables_.end());
  return all;
}

void OptimizerBase::clip(std::vector<Move>& moves) const {
  const auto shorten = [](Move& move, double factor) {
    move.gradient = mapped(move.gradient, [=](double x) { return x * factor; });
  };
  if (const auto limit = settings_.clipvalue) {
    for (Move& move : moves) {
      move.gradient =
          mapped(move.gradient, [&](double x) { return std::isnan(x) ? x : std::clamp(x, -*limit, *limit); });
    }
  } else if (const auto norm = settings_.clipnorm) {
    for (Move& move : moves) shorten(move, shrinking(std::sqrt(sum_of_squares(move.gradient)), *norm));
  } else if (const auto all = settings_.global_clipnorm) {
    double squares = 0;
    for (const Move& move : moves) squares += sum_of_squares(move.gradient);
    const double factor = shrinking(std::sqrt(squares), *all);
    for (Move& move : moves) shorten(move, factor);
  }
}

/// Adds the gradients to the sums of earlier calls. Returns whether it is time for a step: then the gradients
/// are the means, and the sums are 0 again.
bool OptimizerBase::accumulate(std::vector<Move>& moves) const {
  const Index steps = *settings_.gradient_accumulation_steps;
  const bool last = (calls() + 1) % steps == 0;
  for (Move& move : moves) {
    const Variable& sum = accumulators_[move.place];
    sum.assign_add(move.gradient);
    if (last) move.gradient = sum.value() / static_cast<double>(steps);
  }
  if (last) {
    for (const Variable& sum : accumulators_) sum.assign(Tensor::zeros(sum.shape(), sum.dtype()));
  }
  return last;
}

void OptimizerBase::decay(const Variable& variable, double learning_rate) const {
  const auto is_in_name = [&](const std::string& part) {
    return variable.name().find(part) != std::string::npos;
  };
  if (std::find(not_decaying_.begin(), not_decaying_.end(), variable) != not_decaying_.end() ||
      std::any_of(names_not_decaying_.begin(), names_not_decaying_.end(), is_in_name)) {
    return;
  }
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T rate = static_cast<T>(*settings_.weight_decay) * static_cast<T>(learning_rate);
    update_elements<T>([=](T, T& w) { w -= w * rate; }, variable.value(), variable);
  });
}

void OptimizerBase::update_averages() const {
  // The first step sets each mean to the weight.
  const double momentum = iterations() == 0 ? 0 : settings_.ema_momentum;
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    visit_floating(averages_[i].dtype(), [&]<class T>(T) {
      const T old = static_cast<T>(momentum);
      const T fresh = T{1} - old;
      update_elements<T>([=](T w, T& average) { average = old * average + fresh * w; }, built_for_[i].value(),
                         averages_[i]);
    });
  }
  const auto often = settings_.ema_overwrite_frequency;
  if (often && (iterations() + 1) % *often == 0) finalize_variable_values();
}

void OptimizerBase::finalize_variable_values() const {
  for (std::size_t i = 0; i < averages_.size(); ++i) built_for_[i].assign(averages_[i].value());
}

void OptimizerBase::apply_gradients(const std::vector<Tensor>& gradients,
                                    const std::vector<Variable>& variables) {
  if (gradients.size() != variables.size()) {
    throw ValueError(fmt::format("{}: expected as many gradients as variables, got {} and {}", settings_.name,
                                 gradients.size(), variables.size()));
  }
  if (variables.empty()) return;
  const NoGradient guard;
  build(variables);

  std::vector<Move> moves;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i]) continue;
    const Variable& variable = variables[i];
    const std::size_t place = index_of(variable, i);
    if (!(gradients[i].shape() == variable.shape()) || gradients[i].dtype() != variable.dtype()) {
      throw ValueError(settings_.name + ": expected a gradient " + describe(variable.value()) + " for " +
                       variable.path() + ", got " + describe(gradients[i]));
    }
    moves.push_back({gradients[i], variable, place});
  }
  if (moves.empty())
    throw ValueError(
        settings_.name +
        ": expected a gradient for some variable, got none: does the loss depend on the variables?");

  if (const auto factor = settings_.loss_scale_factor) {
    for (Move& move : moves) move.gradient = move.gradient / *factor;
  }
  if (auto* const observer = internal::GradientObserver::current()) {
    for (const Move& move : moves) observer->see(move.variable, move.gradient);
  }
  if (!settings_.gradient_accumulation_steps || accumulate(moves)) {
    clip(moves);
    const Step step{learning_rate(), iterations() + 1, shared_};
    if (settings_.weight_decay) {
      for (const Move& move : moves) decay(move.variable, step.learning_rate);
    }
    begin(step);
    for (const Move& move : moves) update(move.variable, move.gradient, slots_of_[move.place], step);
  }
  if (settings_.use_ema) update_averages();
  for (const Move& move : moves) {
    const Variable& variable = move.variable;
    if (variable.constraint()) variable.assign(variable.constraint()(variable.value()));
  }
  iteration_.assign(Tensor::scalar(calls() + 1));
}

void OptimizerBase::apply(const std::vector<Tensor>& gradients) {
  if (!built_) {
    throw ValueError(name() +
                     ".apply: expected variables, since the optimizer is not built, got none: call "
                     "build(variables) first, or apply(gradients, variables)");
  }
  apply_gradients(gradients, built_for_);
}

}  // namespace unspool
