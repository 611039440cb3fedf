#include <unspool/autograd/activations.h>
#include <unspool/core/internal/named_function.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/activation.h>

namespace unspool {
namespace {

/// A function with a name, which is all that configs hold of it.
class FunctionActivation final : public ActivationBase {
 public:
  FunctionActivation(std::string name, Function function, bool is_built_in = false)
      : name_(std::move(name)), function_(std::move(function)), is_built_in_(is_built_in) {
    if (!function_) throw ValueError("expected a function for an activation, got an empty one");
  }
  Tensor call(const Tensor& x) const override { return function_(x); }
  std::string class_name() const override { return name_; }
  Config get_config() const override { return {}; }
  bool is_built_in() const { return is_built_in_; }

 private:
  std::string name_;
  Function function_;
  bool is_built_in_;
};

struct BuiltInActivation {
  const char* name;
  Tensor (*function)(const Tensor&);
  const char* alias = nullptr;
};

constexpr BuiltInActivation activations[] = {
    {"linear", [](const Tensor& x) { return linear(x); }},
    {"relu", [](const Tensor& x) { return relu(x); }},
    {"relu6", [](const Tensor& x) { return relu6(x); }},
    {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); }},
    {"elu", [](const Tensor& x) { return elu(x); }},
    {"celu", [](const Tensor& x) { return celu(x); }},
    {"selu", [](const Tensor& x) { return selu(x); }},
    {"silu", [](const Tensor& x) { return silu(x); }, "swish"},
    {"gelu", [](const Tensor& x) { return gelu(x); }},
    {"glu", [](const Tensor& x) { return glu(x); }},
    {"mish", [](const Tensor& x) { return mish(x); }},
    {"tanh", [](const Tensor& x) { return tanh(x); }},
    {"hard_tanh", [](const Tensor& x) { return hard_tanh(x); }},
    {"tanh_shrink", [](const Tensor& x) { return tanh_shrink(x); }},
    {"soft_shrink", [](const Tensor& x) { return soft_shrink(x); }},
    {"hard_shrink", [](const Tensor& x) { return hard_shrink(x); }},
    {"sigmoid", [](const Tensor& x) { return sigmoid(x); }},
    {"log_sigmoid", [](const Tensor& x) { return log_sigmoid(x); }},
    {"hard_sigmoid", [](const Tensor& x) { return hard_sigmoid(x); }},
    {"hard_silu", [](const Tensor& x) { return hard_silu(x); }, "hard_swish"},
    {"sparse_sigmoid", [](const Tensor& x) { return sparse_sigmoid(x); }},
    {"softplus", [](const Tensor& x) { return softplus(x); }},
    {"sparse_plus", [](const Tensor& x) { return sparse_plus(x); }},
    {"squareplus", [](const Tensor& x) { return squareplus(x); }},
    {"softsign", [](const Tensor& x) { return softsign(x); }},
    {"exponential", [](const Tensor& x) { return exponential(x); }},
    {"softmax", [](const Tensor& x) { return softmax(x); }},
    {"log_softmax", [](const Tensor& x) { return log_softmax(x); }},
    {"sparsemax", [](const Tensor& x) { return sparsemax(x); }},
};

std::vector<Registry<ActivationBase>::Entry> built_in_activations() {
  std::vector<Registry<ActivationBase>::Entry> entries;
  for (const BuiltInActivation& one : activations) {
    for (const char* name : {one.name, one.alias}) {
      if (name == nullptr) continue;
      entries.push_back(Registry<ActivationBase>::entry<FunctionActivation>(name, [one](const Config&) {
        return make_shared_as<ActivationBase, FunctionActivation>(one.name, one.function, true);
      }));
    }
  }
  return entries;
}

}  // namespace

template class NamedHandle<Activation, const ActivationBase, activation_registry>;

Registry<ActivationBase>& activation_registry() {
  static Registry<ActivationBase> registry("activation", &built_in_activations, "register_activation");
  return registry;
}

std::string ActivationBase::class_name() const { return activation_registry().name_of(*this); }

std::shared_ptr<const ActivationBase> Activation::make(const std::string& name, const Config& arguments) {
  if (name.empty() || name == "linear") return nullptr;
  return NamedHandle::make(name, arguments);
}

std::shared_ptr<const ActivationBase> Activation::of_function(ActivationBase::Function function) {
  return make_shared_as<ActivationBase, FunctionActivation>("", std::move(function));
}

bool Activation::is_built_in() const {
  if (!*this) return true;
  const auto* const function = dynamic_cast<const FunctionActivation*>(&object());
  return function != nullptr && function->is_built_in();
}

Config Activation::config() const { return *this ? NamedHandle::config() : "linear"; }

void register_activation(const std::string& name, const ActivationBase::Function& function) {
  internal::add_function<FunctionActivation>(activation_registry(), name, function);
}

std::vector<std::string> activation_names() { return activation_registry().names(); }

}  // namespace unspool
