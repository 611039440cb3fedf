#pragma once

#include <string>

#include <unspool/layers/layer.h>

namespace unspool::layers {

/// An Input as an item of the layers of a functional model: its node is that of the Input, its output the
/// symbolic tensor.
class InputLayer : public Layer {
 public:
  /// For what Input() returned. Throws ValueError for another tensor.
  explicit InputLayer(const Tensor& input);

  std::string class_name() const override { return "InputLayer"; }
  Config get_config() const override;
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs&) override { return x; }
  bool autocast() const override { return false; }

 private:
  Tensor input_;  // Owns the node.
};

}  // namespace unspool::layers
