#pragma once

#include <memory>

#include <unspool/core/shape.h>

namespace unspool {
class OperationRecorder;
}

namespace unspool::internal {

/// While it exists, a function is called on this thread for the shapes of its results alone. What creates a
/// tensor of a shape with an unknown dimension then returns an abstract one, which the recorder takes down.
class ShapeInference {
 public:
  explicit ShapeInference(std::shared_ptr<OperationRecorder> recorder);
  ~ShapeInference();
  ShapeInference(const ShapeInference&) = delete;
  ShapeInference& operator=(const ShapeInference&) = delete;

  /// The recorder for a shape that is not known; null if it is known, or outside of inference.
  static const std::shared_ptr<OperationRecorder>& recorder_for(const Shape& shape);

 private:
  std::shared_ptr<OperationRecorder> recorder_;
  ShapeInference* outer_;
};

}  // namespace unspool::internal
