#pragma once

#include <functional>
#include <memory>
#include <string>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// A penalty on a weight or an output, added to the loss. Empty if default-made.
class Regularizer {
 public:
  Regularizer() = default;
  /// "l1", "l2", "L1L2": Keras' defaults. ValueError for an unknown name.
  Regularizer(const char* name) : Regularizer(std::string(name)) {}
  Regularizer(const std::string& name);
  Regularizer(std::function<Tensor(const Tensor&)> function);

  explicit operator bool() const { return implementation_ != nullptr; }
  /// The penalty, a scalar.
  Tensor operator()(const Tensor& x) const;
  std::string class_name() const;
  Config config() const;
  static Regularizer from_config(const Config& config);

  struct Implementation;
  explicit Regularizer(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<const Implementation> implementation_;
};

}  // namespace unspool
