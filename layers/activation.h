#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/registry.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// Base class of activations. A function of your own is enough for most: derive from this for one that has
/// arguments, and make it known by register_activation<MyActivation>().
class ActivationBase : public NamedObject {
 public:
  /// A function that can stand for an activation.
  using Function = std::function<Tensor(const Tensor&)>;

  /// The activation of a tensor, of its shape.
  virtual Tensor call(const Tensor& x) const = 0;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
};

/// All activations by name.
Registry<ActivationBase>& activation_registry();

/// An activation: made from a name ("tanh", "relu", ...) or from a function. An empty one, "" and "linear" do
/// nothing.
class Activation : public NamedHandle<Activation, const ActivationBase, activation_registry> {
 public:
  /// Empty, or from a name, a function or an object.
  using NamedHandle::NamedHandle;

  /// The activation of a tensor. The tensor itself if this does nothing.
  Tensor operator()(const Tensor& x) const { return *this ? object().call(x) : x; }
  /// "linear" if this does nothing; empty for a function without a name.
  std::string name() const { return *this ? class_name() : "linear"; }
  /// The name, as in Keras. Throws ValueError for a function that has none.
  Config config() const;

 private:
  friend NamedHandle;
  static std::shared_ptr<const ActivationBase> make(const std::string& name, const Config& arguments);
  static std::shared_ptr<const ActivationBase> of_function(ActivationBase::Function function);
};
extern template class NamedHandle<Activation, const ActivationBase, activation_registry>;

/// Makes a class of your own, which is made from T::Options, known to configs and files: "my>Snake".
template <std::derived_from<ActivationBase> T>
void register_activation(std::string name) {
  activation_registry().add<T>(std::move(name));
}
/// Makes a function usable, and written to configs, by a name: "my>snake". Throws ValueError for a name of a
/// built-in activation.
void register_activation(const std::string& name, const ActivationBase::Function& function);

/// Every name that is known, the built-in ones first.
std::vector<std::string> activation_names();

}  // namespace unspool
