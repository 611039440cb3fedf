#pragma once

#include <functional>
#include <memory>
#include <string>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// Maps a weight to an allowed one after each step of an optimizer. Empty if default-made.
class Constraint {
 public:
  Constraint() = default;
  /// "max_norm", "non_neg", "unit_norm", ...: Keras' defaults. ValueError for an unknown name.
  Constraint(const char* name) : Constraint(std::string(name)) {}
  Constraint(const std::string& name);
  Constraint(std::function<Tensor(const Tensor&)> function);

  explicit operator bool() const { return implementation_ != nullptr; }
  /// The allowed value.
  Tensor operator()(const Tensor& x) const;
  std::string class_name() const;
  Config config() const;
  static Constraint from_config(const Config& config);

  struct Implementation;
  explicit Constraint(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<const Implementation> implementation_;
};

}  // namespace unspool
