#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/layers/layer.h>

namespace unspool::internal {

/// The calls of layers that are under way on this thread, innermost last: while it lives, errors and the
/// paths of new weights start with the layer's name, and layers called within get its `training`.
class CallScope {
 public:
  /// `training` as said, else as the layer around says, else false.
  CallScope(const LayerBase& layer, std::optional<bool> training);
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

  bool training() const { return training_; }
  /// No layer's call is around this one.
  bool outermost() const { return outer_ == nullptr; }
  /// The names of the layers around and this one's, joined by '/'.
  std::string path() const;

  /// The call of this layer that is under way, null if there is none.
  static const CallScope* of(const LayerBase& layer);
  /// The inputs as the call got them, and as call() did: casting makes other tensors of them.
  void set_inputs(const std::vector<Tensor>& given, const std::vector<Tensor>& received) {
    given_ = &given;
    received_ = &received;
  }
  /// The identity of the call's own input if `input` is what call() got of one, else of `input`.
  std::uint64_t identity_of(const Tensor& input) const;

 private:
  const LayerBase& layer_;
  ErrorScope errors_;
  CallScope* outer_;
  bool training_;
  const std::vector<Tensor>* given_ = nullptr;
  const std::vector<Tensor>* received_ = nullptr;
};

/// False while a WithoutLosses lives.
bool losses_are_kept();

}  // namespace unspool::internal
