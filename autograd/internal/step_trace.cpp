#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/internal/step_trace.h>
#include <unspool/core/error.h>

namespace unspool::internal {
namespace {

thread_local int traces = 0;

}  // namespace

int StepTrace::active() { return traces; }
TraceScope::TraceScope() { ++traces; }
TraceScope::~TraceScope() { --traces; }

StepTrace::StepTrace() : depth_(traces + 1), floor_(Engine::of_this_thread().tape) {}

Tensor StepTrace::input(const Spec& spec, std::vector<Value>& list) {
  Tensor made = abstract(spec);
  list.push_back(add(made));
  return made;
}

Tensor StepTrace::carry(const Spec& spec) { return input(spec, program_.carries); }
Tensor StepTrace::sequence(const Spec& spec) { return input(spec, program_.sequences); }
Tensor StepTrace::capture(const Spec& spec) {
  captured_.emplace_back();
  return input(spec, program_.captured);
}

StepTrace::Value StepTrace::add(const Tensor& tensor) {
  const auto value = static_cast<Value>(program_.values.size());
  program_.values.push_back({tensor.shape(), tensor.dtype()});
  values_.emplace(tensor.id(), value);
  return value;
}

StepTrace::Value StepTrace::value_of(const Tensor& tensor) {
  const auto found = values_.find(tensor.id());
  if (found != values_.end()) return found->second;
  captured_.push_back(tensor);
  const Value value = add(tensor);
  program_.captured.push_back(value);
  return value;
}

Tensors StepTrace::record(OperationRef operation, std::span<const Tensor> inputs,
                          const Attributes& attributes, const Specs& outputs) {
  if (!open_) {
    throw RuntimeError(Call{*operation, inputs, attributes}.describe() +
                       ": one of the operands comes from a step of a scan that has ended, and has no value "
                       "outside of it: let the step return it, or run the steps one by one (unroll = true)");
  }
  StepProgram::Use use{.operation = operation, .inputs = {}, .outputs = {}, .attributes = attributes};
  for (const Tensor& input : inputs) use.inputs.push_back(value_of(input));
  Tensors made(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    made[i] = abstract(outputs[i]);
    use.outputs.push_back(add(made[i]));
  }
  program_.uses.push_back(std::move(use));
  return made;
}

StepProgram StepTrace::finish() {
  open_ = false;
  return std::move(program_);
}

}  // namespace unspool::internal
