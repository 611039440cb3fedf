#pragma once

#include <string>
#include <vector>

#include <unspool/autograd/tape.h>
#include <unspool/layers/layer.h>

#include "case.h"
#include "report.h"

namespace golden {

/// One call of a layer or cell that a file describes, with its expected results.
class Call {
 public:
  /// `key` is "" if the file has one call, else for example "call2", which is part of names: "input.call2.0".
  /// `about` describes the call.
  Call(const Case& file, std::string key, const Config& about);

  /// Calls the layer once to build it.
  void build(const Ref<LayerBase>& layer) const;
  /// Calls the layer and compares outputs, masks, losses and gradients.
  void check(const Ref<LayerBase>& layer, Report& report) const;

 private:
  std::string name(const std::string& what) const;
  std::string name(const std::string& what, std::size_t i) const;
  std::vector<Tensor> run(const Ref<LayerBase>& layer) const;
  void check_count(const char* key, std::size_t got) const;
  void check_masks(const std::vector<Tensor>& outputs, Report& report) const;
  void check_losses(const std::vector<Tensor>& losses, Report& report) const;
  void check_gradients(const Ref<LayerBase>& layer, GradientTape& tape, const Tensor& loss,
                       Report& report) const;

  const Case& file_;
  std::string key_;
  Config about_;
  std::vector<Tensor> inputs_;
  CallArgs args_;
};

}  // namespace golden
