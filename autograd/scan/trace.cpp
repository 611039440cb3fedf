#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/scan/trace.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/shape_inference.h>

namespace unspool::scan_compiler {
namespace {

thread_local int traces = 0;
thread_local Trace* innermost_trace = nullptr;

}  // namespace

TraceScope::TraceScope(Trace* trace) : outer_(innermost_trace) {
  innermost_trace = trace;
  ++traces;
}
TraceScope::~TraceScope() {
  innermost_trace = outer_;
  --traces;
}

Trace* Trace::innermost() { return innermost_trace; }

Trace::Trace(Index steps, bool reverse)
    : depth_(traces + 1),
      floor_(Engine::of_this_thread().tape),
      steps_(steps),
      reverse_(reverse),
      outer_(innermost_trace) {
  // A simple cell: larger blocks cost more than they save.
  program_.values.reserve(12);
  program_.uses.reserve(6);
}

Tensor Trace::next_key(const std::function<RandomKey()>& next) {
  return innermost_trace == nullptr ? key_tensor(next()) : keys(innermost_trace, {}, next);
}

/// Keys of this shape, in the order in which a plain loop would draw them.
Tensor Trace::keys(Trace* trace, const Shape& shape, const std::function<RandomKey()>& next) {
  if (trace == nullptr) {
    return Tensor::generate<Index>(shape + Shape{2}, [&](std::span<Index> words) {
      for (std::size_t i = 0; i < words.size(); i += 2) {
        const RandomKey key = next();
        words[i] = static_cast<Index>(key.seed);
        words[i + 1] = static_cast<Index>(key.stream);
      }
    });
  }
  const Shape all_shape = Shape{trace->steps_} + shape + Shape{2};
  if (const auto& inferred = internal::ShapeInference::recorder_for(all_shape)) {
    trace->drawn_.push_back(inferred->abstract({all_shape, int64}));
    return trace->sequence({shape + Shape{2}, int64});
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

Tensor Trace::carry(const Spec& spec) {
  Tensor made = abstract(spec);
  program_.carries.push_back(add(made));
  return made;
}

Tensor Trace::sequence(const Spec& spec, int time_axis) {
  Tensor made = abstract(spec);
  program_.sequences.push_back({add(made), time_axis});
  return made;
}

void Trace::drop_sequence(Value value) {
  std::erase_if(program_.sequences, [&](const Stacked& stacked) { return stacked.value == value; });
}

void Trace::carry_instead(const Tensor& sequence) {
  const Value value = value_of(sequence);
  drop_sequence(value);
  program_.carries.push_back(value);
}

void Trace::compute_instead(std::vector<Use> uses) {
  for (const Use& use : uses) drop_sequence(use.outputs[0]);
  program_.uses.insert(program_.uses.begin(), uses.begin(), uses.end());
}

Tensor Trace::capture(const Spec& spec) {
  captured_.emplace_back();
  Tensor made = abstract(spec);
  program_.captured.push_back(add(made));
  return made;
}

Value Trace::add(const Tensor& tensor) {
  const auto value = static_cast<Value>(program_.values.size());
  program_.values.push_back({tensor.shape(), tensor.dtype()});
  values_.emplace(tensor.id(), value);
  return value;
}

Value Trace::value_of(const Tensor& tensor) {
  const auto found = values_.find(tensor.id());
  if (found != values_.end()) return found->second;
  captured_.push_back(tensor);
  const Value value = add(tensor);
  program_.captured.push_back(value);
  program_.label(value, Label::carried_by(tensor));
  return value;
}

void Trace::label(const Tensor& tensor, Label label) {
  if (const auto found = values_.find(tensor.id()); found != values_.end()) {
    program_.label(found->second, label);
  }
}

Label Trace::label_of(const Tensor& tensor) const {
  const auto found = values_.find(tensor.id());
  return found == values_.end() ? Label() : program_.label_of(found->second);
}

Tensors Trace::record(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes,
                      const Specs& outputs) {
  if (!open_) {
    throw RuntimeError(Call{*operation, inputs, attributes}.describe() +
                       ": one of the operands comes from a step of a scan that has ended, and has no value "
                       "outside of it: let the step return it, or run the steps one by one (unroll = true)");
  }
  Use use{.operation = operation, .inputs = {}, .outputs = {}, .attributes = attributes};
  for (const Tensor& input : inputs) {
    use.inputs.push_back(value_of(input));
    if (read_apart_ != nullptr) read_apart_->emplace(use.inputs.back(), input);
  }
  Tensors made(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    made[i] = abstract(outputs[i]);
    use.outputs.push_back(add(made[i]));
  }
  program_.uses.push_back(std::move(use));
  return made;
}

RecordedFunction Trace::record_apart(
    std::span<const Spec> arguments,
    const std::function<std::vector<Tensor>(const std::vector<Tensor>&)>& function) {
  // The function's uses take the place of the step's while it runs.
  std::vector<Use> uses;
  std::unordered_map<Value, Tensor> read;
  std::unordered_map<Value, Tensor>* reading = &read;
  const auto swap_in = [&] {
    uses.swap(program_.uses);
    std::swap(reading, read_apart_);
  };
  RecordedFunction made;
  std::unordered_map<Value, Value> renumbered;
  const auto add_value = [&](Value value) {
    const auto own = static_cast<Value>(made.program.values.size());
    made.program.values.push_back(program_.values[index_of(value)]);
    made.program.label(own, program_.label_of(value));
    renumbered.emplace(value, own);
    return own;
  };
  std::vector<Tensor> inputs;
  for (const Spec& spec : arguments) {
    inputs.push_back(abstract(spec));
    made.program.captured.push_back(add_value(add(inputs.back())));
  }
  std::vector<Tensor> results;
  swap_in();
  try {
    results = function(inputs);
  } catch (...) {
    swap_in();
    throw;
  }
  swap_in();
  const auto own_value = [&](Value value, const Tensor& tensor) {
    const auto found = renumbered.find(value);
    if (found != renumbered.end()) return found->second;
    made.captured.push_back(tensor);
    made.program.captured.push_back(add_value(value));
    return made.program.captured.back();
  };
  for (Use& use : uses) {
    for (Value& input : use.inputs) input = own_value(input, read.at(input));
    for (Value& output : use.outputs) output = add_value(output);
    made.program.uses.push_back(std::move(use));
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) continue;
    made.results.push_back(static_cast<Index>(i));
    made.program.reduced_outputs.push_back(own_value(value_of(results[i]), results[i]));
  }
  made.program = eliminate_dead_code(std::move(made.program));
  return made;
}

Trace* Trace::of(std::span<const Tensor> tensors) {
  Trace* innermost = nullptr;
  for (const Tensor& tensor : tensors) {
    if (!tensor || !tensor.is_abstract()) continue;
    auto* const own = dynamic_cast<Trace*>(tensor.recorder().get());
    if (own != nullptr && (innermost == nullptr || own->depth() > innermost->depth())) innermost = own;
  }
  return innermost;
}

Program Trace::finish() {
  open_ = false;
  return std::move(program_);
}

}  // namespace unspool::scan_compiler
