#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// An activation: made from a name ("tanh", "relu", ...; "linear", "" or a default-made one do nothing) or
/// from a function. ValueError for an unknown name, naming the nearest.
class Activation {
 public:
  Activation();
  ~Activation();  // What is copied in every options struct is compiled once.
  Activation(const Activation& other);
  Activation(Activation&& other) noexcept;
  Activation& operator=(const Activation& other);
  Activation& operator=(Activation&& other) noexcept;
  Activation(const char* name);
  Activation(const std::string& name);
  /// A function of your own. It has no name, so that a config cannot hold it: see register_activation.
  template <class F>
  requires std::is_invocable_r_v<Tensor, F, const Tensor&> Activation(F function)
      : name_(), function_(std::make_shared<const Function>(std::move(function))) {}

  Tensor operator()(const Tensor& x) const { return function_ ? (*function_)(x) : x; }
  /// "linear" if it does nothing; empty for a function without a name.
  const std::string& name() const { return name_; }
  /// The name, as in Keras. ValueError for a function that has none.
  Config config() const;
  /// From a name, or null for none, or Keras' form of a registered function.
  static Activation from_config(const Config& config);

  /// One name, or the same function.
  friend bool operator==(const Activation& a, const Activation& b) {
    return a.name_ == b.name_ && (!a.name_.empty() || a.function_ == b.function_);
  }

 private:
  using Function = std::function<Tensor(const Tensor&)>;

  std::string name_ = "linear";
  std::shared_ptr<const Function> function_;
};

/// Makes a function usable, and written to configs, by a name: "my>snake". ValueError if it is a built-in
/// one's.
void register_activation(const std::string& name, std::function<Tensor(const Tensor&)> function);

/// Every name that is known, the built-in ones first.
std::vector<std::string> activation_names();

template <>
struct ConfigValue<Activation> {
  static constexpr std::string_view name = "Activation";
  static Config to(const Activation& value) { return value.config(); }
  static Activation from(const Config& config) { return Activation::from_config(config); }
};

}  // namespace unspool
