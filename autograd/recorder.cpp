#include <unspool/autograd/recorder.h>
#include <unspool/core/internal/shape_inference.h>
#include <unspool/core/internal/work_limit.h>

namespace unspool {

Tensor OperationRecorder::abstract(const Spec& spec) {
  return internal::TensorAccess::abstract(spec.shape, spec.dtype, shared_from_this());
}

namespace {

class SpecRecorder : public OperationRecorder {
 public:
  Tensors record(OperationRef, std::span<const Tensor>, const Attributes&, const Specs& specs) override {
    internal::WorkLimit::take();
    Tensors outputs(specs.size());
    for (std::size_t i = 0; i < specs.size(); ++i) outputs[i] = abstract(specs[i]);
    return outputs;
  }
};

}  // namespace

std::vector<Spec> infer(const Callable<std::vector<Tensor>(const std::vector<Tensor>&)>& function,
                        const std::vector<Spec>& inputs) {
  const auto recorder = std::make_shared<SpecRecorder>();
  const internal::ShapeInference inference(recorder);
  std::vector<Tensor> tensors;
  for (const Spec& spec : inputs) tensors.push_back(recorder->abstract(spec));
  std::vector<Spec> specs;
  for (const Tensor& output : function(tensors)) specs.push_back({output.shape(), output.dtype()});
  return specs;
}

bool is_inferred(const Tensor& tensor) {
  return tensor.is_abstract() && dynamic_cast<const SpecRecorder*>(tensor.recorder().get()) != nullptr;
}

}  // namespace unspool
