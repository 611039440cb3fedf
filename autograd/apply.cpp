#include <cmath>
#include <fmt/format.h>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>

namespace unspool {

using internal::TensorAccess;

Engine& Engine::of_this_thread() {
  thread_local Engine engine;
  return engine;
}

namespace {

bool has_nan(const Tensor& tensor) {
  bool found = false;
  visit_dtype(tensor.dtype(), [&]<class T>(T) {
    if constexpr (std::is_floating_point_v<T>) {
      for (T value : tensor.data<T>()) found = found || std::isnan(value);
    }
  });
  return found;
}

void check_anomaly(const Call& call, std::span<const Tensor> outputs, const Engine& engine) {
  for (const Tensor& input : call.inputs) {
    if (has_nan(input)) return;  // another operation made it
  }
  for (const Tensor& output : outputs) {
    if (!has_nan(output)) continue;
    const std::string where =
        engine.backward_of.empty() ? "" : fmt::format(" in the gradient of {}", engine.backward_of);
    throw RuntimeError(fmt::format("{}{}: made the first NaN; no operand has one", call.describe(), where));
  }
}

void compute(const Call& call, const Specs& specs, std::span<Tensor> outputs) {
  const Kernel& kernel = call.operation.kernel;
  if (kernel.view) {
    outputs[0] = TensorAccess::alias(call.inputs[0], specs[0].shape);
    return;
  }
  SmallVector<Array, 4> in(call.inputs.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    // Kernels read their inputs only; Array serves both sides.
    in[i] = {const_cast<void*>(call.inputs[i].raw()), &call.inputs[i].shape(), call.dtype(i)};
  }
  SmallVector<Array, 2> out(specs.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    outputs[i] = TensorAccess::allocate(specs[i].shape, specs[i].dtype);
    out[i] = {TensorAccess::data(outputs[i]), &outputs[i].shape(), specs[i].dtype};
  }
  kernel.run({in, out, call.attributes});
}

}  // namespace

Tensors apply_all(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes) {
  const Call call{*operation, inputs, attributes};
  bool abstract = false;
  Recorder* recorder = nullptr;
  for (const Tensor& input : inputs) {
    if (!input) call.fail("an operand is an empty tensor");
    if (!input.is_abstract()) continue;
    abstract = true;
    Recorder* own = input.recorder().get();
    if (own == nullptr) {
      throw RuntimeError(call.describe() + ": the value of " + describe(input) +
                         " was not kept: only its shape and dtype are known here");
    }
    if (recorder == nullptr || own->depth() > recorder->depth()) recorder = own;
  }
  const Specs specs = operation->shape(call);
  Tensors outputs;
  Engine& engine = Engine::of_this_thread();
  if (abstract) {
    outputs = recorder->record(operation, inputs, attributes, specs);
  } else {
    outputs.resize(specs.size());
    compute(call, specs, outputs);
    if (engine.anomaly) check_anomaly(call, outputs, engine);
  }
  if (engine.records() && operation->gradient != nullptr) {
    for (TapeState* tape : engine.tapes) tape->record(operation, inputs, outputs, attributes);
  }
  return outputs;
}

Tensor apply(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes) {
  return std::move(apply_all(operation, inputs, attributes)[0]);
}

Tensor apply(OperationRef operation, std::initializer_list<Tensor> inputs, const Attributes& attributes) {
  return apply(operation, std::span<const Tensor>(inputs.begin(), inputs.size()), attributes);
}

Tensor Backward::dy(std::size_t i) const {
  if (cotangents_[i]) return cotangents_[i];
  return Tensor::zeros(outputs_[i].shape(), outputs_[i].dtype());
}

NoGradient::NoGradient() : outer_(Engine::of_this_thread().recording) {
  Engine::of_this_thread().recording = false;
}
NoGradient::~NoGradient() { Engine::of_this_thread().recording = outer_; }

DetectAnomaly::DetectAnomaly() : outer_(Engine::of_this_thread().anomaly) {
  Engine::of_this_thread().anomaly = true;
}
DetectAnomaly::~DetectAnomaly() { Engine::of_this_thread().anomaly = outer_; }

}  // namespace unspool
