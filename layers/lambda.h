#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/layers/input.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// The arguments of a function in a Lambda layer besides its inputs.
struct LambdaCall {
  /// The mask of the first input; empty if there is none.
  Tensor mask = {};
  /// Whether the call is part of training.
  bool training = false;
  /// The `arguments` of the layer.
  Config arguments = {};
};

namespace internal {

using LambdaOfLists = Callable<std::vector<Tensor>(const std::vector<Tensor>&, const LambdaCall&)>;

/// How a function is called: with a tensor or a list, and with a LambdaCall or without.
template <class F>
concept lambda_callable = requires(F& f, const Tensor& x, const std::vector<Tensor>& list,
                                   const LambdaCall& call) {
  requires requires { f(x); } || requires {
    f(x, call);
  } || requires {
    f(list);
  } || requires {
    f(list, call);
  };
};

/// The only tensor of a list. Throws ValueError if there is not exactly one.
const Tensor& only_input(const std::vector<Tensor>& inputs);
std::vector<Tensor> list_of(Tensor tensor);
std::vector<Tensor> list_of(std::vector<Tensor> tensors);

template <class F>
LambdaOfLists lambda_function(F function) {
  if constexpr (std::is_pointer_v<F> || Nullable<F>) {
    if (function == nullptr) return {};
  }
  return [f = std::move(function)](const std::vector<Tensor>& x, const LambdaCall& call) {
    if constexpr (requires(const Tensor& one) { f(one); }) {
      return list_of(f(only_input(x)));
    } else if constexpr (requires(const Tensor& one) { f(one, call); }) {
      return list_of(f(only_input(x), call));
    } else if constexpr (requires { f(x); }) {
      return list_of(f(x));
    } else {
      return list_of(f(x, call));
    }
  };
}

}  // namespace internal

/// A function for a Lambda layer: it takes one tensor or a list of tensors, optionally a LambdaCall after
/// them, and returns one tensor or a list. It can be given by the name of register_lambda(); throws
/// ValueError for an unknown name.
class LambdaFunction final {
 public:
  /// The type of function that is called, with a list of tensors.
  using Function = internal::LambdaOfLists;

  /// No function, as from an empty std::function or a null pointer.
  LambdaFunction();
  /// The function registered under this name.
  LambdaFunction(const char* name);
  /// The function registered under this name.
  LambdaFunction(const std::string& name);
  /// A function of one tensor or of a list.
  template <class F>
  requires internal::lambda_callable<F> LambdaFunction(F function)
      : LambdaFunction(internal::lambda_function(std::move(function)), {}) {}

  /// Whether there is a function.
  explicit operator bool() const { return function_ != nullptr; }
  /// Throws RuntimeError if there is no function.
  std::vector<Tensor> operator()(const std::vector<Tensor>& inputs, const LambdaCall& call) const;
  /// The name; "" for a function without a name.
  const std::string& name() const { return name_; }
  /// The name, or null if there is no function. Throws ValueError for a function without a name.
  Config config() const;
  /// From a name, from Keras' form of a registered function, or from null. Throws ValueError for a Python
  /// lambda, which is code: code in configs is never run.
  static LambdaFunction from_config(const Config& config);

 private:
  friend void register_lambda(const std::string& name, const LambdaFunction& function);
  LambdaFunction(Function function, std::string name);

  std::string name_;
  std::shared_ptr<const Function> function_;
};

/// Registers a function with a name for programs, configs and files: register_lambda("my>double", f).
void register_lambda(const std::string& name, const LambdaFunction& function);

template <>
struct ConfigValue<LambdaFunction> {
  static constexpr std::string_view name = "function";
  static Config to(const LambdaFunction& value) { return value.config(); }
  static LambdaFunction from(const Config& config) { return LambdaFunction::from_config(config); }
};

/// Arguments of Lambda, in the order of Keras.
struct LambdaOptions {
  required<LambdaFunction> function;
  /// The output shape without the batch. Default: from calling the function on abstract tensors.
  GivenShape output_shape = std::nullopt;
  /// A function that returns the mask of the output; empty: no mask.
  LambdaFunction mask = {};
  /// Passed to the functions as LambdaCall::arguments.
  Config arguments = Config::map();
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// A function as a layer, without weights. A function that reads a Variable should be a layer class instead.
class Lambda : public OptionsLayer<LambdaOptions> {
 public:
  /// Throws ValueError if there is no function.
  explicit Lambda(LambdaOptions options);
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  bool supports_masking() const override { return static_cast<bool>(options_.mask); }

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) override;
};

}  // namespace layers

/// Makes the layer: Lambda({.function = [](const Tensor& x) { return x * 2; }}).
using Lambda = LayerRef<layers::Lambda>;

}  // namespace unspool
