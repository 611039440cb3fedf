#include <algorithm>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/internal/scan_operations.h>
#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/autograd/internal/step_gradient.h>
#include <unspool/autograd/internal/step_program.h>
#include <unspool/autograd/internal/step_trace.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/scan.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

using internal::run_scan;
using internal::ScanBody;
using internal::SharedProgram;
using internal::StepGradient;
using internal::StepProgram;
using internal::StepTrace;

const ScanBody& body_of(const Attributes& attributes) {
  return dynamic_cast<const ScanBody&>(*attributes.get<std::shared_ptr<const Payload>>("step"));
}

Specs scan_shape(const Call& call) {
  const StepProgram& program = body_of(call.attributes).shared().program();
  const Index steps = call.attributes.integer("steps");
  if (call.inputs.size() != program.inputs()) {
    call.fail(fmt::format("its step has {} inputs, got {}", program.inputs(), call.inputs.size()));
  }
  internal::check_scan_inputs(call, program, steps);
  return internal::scan_outputs(program, steps);
}

void scan_gradient(Backward& b) {
  const ScanBody& body = body_of(b.attributes());
  const SharedProgram& shared = body.shared();
  SharedProgram::Mask needed(b.operands());
  for (std::size_t i = 0; i < needed.size(); ++i) needed[i] = b.needs(i);
  SharedProgram::Mask given = shared.program().floating_outputs();
  for (std::size_t i = 0; i < given.size(); ++i) given[i] = given[i] && b.has_dy(i);
  const std::shared_ptr<const StepGradient> held = shared.gradient(needed, given);
  const StepGradient& gradient = *held;
  if (!gradient.residuals.empty()) {
    b.call().fail("was run without what its gradient needs to be kept: no tape saw these inputs");
  }
  Tensors operands;
  for (const StepGradient::Source& source : gradient.sources) {
    switch (source.kind) {
      case StepGradient::Source::input:
        operands.push_back(b.x(source.index));
        break;
      case StepGradient::Source::output:
        operands.push_back(b.y(source.index));
        break;
      case StepGradient::Source::cotangent:
        operands.push_back(b.dy(source.index));
        break;
      default:
        operands.push_back(gradient.constants[source.index]);
    }
  }
  const Tensors results = run_scan(*gradient.program, operands, b.attributes().integer("steps"));
  for (std::size_t i = 0; i < b.operands(); ++i) {
    if (b.needs(i) && gradient.outputs[i] >= 0)
      b.dx(i) = results[static_cast<std::size_t>(gradient.outputs[i])];
  }
}

/// All that the gradient by everything that it may be asked for reads.
void scan_keeps(const Call& call, std::span<const Tensor>, std::span<bool> inputs, std::span<bool> outputs) {
  const ScanBody& body = body_of(call.attributes);
  std::ranges::fill(inputs, false);
  std::ranges::fill(outputs, false);
  const std::shared_ptr<const StepGradient> gradient =
      body.shared().gradient(body.needed(), body.shared().program().floating_outputs());
  for (const StepGradient::Source& source : gradient->sources) {
    if (source.kind == StepGradient::Source::input) inputs[source.index] = true;
    if (source.kind == StepGradient::Source::output) outputs[source.index] = true;
  }
}

void scan_kernel(const KernelCall& call) {
  body_of(call.attributes).shared().plan().run(call.inputs, call.outputs, call.attributes.integer("steps"));
}

/// Programs as examples: the carry c, a sequence x, a captured w.
std::vector<Example> scan_examples();

constexpr Operation scan_records[] = {
    {.name = "scan",
     .summary = "a step repeated over sequences, its carry handed on",
     .shape = scan_shape,
     .kernel = {.run = scan_kernel},
     .gradient = scan_gradient,
     .keep = keep::all_inputs | keep::all_outputs,
     .keep_rule = scan_keeps,
     .rows = rows::mixed,
     .fold = fold::impossible,
     .examples = scan_examples},
};
constexpr OperationTable scan_table(scan_records);

/// A step as it was taken down, and what it was given.
struct Traced {
  SharedProgram::Pointer program;
  Tensors operands;
  Index steps;
  std::size_t carries;
  std::size_t outputs;
  /// For each value of the last step the carry that is it.
  std::vector<std::size_t> last;
};

/// How a scan with recompute_every runs.
class InSegments : public CompiledScan {
 public:
  InSegments(SharedProgram::Pointer program, Index every) : program_(std::move(program)), every_(every) {}
  std::string plan(Index steps) const override { return program_->plan(steps, every_); }

 private:
  SharedProgram::Pointer program_;
  Index every_;
};

void check(const ScanOptions& options) {
  if (options.time_axis != 0 && options.time_axis != 1) {
    throw ValueError(fmt::format("scan: time_axis is 0 or 1, got {}", options.time_axis));
  }
  if (options.recompute_every < 0) {
    throw ValueError(fmt::format("scan: recompute_every is a number of steps, or 0 to keep all, got {}",
                                 options.recompute_every));
  }
}

Index count_steps(const std::vector<Tensor>& sequences, const ScanOptions& options) {
  Index steps = options.steps;
  for (const Tensor& sequence : sequences) {
    if (!sequence || sequence.rank() <= options.time_axis) {
      throw ValueError(fmt::format("scan: a sequence has time as its {} axis, got {}",
                                   options.time_axis == 0 ? "first" : "second",
                                   sequence ? describe(sequence) : "an empty tensor"));
    }
    const Index own = sequence.shape()[options.time_axis];
    if (steps >= 0 && own != steps) {
      throw ValueError(fmt::format("scan: the sequences have {} and {} steps", steps, own));
    }
    steps = own;
  }
  if (steps < 0) {
    throw ValueError(
        "scan: the number of steps is not known: give it sequences of a known length, or .steps");
  }
  return steps;
}

Traced trace(const ScanFunction& step, const std::vector<Tensor>& carry, const std::vector<Tensor>& sequences,
             const ScanOptions& options) {
  Traced traced{.program = nullptr,
                .operands = {},
                .steps = count_steps(sequences, options),
                .carries = 0,
                .outputs = 0,
                .last = {}};
  const auto recorder = std::make_shared<StepTrace>(traced.steps, options.reverse);
  std::vector<Tensor> states;
  std::vector<Tensor> inputs;
  for (const Tensor& state : carry) {
    if (!state) throw ValueError("scan: a carry is an empty tensor");
    states.push_back(recorder->carry({state.shape(), state.dtype()}));
    traced.operands.push_back(state);
  }
  for (const Tensor& sequence : sequences) {
    Shape shape = sequence.shape();
    shape.erase(options.time_axis);
    inputs.push_back(recorder->sequence({shape, sequence.dtype()}, options.time_axis));
  }
  ScanStep made;
  {
    const internal::TraceScope scope(recorder.get());
    made = step(states, inputs);
  }
  if (made.carry.size() != carry.size()) {
    throw ValueError(
        fmt::format("scan: the step takes {} carries and returned {}", carry.size(), made.carry.size()));
  }
  std::vector<StepProgram::Value> next;
  std::vector<StepProgram::Stacked> each;
  for (std::size_t i = 0; i < carry.size(); ++i) {
    const Tensor& own = made.carry[i];
    if (!own || !(own.shape() == carry[i].shape()) || own.dtype() != carry[i].dtype()) {
      throw ValueError(fmt::format("scan: carry {} is {}, but the step returned {} for it", i,
                                   describe(carry[i]), own ? describe(own) : "an empty tensor"));
    }
    next.push_back(recorder->value_of(own));
  }
  // What is wanted of the last step alone is a carry that no step reads.
  traced.carries = next.size();
  for (const Tensor& output : made.last) {
    if (!output) throw ValueError("scan: the step returned an empty tensor");
    const StepProgram::Value value = recorder->value_of(output);
    const auto same = std::ranges::find(next, value);
    traced.last.push_back(static_cast<std::size_t>(same - next.begin()));
    if (same != next.end()) continue;
    const Spec spec{output.shape(), output.dtype()};
    recorder->carry(spec);
    next.push_back(value);
    traced.operands.push_back(Tensor::zeros(spec.shape, spec.dtype));
  }
  for (const Tensor& output : made.outputs) {
    if (!output) throw ValueError("scan: the step returned an empty tensor");
    if (output.rank() < options.time_axis) {
      throw ValueError("scan: outputs with time as their second axis need a first one, got " +
                       describe(output) + " of a step");
    }
    each.push_back({recorder->value_of(output), options.time_axis});
  }
  for (const Tensor& sequence : sequences) traced.operands.push_back(sequence);
  for (const Tensor& keys : recorder->drawn()) traced.operands.push_back(keys);
  for (const Tensor& outside : recorder->captured()) traced.operands.push_back(outside);
  StepProgram program = recorder->finish();
  program.next = std::move(next);
  program.each = std::move(each);
  program.reverse = options.reverse;
  traced.outputs = program.each.size();
  traced.program = SharedProgram::of(without_dead(std::move(program)));
  return traced;
}

std::vector<Example> scan_examples() {
  const auto body = [](bool reverse, int time_axis) {
    const Tensor c = Tensor::zeros({2, 3}, float64);
    const Tensor x = Tensor::zeros(time_axis == 0 ? Shape{4, 2, 3} : Shape{2, 4, 3}, float64);
    const Tensor w = Tensor::zeros({3, 3}, float64);
    const auto traced = trace(
        [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs) {
          const Tensor next = tanh(matmul(carry[0], w) + inputs[0]);
          return ScanStep{{next}, {next * inputs[0]}};
        },
        {c}, {x}, {.reverse = reverse, .time_axis = time_axis});
    return std::shared_ptr<const Payload>(traced.program->body({true, true, true}));
  };
  std::vector<Example> examples;
  for (int time_axis : {0, 1}) {
    const Shape sequence = time_axis == 0 ? Shape{4, 2, 3} : Shape{2, 4, 3};
    for (bool reverse : {false, true}) {
      examples.push_back({{{.shape = {2, 3}}, {.shape = sequence}, {.shape = {3, 3}}},
                          {{"steps", Index{4}}, {"step", body(reverse, time_axis)}}});
    }
  }
  return examples;
}

}  // namespace

OperationList families::scan() { return scan_table; }

/// The outputs of the program alone, without what is kept for the gradient.
Tensors internal::run_scan(const SharedProgram& program, std::span<const Tensor> operands, Index steps) {
  const std::shared_ptr<const ScanBody> body = program.body(tracked(operands));
  const Tensors all = apply_all(scan_table["scan"], operands,
                                {{"steps", steps}, {"step", std::shared_ptr<const Payload>(body)}});
  const StepProgram& own = program.program();
  const std::size_t kept = body->shared().program().each.size() - own.each.size();
  Tensors outputs;
  for (std::size_t i = 0; i < own.outputs(); ++i) {
    outputs.push_back(all[i < own.next.size() + own.each.size() ? i : i + kept]);
  }
  return outputs;
}

ScanResult scan(const ScanFunction& step, const std::vector<Tensor>& carry,
                const std::vector<Tensor>& sequences, ScanOptions options) {
  check(options);
  Traced traced = trace(step, carry, sequences, options);
  const StepProgram& program = traced.program->program();
  const Tensors& operands = traced.operands;
  const SharedProgram::Mask asked = internal::tracked(operands);
  const bool segments = options.recompute_every > 0 && std::ranges::find(asked, true) != asked.end();
  const Tensors results =
      segments ? internal::run_segments(*traced.program, operands, traced.steps, options.recompute_every)
               : run_scan(*traced.program, operands, traced.steps);
  ScanResult result;
  for (std::size_t i = 0; i < traced.carries; ++i) result.carry.push_back(results[i]);
  for (std::size_t i = 0; i < traced.outputs; ++i) {
    result.outputs.push_back(results[program.next.size() + i]);
  }
  for (std::size_t k : traced.last) result.last.push_back(results[k]);
  result.compiled = traced.program;
  if (options.recompute_every > 0) {
    result.compiled = std::make_shared<const InSegments>(traced.program, options.recompute_every);
  }
  return result;
}

}  // namespace unspool
