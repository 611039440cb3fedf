#include <algorithm>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/scan/gradient.h>
#include <unspool/autograd/scan/operations.h>
#include <unspool/autograd/scan/plan.h>
#include <unspool/autograd/scan/recompute.h>
#include <unspool/autograd/scan/traced_scan.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

using namespace scan_compiler;
using Mask = SharedProgram::Mask;

/// The attributes of both operations. "step" is the body, "steps" the number of steps; "every", where there
/// is one, the steps of an interval between checkpoints.
class ScanCall {
 public:
  explicit ScanCall(const Attributes& attributes)
      : attributes_(attributes),
        body_(dynamic_cast<const ScanBody&>(*attributes.get<std::shared_ptr<const Payload>>("step"))) {}

  const ScanBody& body() const { return body_; }
  const SharedProgram& shared() const { return body_.shared(); }
  const Program& program() const { return shared().program(); }
  Index steps() const { return attributes_.integer("steps"); }
  bool recomputes() const { return attributes_.find("every") != nullptr; }
  Checkpoints checkpoints() const { return {shared(), steps(), attributes_.integer("every")}; }

  // Of the gradient with checkpoints: "given" are the outputs whose gradients are given, "needed" the inputs.

  Mask given() const { return mask("given", program().outputs()); }
  std::shared_ptr<const ScanBody> gradient_body() const {
    return shared().body(mask("needed", program().inputs()));
  }
  /// The inputs with respect to which there is a gradient, in the order of the operation's outputs.
  std::vector<std::size_t> results() const {
    const std::shared_ptr<const ScanBody> own = gradient_body();
    Mask by(given());
    by.resize(own->shared().program().outputs(), false);
    const std::shared_ptr<const Gradient> gradient = own->shared().gradient(own->needed(), by);
    std::vector<std::size_t> inputs;
    for (std::size_t i = 0; i < gradient->outputs.size(); ++i) {
      if (gradient->outputs[i] >= 0) inputs.push_back(i);
    }
    return inputs;
  }

  /// The spec of an input or output over all steps.
  Spec over_time(Value value, const Stacked* stacked) const {
    Spec spec = program().spec(value);
    if (stacked != nullptr) spec.shape.insert(stacked->time_axis, steps());
    return spec;
  }
  /// Throws through Call::fail unless the first operands are the program's inputs.
  void check_inputs(const Call& call) const {
    for (std::size_t i = 0; i < program().inputs(); ++i) {
      const Spec expected = over_time(program().input(i), program().stacked_input(i));
      if (!compatible(call.shape(i), expected.shape)) {
        call.fail(fmt::format("expected input {} of shape {}, got {}", i, to_string(expected.shape),
                              to_string(call.shape(i))));
      }
      if (call.dtype(i) != expected.dtype) {
        call.fail_type(fmt::format("expected input {} to be {}, got {}", i, name_of(expected.dtype),
                                   name_of(call.dtype(i))));
      }
    }
  }

 private:
  Mask mask(std::string_view name, std::size_t size) const {
    Mask mask(size, false);
    for (Index i : attributes_.integers(name)) mask[static_cast<std::size_t>(i)] = true;
    return mask;
  }

  const Attributes& attributes_;
  const ScanBody& body_;
};

Specs scan_shape(const Call& call) {
  const ScanCall own(call.attributes);
  const Program& program = own.program();
  if (call.inputs.size() != program.inputs()) {
    call.fail(fmt::format("expected {} inputs, got {}", program.inputs(), call.inputs.size()));
  }
  own.check_inputs(call);
  Specs specs;
  for (std::size_t i = 0; i < program.outputs(); ++i) {
    specs.push_back(own.over_time(program.output(i), program.stacked_output(i)));
  }
  if (own.recomputes()) specs.push_back(own.checkpoints().spec());
  return specs;
}

void scan_kernel(const KernelCall& call) {
  const ScanCall own(call.attributes);
  if (own.recomputes()) {
    own.checkpoints().forward(call.inputs, call.outputs);
  } else {
    own.shared().run(call.inputs, call.outputs, own.steps());
  }
}

/// All that the gradient with respect to everything that may be asked for reads; or the inputs and
/// checkpoints.
void scan_keeps(const Call& call, std::span<const Tensor>, std::span<bool> inputs, std::span<bool> outputs) {
  const ScanCall own(call.attributes);
  std::ranges::fill(inputs, own.recomputes());
  std::ranges::fill(outputs, false);
  if (own.recomputes()) {
    outputs.back() = true;
    return;
  }
  const std::shared_ptr<const Gradient> gradient =
      own.shared().gradient(own.body().needed(), own.program().floating_outputs());
  for (const Gradient::Source& source : gradient->sources) {
    if (source.kind == Gradient::Source::input) inputs[source.index] = true;
    if (source.kind == Gradient::Source::output) outputs[source.index] = true;
  }
}

/// By a scan in the other direction.
void gradient_from_residuals(Backward& b, const ScanCall& own) {
  Mask needed(b.operands());
  for (std::size_t i = 0; i < needed.size(); ++i) needed[i] = b.needs(i);
  Mask given = own.program().floating_outputs();
  for (std::size_t i = 0; i < given.size(); ++i) given[i] = given[i] && b.has_dy(i);
  const std::shared_ptr<const Gradient> held = own.shared().gradient(needed, given);
  const Gradient& gradient = *held;
  if (!gradient.residuals.empty()) {
    b.call().fail("no gradient with respect to these inputs: no tape watched them when the scan was run");
  }
  Tensors operands;
  for (const Gradient::Source& source : gradient.sources) {
    switch (source.kind) {
      case Gradient::Source::input:
        operands.push_back(b.x(source.index));
        break;
      case Gradient::Source::output:
        operands.push_back(b.y(source.index));
        break;
      case Gradient::Source::cotangent:
        operands.push_back(b.dy(source.index));
        break;
      default:
        operands.push_back(gradient.constants[source.index]);
    }
  }
  const Tensors results = run_scan(*gradient.program, operands, own.steps());
  for (std::size_t i = 0; i < b.operands(); ++i) {
    if (b.needs(i) && gradient.outputs[i] >= 0)
      b.dx(i) = results[static_cast<std::size_t>(gradient.outputs[i])];
  }
}

void gradient_from_checkpoints(Backward& b);

void scan_gradient(Backward& b) {
  const ScanCall own(b.attributes());
  own.recomputes() ? gradient_from_checkpoints(b) : gradient_from_residuals(b, own);
}

Specs checkpoint_gradient_shape(const Call& call) {
  const ScanCall own(call.attributes);
  own.check_inputs(call);
  Specs specs;
  for (std::size_t i : own.results()) {
    specs.push_back(own.over_time(own.program().input(i), own.program().stacked_input(i)));
  }
  return specs;
}

void checkpoint_gradient_kernel(const KernelCall& call) {
  const ScanCall own(call.attributes);
  own.checkpoints().backward(*own.gradient_body(), own.given(), call.inputs, call.outputs);
}

/// All but the checkpoints, which follow from the rest.
void checkpoint_gradient_keeps(const Call& call, std::span<const Tensor>, std::span<bool> inputs,
                               std::span<bool> outputs) {
  const std::size_t checkpoints = ScanCall(call.attributes).program().inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = i != checkpoints;
  std::ranges::fill(outputs, false);
}

/// While it exists, tapes of its own scope record, even where recording is switched off for those around.
class Recording {
 public:
  Recording() : tape_(engine().tape), recording_(engine().recording) {
    if (!recording_) engine().tape = nullptr;
    engine().recording = true;
  }
  ~Recording() {
    engine().tape = tape_;
    engine().recording = recording_;
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

 private:
  static Engine& engine() { return Engine::of_this_thread(); }
  class TapeState* tape_;
  bool recording_;
};

/// The second order recomputes nothing: it is that of the gradient by one scan over all steps.
void checkpoint_gradient_gradient(Backward& b) {
  const ScanCall own(b.attributes());
  const std::size_t inputs = own.program().inputs();
  const std::vector<std::size_t> results = own.results();
  const Recording recording;
  GradientTape outer;
  for (std::size_t i = 0; i < b.operands(); ++i) {
    if (is_floating(b.x(i).dtype())) outer.watch(b.x(i));
  }
  Tensor total;
  const auto add = [&](Tensor& sum, const Tensor& part) { sum = sum ? sum + part : part; };
  {
    GradientTape inner;
    std::vector<Source> sources;
    for (std::size_t i : results) {
      inner.watch(b.x(i));
      sources.emplace_back(b.x(i));
    }
    Tensors operands;
    for (std::size_t i = 0; i < inputs; ++i) operands.push_back(b.x(i));
    const Tensors outputs = run_scan(own.shared(), operands, own.steps());
    Tensor target;
    std::size_t cotangent = inputs + 1;
    const Mask given = own.given();
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!given[i]) continue;
      add(target, sum(outputs[i] * b.x(cotangent++)));
    }
    const std::vector<Tensor> gradients = inner.gradient(target, sources);
    for (std::size_t r = 0; r < results.size(); ++r) {
      if (gradients[r] && b.has_dy(r)) add(total, sum(gradients[r] * b.dy(r)));
    }
  }
  if (!total || !outer.recorded(total)) return;
  std::vector<Source> sources;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < b.operands(); ++i) {
    if (!b.needs(i)) continue;
    sources.emplace_back(b.x(i));
    places.push_back(i);
  }
  const std::vector<Tensor> second = outer.gradient(total, sources);
  for (std::size_t i = 0; i < places.size(); ++i) b.dx(places[i]) = second[i];
}

std::vector<Example> scan_examples();
std::vector<Example> checkpoint_gradient_examples();

constexpr Operation scan_records[] = {
    {.name = "scan",
     .summary = "a step repeated over sequences, its carry handed from step to step",
     .shape = scan_shape,
     .kernel = {.run = scan_kernel},
     .gradient = scan_gradient,
     .keep = keep::all_inputs | keep::all_outputs,
     .keep_rule = scan_keeps,
     .rows = rows::mixed,
     .examples = scan_examples},
    {.name = "scan_checkpoint_gradient",
     .summary = "the gradient of a scan with checkpoints: each interval forward again, then backward",
     .shape = checkpoint_gradient_shape,
     .kernel = {.run = checkpoint_gradient_kernel},
     .gradient = checkpoint_gradient_gradient,
     .keep = keep::all_inputs,
     .keep_rule = checkpoint_gradient_keeps,
     .rows = rows::mixed,
     .examples = checkpoint_gradient_examples},
};
constexpr OperationTable scan_table(scan_records);

void gradient_from_checkpoints(Backward& b) {
  Tensors operands;
  std::vector<Index> needed;
  std::vector<Index> given;
  for (std::size_t i = 0; i < b.operands(); ++i) {
    operands.push_back(b.x(i));
    if (b.needs(i)) needed.push_back(static_cast<Index>(i));
  }
  operands.push_back(b.y(b.outputs() - 1));
  for (std::size_t i = 0; i + 1 < b.outputs(); ++i) {
    if (!b.has_dy(i)) continue;
    operands.push_back(b.dy(i));
    given.push_back(static_cast<Index>(i));
  }
  const Attributes attributes = b.attributes().with("needed", needed).with("given", given);
  const std::vector<std::size_t> results = ScanCall(attributes).results();
  if (results.empty()) return;
  const Tensors gradients = apply_all(scan_table["scan_checkpoint_gradient"], operands, attributes);
  for (std::size_t r = 0; r < results.size(); ++r) b.dx(results[r]) = gradients[r];
}

Attributes attributes_of(const SharedProgram& program, const Mask& needed, Index steps, Index every) {
  const Attributes attributes{{"steps", steps},
                              {"step", std::shared_ptr<const Payload>(program.body(needed))}};
  return every > 0 ? attributes.with("every", every) : attributes;
}

// Examples: a carry c, a sequence x and a captured w.

using ExampleStep = ScanStep (*)(const Tensor& c, const Tensor& x, const Tensor& w);

ScanStep curved(const Tensor& c, const Tensor& x, const Tensor& w) {
  const Tensor next = tanh(matmul(c, w) + x);
  return {{next}, {next * x}};
}
ScanStep straight(const Tensor& c, const Tensor& x, const Tensor& w) {
  const Tensor next = c + matmul(x, w);
  return {{next}, {next + x}};
}

struct ExampleProgram {
  int time_axis;
  bool reverse;
  SharedProgram::Pointer program;
};

/// For both axes of time and both directions.
std::vector<ExampleProgram> example_programs(ExampleStep step) {
  std::vector<ExampleProgram> programs;
  const Tensor w = Tensor::zeros({3, 3}, float64);
  for (int time_axis : {0, 1}) {
    const Tensor x = Tensor::zeros(time_axis == 0 ? Shape{4, 2, 3} : Shape{2, 4, 3}, float64);
    for (bool reverse : {false, true}) {
      const auto call = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs) {
        return step(carry[0], inputs[0], w);
      };
      const TracedScan traced = trace_scan(call, {Tensor::zeros({2, 3}, float64)}, {x},
                                           {.reverse = reverse, .time_axis = time_axis});
      programs.push_back({time_axis, reverse, traced.program});
    }
  }
  return programs;
}

Operand example_sequence(int time_axis) {
  return {.shape = time_axis == 0 ? Shape{4, 2, 3} : Shape{2, 4, 3}};
}

std::vector<Example> scan_examples() {
  std::vector<Example> examples;
  for (const auto& [time_axis, reverse, program] : example_programs(curved)) {
    for (const Index every : {0, 1, 3, 9}) {
      const Mask needed(3, every == 0);
      examples.push_back({{{.shape = {2, 3}}, example_sequence(time_axis), {.shape = {3, 3}}},
                          attributes_of(*program, needed, 4, every)});
    }
  }
  return examples;
}

/// The checkpoints of an example are random words, so there is one interval, or a gradient that does not
/// depend on the carry.
std::vector<Example> checkpoint_gradient_examples() {
  std::vector<Example> examples;
  for (const bool cut : {false, true}) {
    for (const auto& [time_axis, reverse, program] : example_programs(cut ? straight : curved)) {
      const Attributes attributes = attributes_of(*program, Mask(3, false), 4, cut ? 3 : 4);
      examples.push_back(
          {{{.shape = {2, 3}},
            example_sequence(time_axis),
            {.shape = {3, 3}},
            {.shape = {cut ? 1 : 0, 6}, .dtype = int64},
            {.shape = {2, 3}},
            example_sequence(time_axis)},
           attributes.with("needed", std::vector<Index>{0, 1, 2}).with("given", std::vector<Index>{0, 1})});
    }
  }
  return examples;
}

}  // namespace

OperationList families::scan() { return scan_table; }

SharedProgram::Mask scan_compiler::tracked(std::span<const Tensor> operands) {
  Mask mask(operands.size(), false);
  // Nobody asks for a gradient where only shapes are inferred.
  const bool traced =
      std::ranges::any_of(operands, [](const Tensor& x) { return x.is_abstract() && !is_inferred(x); });
  const Engine& engine = Engine::of_this_thread();
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!is_floating(operands[i].dtype())) continue;
    // What a trace will be differentiated with respect to is not known yet.
    bool is_tracked = traced;
    for (TapeState* tape = engine.records() ? engine.tape : nullptr; tape != nullptr && !is_tracked;
         tape = tape->outer()) {
      is_tracked = tape->recorded(operands[i]);
    }
    if (is_tracked) mask[i] = true;
  }
  return mask;
}

Tensors scan_compiler::run_scan(const SharedProgram& program, std::span<const Tensor> operands, Index steps,
                                Index every) {
  const Mask needed = every > 0 ? Mask(operands.size(), false) : tracked(operands);
  const Attributes attributes = attributes_of(program, needed, steps, every);
  const Tensors all = apply_all(scan_table["scan"], operands, attributes);
  const Program& own = program.program();
  // Behind the program's own stacked outputs stand the residuals, behind all outputs the checkpoints.
  const std::size_t residuals =
      ScanCall(attributes).program().stacked_outputs.size() - own.stacked_outputs.size();
  Tensors outputs;
  for (std::size_t i = 0; i < own.outputs(); ++i) {
    outputs.push_back(all[i < own.next_carry.size() + own.stacked_outputs.size() ? i : i + residuals]);
  }
  return outputs;
}

}  // namespace unspool
