#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/config.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/registry.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// The base class of activations. Derive from it for one of your own with arguments, and register it with
/// register_activation<MyActivation>(). Without arguments a function is enough.
class ActivationBase : public NamedObject {
 public:
  /// A function that is an activation.
  using Function = Callable<Tensor(const Tensor&)>;

  /// The activation of a tensor, of its shape.
  virtual Tensor call(const Tensor& x) const = 0;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
};

/// The registry of activations.
Registry<ActivationBase>& activation_registry();

/// An activation function, from a name ("tanh", "relu", ...), a function or an object. An empty one, "" and
/// "linear" return their input.
class Activation final : public NamedHandle<Activation, const ActivationBase, activation_registry> {
 public:
  /// Empty, or from a name, a function or an object.
  using NamedHandle::NamedHandle;

  /// The activation of a tensor.
  Tensor operator()(const Tensor& x) const { return *this ? object().call(x) : x; }
  /// The name; "linear" if this returns its input, "" for a function without a name.
  std::string name() const { return *this ? class_name() : "linear"; }
  /// Whether it is one of the library's functions.
  bool is_built_in() const;
  /// The name, as in Keras' configs. Throws ValueError for a function without a name.
  Config config() const;

 private:
  friend NamedHandle;
  static std::shared_ptr<const ActivationBase> make(const std::string& name, const Config& arguments);
  static std::shared_ptr<const ActivationBase> of_function(ActivationBase::Function function);
};
extern template class NamedHandle<Activation, const ActivationBase, activation_registry>;

/// Registers a class of your own, made as Registry::add() says, for configs and files: "my>Snake".
template <std::derived_from<ActivationBase> T>
void register_activation(std::string name) {
  activation_registry().add<T>(std::move(name));
}
/// Registers a function with a name for programs, configs and files: "my>snake". Throws ValueError for the
/// name of a built-in activation.
void register_activation(const std::string& name, const ActivationBase::Function& function);

/// All registered names, the built-in ones first.
std::vector<std::string> activation_names();

}  // namespace unspool
