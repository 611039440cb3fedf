#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// An activation: made from a name ("tanh", "relu", ...; "linear", "" or a default-made one do nothing) or
/// from a function. ValueError for an unknown name, naming the nearest.
class Activation {
 public:
  Activation() = default;
  Activation(const char* name) : Activation(std::string(name)) {}
  Activation(const std::string& name);
  /// A function of your own; it has no name, so that a config holds `null` unless one is given.
  template <class F>
  requires std::is_invocable_r_v<Tensor, F, const Tensor&> Activation(F function)
      : function_(std::move(function)) {}

  Tensor operator()(const Tensor& x) const { return function_ ? function_(x) : x; }
  /// "linear" if it does nothing.
  const std::string& name() const { return name_; }
  Config config() const;
  static Activation from_config(const Config& config);

 private:
  std::string name_ = "linear";
  std::function<Tensor(const Tensor&)> function_;
};

}  // namespace unspool
