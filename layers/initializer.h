#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// How a weight gets its first value: made from a name ("glorot_uniform"), by one of the functions below, or
/// from a function of shape and dtype. Keras' names, formulas and defaults. Empty if default-made.
///
/// Made with a seed it gives the same values each time for one shape; without, new ones from the process-wide
/// generator.
class Initializer {
 public:
  Initializer() = default;
  /// ValueError for an unknown name.
  Initializer(const char* name) : Initializer(std::string(name)) {}
  Initializer(const std::string& name);
  Initializer(std::function<Tensor(const Shape&, DType)> function);

  explicit operator bool() const { return implementation_ != nullptr; }
  Tensor operator()(const Shape& shape, DType dtype = float32) const;
  /// Keras' class name and arguments.
  std::string class_name() const;
  Config config() const;
  static Initializer from_config(const Config& config);

  struct Implementation;
  explicit Initializer(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<const Implementation> implementation_;
};

}  // namespace unspool
