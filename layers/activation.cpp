#include <map>
#include <mutex>

#include <unspool/autograd/activations.h>
#include <unspool/core/error.h>
#include <unspool/layers/activation.h>

namespace unspool {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

struct BuiltIn {
  std::string_view name;
  Tensor (*function)(const Tensor&);
};

constexpr BuiltIn built_in[] = {
    {"linear", [](const Tensor& x) { return linear(x); }},
    {"relu", [](const Tensor& x) { return relu(x); }},
    {"relu6", [](const Tensor& x) { return relu6(x); }},
    {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); }},
    {"elu", [](const Tensor& x) { return elu(x); }},
    {"celu", [](const Tensor& x) { return celu(x); }},
    {"selu", [](const Tensor& x) { return selu(x); }},
    {"silu", [](const Tensor& x) { return silu(x); }},
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
    {"hard_silu", [](const Tensor& x) { return hard_silu(x); }},
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

/// Other names, and what configs call them.
constexpr std::pair<std::string_view, std::string_view> aliases[] = {{"swish", "silu"},
                                                                     {"hard_swish", "hard_silu"}};

struct Users {
  std::mutex mutex;
  std::map<std::string, Function> functions;
};
Users& users() {
  static Users users;
  return users;
}

const BuiltIn* find(std::string_view name) {
  for (const auto& [alias, of] : aliases) {
    if (alias == name) name = of;
  }
  for (const BuiltIn& entry : built_in) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

Activation::Activation() = default;
Activation::~Activation() = default;
Activation::Activation(const Activation& other) = default;
Activation::Activation(Activation&& other) noexcept = default;
Activation& Activation::operator=(const Activation& other) = default;
Activation& Activation::operator=(Activation&& other) noexcept = default;
Activation::Activation(const char* name) : Activation(std::string(name)) {}
Activation::Activation(const std::string& name) {
  if (name.empty() || name == "linear") return;
  if (const BuiltIn* found = find(name)) {
    name_ = found->name;
    function_ = std::make_shared<const Function>(found->function);
    return;
  }
  {
    Users& own = users();
    const std::lock_guard lock(own.mutex);
    if (const auto found = own.functions.find(name); found != own.functions.end()) {
      name_ = name;
      function_ = std::make_shared<const Function>(found->second);
      return;
    }
  }
  throw ValueError("no activation is called " + in_quotes(name) + did_you_mean(name, activation_names()));
}

Config Activation::config() const {
  if (name_.empty()) {
    throw ValueError(
        "this activation is a function without a name, which a config cannot hold: make it known by "
        "register_activation() and use it by its name");
  }
  return name_;
}

Activation Activation::from_config(const Config& config) {
  if (config.is_null()) return {};
  if (config.is_string()) return config.as<std::string>();
  if (config.is_map() && config.contains("config") && config["config"].is_string()) {
    return config["config"].as<std::string>();
  }
  config.fail("the name of an activation, or null");
}

void register_activation(const std::string& name, std::function<Tensor(const Tensor&)> function) {
  if (!function) throw ValueError("register_activation: expected a function, got an empty one");
  if (name.empty() || find(name) != nullptr) {
    throw ValueError("register_activation: the name " + in_quotes(name) + " is a built-in one's");
  }
  Users& own = users();
  const std::lock_guard lock(own.mutex);
  own.functions[name] = std::move(function);
}

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const BuiltIn& entry : built_in) names.emplace_back(entry.name);
  for (const auto& [alias, of] : aliases) names.emplace_back(alias);
  Users& own = users();
  const std::lock_guard lock(own.mutex);
  for (const auto& [name, function] : own.functions) names.push_back(name);
  return names;
}

}  // namespace unspool
