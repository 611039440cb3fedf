#include <utility>

#include <unspool/core/internal/shape_inference.h>

namespace unspool::internal {
namespace {

constinit thread_local ShapeInference* innermost_inference = nullptr;

}  // namespace

ShapeInference::ShapeInference(std::shared_ptr<OperationRecorder> recorder)
    : recorder_(std::move(recorder)), outer_(std::exchange(innermost_inference, this)) {}
ShapeInference::~ShapeInference() { innermost_inference = outer_; }

const std::shared_ptr<OperationRecorder>& ShapeInference::recorder_for(const Shape& shape) {
  static const std::shared_ptr<OperationRecorder> none;
  return innermost_inference == nullptr || shape.known() ? none : innermost_inference->recorder_;
}

}  // namespace unspool::internal
