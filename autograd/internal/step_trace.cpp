#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/internal/step_trace.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>

namespace unspool::internal {
namespace {

thread_local int traces = 0;
thread_local StepTrace* innermost = nullptr;

}  // namespace

TraceScope::TraceScope(StepTrace* trace) : outer_(innermost) {
  innermost = trace;
  ++traces;
}
TraceScope::~TraceScope() {
  innermost = outer_;
  --traces;
}

StepTrace::StepTrace(Index steps, bool reverse)
    : depth_(traces + 1),
      floor_(Engine::of_this_thread().tape),
      steps_(steps),
      reverse_(reverse),
      outer_(innermost) {}

Tensor StepTrace::next_key(const std::function<RandomKey()>& next) {
  return innermost == nullptr ? key_tensor(next()) : keys(innermost, {}, next);
}

/// Keys of this shape, in the order in which the loop that the scans stand for would draw them.
Tensor StepTrace::keys(StepTrace* trace, const Shape& shape, const std::function<RandomKey()>& next) {
  if (trace == nullptr) {
    return Tensor::generate<Index>(shape + Shape{2}, [&](std::span<Index> words) {
      for (std::size_t i = 0; i < words.size(); i += 2) {
        const RandomKey key = next();
        words[i] = static_cast<Index>(key.seed);
        words[i + 1] = static_cast<Index>(key.stream);
      }
    });
  }
  if (trace->steps_ == unknown) {
    throw RuntimeError(
        "a gradient rule in a step of a scan cannot draw: draw in the step, or run the steps "
        "one by one (unroll = true)");
  }
  const Tensor all = keys(trace->outer_, Shape{trace->steps_} + shape, next);
  trace->drawn_.push_back(trace->reverse_ ? flip(all, {0}) : all);
  return trace->sequence({shape + Shape{2}, int64});
}

Tensor StepTrace::carry(const Spec& spec) {
  Tensor made = abstract(spec);
  program_.carries.push_back(add(made));
  return made;
}

Tensor StepTrace::sequence(const Spec& spec, int time_axis) {
  Tensor made = abstract(spec);
  program_.sequences.push_back({add(made), time_axis});
  return made;
}

void StepTrace::drop_sequence(Value value) {
  std::erase_if(program_.sequences,
                [&](const StepProgram::Stacked& stacked) { return stacked.value == value; });
}

void StepTrace::carry_instead(const Tensor& sequence) {
  const Value value = value_of(sequence);
  drop_sequence(value);
  program_.carries.push_back(value);
}

void StepTrace::compute_instead(std::vector<StepProgram::Use> uses) {
  for (const StepProgram::Use& use : uses) drop_sequence(use.outputs[0]);
  program_.uses.insert(program_.uses.begin(), uses.begin(), uses.end());
}

Tensor StepTrace::capture(const Spec& spec) {
  captured_.emplace_back();
  Tensor made = abstract(spec);
  program_.captured.push_back(add(made));
  return made;
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
