#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <unspool/layers/input.h>
#include <unspool/layers/options_layer.h>

namespace unspool {

/// What a function in a Lambda layer is told beside its inputs.
struct LambdaCall {
  /// The mask of the first input; empty if there is none.
  Tensor mask = {};
  /// Whether the call trains.
  bool training = false;
  /// The layer's `arguments`.
  Config arguments = {};
};

namespace internal {

using LambdaOfLists = std::function<std::vector<Tensor>(const std::vector<Tensor>&, const LambdaCall&)>;

template <class F>
concept lambda_callable = std::is_invocable_v<F, const Tensor&> ||
                          std::is_invocable_v<F, const Tensor&, const LambdaCall&> || std::is_invocable_v < F,
        const std::vector<Tensor>
& > || std::is_invocable_v<F, const std::vector<Tensor>&, const LambdaCall&>;

/// The only one of a list. Throws ValueError if there is another number.
const Tensor& only_input(const std::vector<Tensor>& inputs);
std::vector<Tensor> list_of(Tensor tensor);
std::vector<Tensor> list_of(std::vector<Tensor> tensors);

template <class F>
LambdaOfLists lambda_function(F function) {
  if constexpr (std::is_pointer_v<F> || requires { function.target_type(); }) {
    if (!function) return {};
  }
  return [f = std::move(function)](const std::vector<Tensor>& x, const LambdaCall& call) {
    if constexpr (std::is_invocable_v<F, const Tensor&>) {
      return list_of(f(only_input(x)));
    } else if constexpr (std::is_invocable_v<F, const Tensor&, const LambdaCall&>) {
      return list_of(f(only_input(x), call));
    } else if constexpr (std::is_invocable_v<F, const std::vector<Tensor>&>) {
      return list_of(f(x));
    } else {
      return list_of(f(x, call));
    }
  };
}

}  // namespace internal

/// A function of tensors for a Lambda layer: of one tensor or of a list of them, with or without a LambdaCall
/// behind, returning one tensor or a list. Or the name under which register_lambda() made one known:
/// Throws ValueError for an unknown one.
class LambdaFunction {
 public:
  /// The function as it is called: of a list of tensors.
  using Function = internal::LambdaOfLists;

  /// No function; a std::function or a pointer that is empty gives none, too.
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
  /// Empty for a function without a name.
  const std::string& name() const { return name_; }
  /// The name; null if there is no function. Throws ValueError for a function without a name.
  Config config() const;
  /// From a name, from Keras' form of a registered function, or from null. Throws ValueError for a Python lambda:
  /// that is code, and none in a config is run.
  static LambdaFunction from_config(const Config& config);

 private:
  friend void register_lambda(const std::string& name, const LambdaFunction& function);
  LambdaFunction(Function function, std::string name);

  std::string name_;
  std::shared_ptr<const Function> function_;
};

/// Makes a function usable, and written to configs, by a name: register_lambda("my>double", f).
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
  /// Without the batch. Empty: found by calling the function without values.
  GivenShape output_shape = std::nullopt;
  /// Gives the mask of the output; empty: it has none.
  LambdaFunction mask = {};
  /// Handed to the functions as call.arguments.
  Config arguments = Config::map();
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// A function as a layer. It has no weights: a function that reads a Variable belongs in a layer of one's
/// own.
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

/// Lambda({.function = [](const Tensor& x) { return x * 2; }}).
Ref<layers::Lambda> Lambda(LambdaOptions options);

}  // namespace unspool
