#include <cmath>
#include <cstring>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/machine.h>

namespace unspool {

using internal::TensorAccess;

constinit thread_local Engine Engine::instance_;

bool has_nan(const Tensor& tensor) {
  bool found = false;
  visit_dtype(tensor.dtype(), [&]<class T>(T) {
    if constexpr (std::is_floating_point_v<T>) {
      for (T value : tensor.data<T>()) found = found || std::isnan(value);
    }
  });
  return found;
}

namespace {

/// Where inside of the operation the NaN arose, if it is made of operations.
std::string place_of_nan(const Call& call) {
  for (const auto& [name, value] : call.attributes) {
    const auto* payload = std::get_if<std::shared_ptr<const Payload>>(&value);
    if (payload == nullptr) continue;
    if (std::string place = (*payload)->place_of_nan(call); !place.empty()) return ": " + place;
  }
  return {};
}

void check_anomaly(const Call& call, std::span<const Tensor> outputs, const Engine& engine) {
  for (const Tensor& input : call.inputs) {
    if (has_nan(input)) return;  // It comes from another operation.
  }
  for (const Tensor& output : outputs) {
    if (!has_nan(output)) continue;
    const std::string step = engine.time_step < 0 ? "" : fmt::format(" at time step {}", engine.time_step);
    const std::string sweep = engine.sweeping == nullptr ? "" : engine.sweeping->where_in_sweep();
    throw RuntimeError(fmt::format("{}{}{}: the result has a NaN, and no operand has one{}", call.describe(),
                                   sweep, step, place_of_nan(call)));
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
    // Kernels do not write their inputs; Array is used for inputs and outputs.
    in[i] = {const_cast<void*>(call.inputs[i].raw()), &call.inputs[i].shape(), call.dtype(i)};
  }
  SmallVector<Array, 2> out(specs.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    outputs[i] = TensorAccess::allocate(specs[i].shape, specs[i].dtype);
    out[i] = {TensorAccess::data(outputs[i]), &outputs[i].shape(), specs[i].dtype};
  }
  kernel.run({in, out, call.attributes});
}

/// The deepest recorder of the operands; null if all are concrete.
OperationRecorder* recorder_of(const Call& call) {
  OperationRecorder* deepest = nullptr;
  for (const Tensor& input : call.inputs) {
    if (!input)
      call.fail(
          "expected tensors with values, got an empty one (several outputs of a call are indexed: "
          "outputs[0])");
    if (!input.is_abstract()) continue;
    OperationRecorder* own = input.recorder().get();
    if (own == nullptr) {
      throw RuntimeError(call.describe() + ": expected a tensor with a value, got " + describe(input) +
                         " of which only shape and dtype are known here");
    }
    if (deepest == nullptr || own->depth() > deepest->depth()) deepest = own;
  }
  return deepest;
}

/// The fast path for few operands of the same floating dtype and shape, without broadcasting, which most
/// operations of a small network have.
template <std::size_t size>
struct EqualOperands {
  EqualOperands(const Operation& operation, std::span<const Tensor, size> inputs,
                const Attributes& attributes) {
    if (operation.kernel.block == nullptr || !attributes.empty() || operation.kernel.view) return;
    if (operation.shape != shapes::floating && operation.shape != shapes::elementwise) return;
    const internal::TensorHead* const first = TensorAccess::head(inputs[0]);
    for (std::size_t i = 0; i < size; ++i) {
      const internal::TensorHead* const own = TensorAccess::head(inputs[i]);
      if (own == nullptr || !TensorAccess::has_elements(inputs[i])) return;
      if (i != 0 && (own->dtype != first->dtype || !(own->shape == first->shape))) return;
      data[i] = inputs[i].raw();
    }
    if (!is_floating(first->dtype)) return;
    count = first->shape.elements();
    if (count <= machine::elementwise_task_elements) head = first;
  }

  /// The head of the first operand; null if the operands do not take the fast path.
  const internal::TensorHead* head = nullptr;
  Index count;
  const void* data[size];
};

template <std::size_t size>
[[gnu::always_inline]] inline Tensor apply_equal(OperationRef operation, std::span<const Tensor, size> inputs,
                                                 const Attributes& attributes,
                                                 const EqualOperands<size>& operands) {
  static constexpr Index steps[] = {1, 1, 1};
  static_assert(size <= std::size(steps));
  const DType dtype = operands.head->dtype;
  Tensor output = TensorAccess::allocate(operands.head->shape, dtype, operands.count);
  operation->kernel.block({operands.data, steps, TensorAccess::data(output), operands.count, dtype, dtype});
  const std::span<const Tensor, 1> outputs(&output, 1);
  const Engine& engine = Engine::of_this_thread();
  if (engine.anomaly) [[unlikely]]
    check_anomaly({*operation, inputs, attributes}, outputs, engine);
  if (engine.recording && operation->gradient != nullptr) {
    for (TapeState* tape = engine.tape; tape != nullptr; tape = tape->outer()) {
      tape->record(operation, inputs, outputs, attributes);
    }
  }
  return output;
}

// Not inlined, so that it does not slow down the fast path.
[[gnu::noinline]] Tensor apply_in_full(OperationRef operation, std::span<const Tensor> inputs,
                                       const Attributes& attributes) {
  return apply_all(operation, inputs, attributes)[0];
}

template <std::size_t size>
Tensor apply_few(OperationRef operation, std::span<const Tensor, size> inputs, const Attributes& attributes) {
  const EqualOperands<size> operands(*operation, inputs, attributes);
  if (operands.head == nullptr) return apply_in_full(operation, inputs, attributes);
  return apply_equal(operation, inputs, attributes, operands);
}

/// Operands in an array, as a Call needs them, without counting references: the caller keeps them alive.
template <std::size_t count>
class Borrowed {
 public:
  template <class... T>
  explicit Borrowed(const T&... tensors) {
    std::byte* place = memory_;
    ((std::memcpy(place, static_cast<const void*>(&tensors), sizeof(Tensor)), place += sizeof(Tensor)), ...);
  }
  std::span<const Tensor, count> span() const {
    return std::span<const Tensor, count>(reinterpret_cast<const Tensor*>(memory_), count);
  }

 private:
  alignas(Tensor) std::byte memory_[count * sizeof(Tensor)];
};

}  // namespace

Tensors apply_all(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes) {
  const Call call{*operation, inputs, attributes};
  OperationRecorder* recorder = recorder_of(call);
  const Specs specs = operation->shape(call);
  Tensors outputs;
  const Engine& engine = Engine::of_this_thread();
  if (recorder != nullptr) {
    outputs = recorder->record(operation, inputs, attributes, specs);
  } else {
    outputs.resize(specs.size());
    compute(call, specs, outputs);
    if (engine.anomaly) check_anomaly(call, outputs, engine);
  }
  if (!engine.records() || operation->gradient == nullptr) return outputs;
  const TapeState* const floor = recorder != nullptr ? recorder->tape_floor() : nullptr;
  for (TapeState* tape = engine.tape; tape != floor && tape != nullptr; tape = tape->outer()) {
    tape->record(operation, inputs, std::span<const Tensor>(outputs), attributes);
  }
  return outputs;
}

Tensor apply(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes) {
  switch (inputs.size()) {
    case 1:
      return apply_few(operation, inputs.first<1>(), attributes);
    case 2:
      return apply_few(operation, inputs.first<2>(), attributes);
    case 3:
      return apply_few(operation, inputs.first<3>(), attributes);
    default:
      return apply_in_full(operation, inputs, attributes);
  }
}

Tensor apply(OperationRef operation, const Tensor& x, const Attributes& attributes) {
  return apply_few(operation, std::span<const Tensor, 1>(&x, 1), attributes);
}
Tensor apply(OperationRef operation, const Tensor& a, const Tensor& b, const Attributes& attributes) {
  return apply_few(operation, Borrowed<2>(a, b).span(), attributes);
}
Tensor apply(OperationRef operation, const Tensor& a, const Tensor& b, const Tensor& c,
             const Attributes& attributes) {
  return apply_few(operation, Borrowed<3>(a, b, c).span(), attributes);
}

const Tensor& Backward::zero_dy(std::size_t i) const {
  return cotangents_[i] = Tensor::zeros(outputs_[i].shape(), outputs_[i].dtype());
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
