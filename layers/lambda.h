#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <unspool/layers/input.h>
#include <unspool/layers/options_layer.h>

namespace unspool {

/// What a function in a Lambda layer is told beside its inputs.
struct LambdaCall {
  Tensor mask = {};
  bool training = false;
  /// The layer's `arguments`.
  Config arguments = {};
};

/// A function of tensors for a Lambda layer: of one tensor or of a list of them, with or without a LambdaCall
/// behind, returning one tensor or a list. Or the name under which register_lambda() made one known:
/// ValueError for an unknown one.
class LambdaFunction {
 public:
  using Function = std::function<std::vector<Tensor>(const std::vector<Tensor>&, const LambdaCall&)>;

  /// The identity.
  LambdaFunction();
  LambdaFunction(const char* name);
  LambdaFunction(const std::string& name);
  template <class F>
  requires std::is_invocable_v<F, const Tensor&> LambdaFunction(F function)
      : LambdaFunction(Function([f = std::move(function)](const auto& x, const LambdaCall&) {
                         return list_of(f(only(x)));
                       }),
                       std::string()) {}
  template <class F>
  requires std::is_invocable_v<F, const Tensor&, const LambdaCall&> LambdaFunction(F function)
      : LambdaFunction(Function([f = std::move(function)](const auto& x, const LambdaCall& call) {
                         return list_of(f(only(x), call));
                       }),
                       std::string()) {}
  template <class F>
  requires(std::is_invocable_v<F, const std::vector<Tensor>&> && !std::is_invocable_v<F, const Tensor&>)
      LambdaFunction(F function)
      : LambdaFunction(
            Function([f = std::move(function)](const auto& x, const LambdaCall&) { return list_of(f(x)); }),
            std::string()) {}
  template <class F>
  requires(std::is_invocable_v<F, const std::vector<Tensor>&, const LambdaCall&> &&
           !std::is_invocable_v<F, const Tensor&, const LambdaCall&>) LambdaFunction(F function)
      : LambdaFunction(Function([f = std::move(function)](const auto& x, const LambdaCall& call) {
                         return list_of(f(x, call));
                       }),
                       std::string()) {}

  std::vector<Tensor> operator()(const std::vector<Tensor>& inputs, const LambdaCall& call) const {
    return function_ ? (*function_)(inputs, call) : inputs;
  }
  /// Empty for a function without a name.
  const std::string& name() const { return name_; }
  /// The name. ValueError for a function that has none.
  Config config() const;
  /// From a name, or from Keras' form of a registered function. ValueError for a Python lambda: that is code,
  /// and none in a config is run.
  static LambdaFunction from_config(const Config& config);

 private:
  friend void register_lambda(const std::string& name, const LambdaFunction& function);
  LambdaFunction(Function function, std::string name);
  static const Tensor& only(const std::vector<Tensor>& inputs);
  static std::vector<Tensor> list_of(Tensor tensor) { return {std::move(tensor)}; }
  static std::vector<Tensor> list_of(std::vector<Tensor> tensors) { return tensors; }

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

struct LambdaOptions {
  required<LambdaFunction> function;
  /// Without the batch. Empty: found by calling the function without values.
  GivenShape output_shape = std::nullopt;
  /// Gives the mask of the output; empty: it has none.
  std::optional<LambdaFunction> mask = std::nullopt;
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
  explicit Lambda(LambdaOptions options);
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  bool supports_masking() const override { return options_.mask.has_value(); }
  Config get_config() const override;

 protected:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
};

}  // namespace layers

/// Lambda({.function = [](const Tensor& x) { return x * 2; }}).
Ref<layers::Lambda> Lambda(LambdaOptions options);

}  // namespace unspool
