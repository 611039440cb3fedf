#include <algorithm>
#include <cmath>
#include <limits>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/registry.h>
#include <unspool/core/threads.h>
#include <unspool/optim/adam.h>
#include <unspool/optim/optimizer.h>
#include <unspool/optim/rmsprop.h>
#include <unspool/optim/sgd.h>
#include <unspool/optim/update.h>

namespace unspool {

namespace {

/// Every built-in optimizer, by its class name and, as Keras takes it, by that in small letters.
std::vector<Registry<OptimizerBase>::Entry> built_in_optimizers() {
  std::vector<Registry<OptimizerBase>::Entry> entries;
  const auto add = [&]<class T>(std::type_identity<T>, std::string name) {
    std::string small = name;
    for (char& c : small) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    for (std::string& each : {std::ref(name), std::ref(small)}) {
      entries.push_back(Registry<OptimizerBase>::entry<T>(std::move(each), [](const Config& config) {
        return std::make_shared<T>(from_config<typename T::Options>(config));
      }));
    }
  };
  add(std::type_identity<optimizers::SGD>(), "SGD");
  add(std::type_identity<optimizers::RMSprop>(), "RMSprop");
  add(std::type_identity<optimizers::Adam>(), "Adam");
  return entries;
}

/// In a fixed order, whatever the number of threads.
double sum_of_squares(const Tensor& tensor) {
  constexpr Index piece = 16384;
  const Index size = tensor.size();
  std::vector<double> parts(static_cast<std::size_t>((size + piece - 1) / piece));
  visit_floating(tensor.dtype(), [&]<class T>(T) {
    const T* const x = tensor.data<T>().data();
    parallel_for(size, piece, [&](Index begin, Index end) {
      double part = 0;
      for (Index i = begin; i < end; ++i) part += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      parts[static_cast<std::size_t>(begin / piece)] = part;
    });
  });
  double sum = 0;
  for (double part : parts) sum += part;
  return sum;
}

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

/// What brings a norm down to the limit. A norm that is no number makes all gradients NaN rather than 0.
double shrinking(double norm, double limit) {
  if (!std::isfinite(norm)) return std::numeric_limits<double>::quiet_NaN();
  return limit / std::max(norm, limit);
}

std::shared_ptr<OptimizerBase> made(const std::string& name, const Config& config) {
  // A wrong argument, not a wrong key.
  if (!optimizer_registry().contains(name)) {
    throw ValueError(config.path() + ": no optimizer is called " + in_quotes(name) +
                     did_you_mean(name, optimizer_registry().names()));
  }
  return optimizer_registry().create(name, config);
}

}  // namespace

Registry<OptimizerBase>& optimizer_registry() {
  static Registry<OptimizerBase> registry("optimizer", &built_in_optimizers, "register_optimizer");
  return registry;
}

OptimizerBase::OptimizerBase(OptimizerSettings settings)
    : settings_(std::move(settings)),
      iteration_(Tensor::scalar(std::int64_t{0}), {.name = "iteration", .trainable = false}),
      learning_rate_(Tensor::scalar(settings_.learning_rate, float32),
                     {.name = "learning_rate", .trainable = false}) {
  int ways = 0;
  for (const auto& [way, limit] :
       {std::pair("clipnorm", settings_.clipnorm), std::pair("clipvalue", settings_.clipvalue),
        std::pair("global_clipnorm", settings_.global_clipnorm)}) {
    if (!limit) continue;
    ++ways;
    if (!(*limit > 0)) {
      throw ValueError(settings_.name + ": " + way + " must be positive, came " + std::to_string(*limit));
    }
  }
  if (ways > 1) {
    throw ValueError(settings_.name + ": only one of clipnorm, clipvalue and global_clipnorm can be set");
  }
  for (const Variable& variable : {iteration_, learning_rate_}) {
    variable.set_path(settings_.name + "/" + variable.name());
  }
}

void detail::register_optimizer(std::string name, const std::type_info& type,
                                std::function<std::shared_ptr<OptimizerBase>(const Config&)> factory) {
  optimizer_registry().add({std::move(name), type, std::move(factory)});
}

OptimizerBase::~OptimizerBase() = default;
std::vector<std::vector<OptimizerBase::Slot>> OptimizerBase::slots() const { return {}; }
std::string OptimizerBase::class_name() const { return optimizer_registry().name_of(*this); }
std::int64_t OptimizerBase::iterations() const { return iteration_.value().item<std::int64_t>(); }
double OptimizerBase::learning_rate() const { return learning_rate_.value().item<double>(); }
void OptimizerBase::set_learning_rate(double learning_rate) {
  learning_rate_.assign(Tensor::scalar(learning_rate, float32));
}

void OptimizerBase::build(const std::vector<Variable>& variables) {
  if (built_) return;
  built_ = true;
  built_for_ = variables;
  slots_of_.resize(variables.size());
  for (const std::vector<Slot>& group : slots()) {
    for (std::size_t i = 0; i < variables.size(); ++i) {
      const Variable& variable = variables[i];
      std::string base = variable.path();
      std::replace(base.begin(), base.end(), '/', '_');
      for (const Slot& slot : group) {
        const Variable made(Tensor::full(variable.shape(), slot.initial, variable.dtype()),
                            {.name = base + "_" + slot.name, .trainable = false});
        made.set_path(settings_.name + "/" + made.name());
        slot_variables_.push_back(made);
        slots_of_[i].push_back(made);
      }
    }
  }
}

std::size_t OptimizerBase::index_of(const Variable& variable, std::size_t likely) const {
  const auto is = [&](const Variable& known) { return known.key() == variable.key(); };
  if (likely < built_for_.size() && is(built_for_[likely])) return likely;
  const auto found = std::find_if(built_for_.begin(), built_for_.end(), is);
  if (found == built_for_.end()) {
    throw ValueError(
        settings_.name + " does not know the variable " + variable.path() +
        ": it was not there at the first step. Make a new optimizer, or build() it with all variables");
  }
  return static_cast<std::size_t>(found - built_for_.begin());
}

std::vector<Variable> OptimizerBase::variables() const {
  std::vector<Variable> all{iteration_, learning_rate_};
  all.insert(all.end(), slot_variables_.begin(), slot_variables_.end());
  return all;
}

std::vector<Tensor> OptimizerBase::clipped(std::vector<Tensor> gradients) const {
  if (const auto limit = settings_.clipvalue) {
    for (Tensor& g : gradients) {
      g = mapped(g, [&](double x) { return std::isnan(x) ? x : std::clamp(x, -*limit, *limit); });
    }
  } else if (const auto norm = settings_.clipnorm) {
    for (Tensor& g : gradients) {
      const double factor = shrinking(std::sqrt(sum_of_squares(g)), *norm);
      g = mapped(g, [&](double x) { return x * factor; });
    }
  } else if (const auto all = settings_.global_clipnorm) {
    double squares = 0;
    for (const Tensor& g : gradients) squares += sum_of_squares(g);
    const double factor = shrinking(std::sqrt(squares), *all);
    for (Tensor& g : gradients) g = mapped(g, [&](double x) { return x * factor; });
  }
  return gradients;
}

void OptimizerBase::apply_gradients(const std::vector<Tensor>& gradients,
                                    const std::vector<Variable>& variables) {
  if (gradients.size() != variables.size()) {
    throw ValueError(settings_.name + ": came " + std::to_string(gradients.size()) + " gradients for " +
                     std::to_string(variables.size()) + " variables");
  }
  if (variables.empty()) return;
  const NoGradient guard;
  build(variables);

  std::vector<Tensor> given;
  std::vector<Variable> moved;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i]) continue;
    const Variable& variable = variables[i];
    const std::size_t place = index_of(variable, i);
    if (!(gradients[i].shape() == variable.shape()) || gradients[i].dtype() != variable.dtype()) {
      throw ValueError(settings_.name + ": the gradient of " + variable.path() + " is " +
                       describe(gradients[i]) + ", the variable " + describe(variable.value()));
    }
    given.push_back(gradients[i]);
    moved.push_back(variable);
    places.push_back(place);
  }
  if (given.empty()) throw ValueError(settings_.name + ": no gradients provided for any variable");

  given = clipped(std::move(given));
  const Step step{learning_rate(), iterations() + 1};
  if (const auto decay = settings_.weight_decay) {
    for (const Variable& variable : moved) {
      visit_floating(variable.dtype(), [&]<class T>(T) {
        const T part = static_cast<T>(*decay) * static_cast<T>(step.learning_rate);
        update_elements<T>([=](T, T& w) { w -= w * part; }, variable.value(), variable);
      });
    }
  }
  for (std::size_t i = 0; i < moved.size(); ++i) {
    update(moved[i], given[i], slots_of_[places[i]], step);
  }
  for (const Variable& variable : moved) {
    if (variable.constraint()) variable.assign(variable.constraint()(variable.value()));
  }
  iteration_.assign(Tensor::scalar(step.number));
}

std::vector<Variable> Optimizer::variables() const { return implementation().variables(); }
Optimizer::~Optimizer() = default;
Optimizer::Optimizer(const Optimizer& other) = default;
Optimizer::Optimizer(Optimizer&& other) noexcept = default;
Optimizer& Optimizer::operator=(const Optimizer& other) = default;
Optimizer& Optimizer::operator=(Optimizer&& other) noexcept = default;
Optimizer::Optimizer(const char* name) : Optimizer(std::string(name)) {}
Optimizer::Optimizer(const std::string& name) : Optimizer(made(name, Config::map().named("the optimizer"))) {}

OptimizerBase& Optimizer::implementation() const {
  if (implementation_ == nullptr) throw ValueError("this Optimizer is empty: it was made without a name");
  return *implementation_;
}

Config Optimizer::config() const {
  if (implementation_ == nullptr) return {};
  return Config::map(
      {{"class_name", implementation_->class_name()}, {"config", implementation_->get_config()}});
}

Optimizer Optimizer::from_config(const Config& config) {
  if (config.is_null()) return {};
  if (config.is_string()) return Optimizer(config.as<std::string>());
  return Optimizer(made(config["class_name"].as<std::string>(), config["config"]));
}

}  // namespace unspool
