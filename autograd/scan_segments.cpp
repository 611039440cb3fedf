#include <algorithm>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/families.h>
#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/internal/scan_operations.h>
#include <unspool/autograd/internal/scan_segments.h>
#include <unspool/autograd/internal/step_gradient.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/scan.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

using internal::ScanBody;
using internal::ScanSegments;
using internal::SharedProgram;
using internal::StepGradient;
using internal::StepProgram;

/// What the attributes of both operations say. They share the program without what is kept for its gradient.
class Segmented {
 public:
  explicit Segmented(const Attributes& attributes)
      : attributes_(attributes),
        shared_(
            dynamic_cast<const ScanBody&>(*attributes.get<std::shared_ptr<const Payload>>("step")).shared()),
        steps_(attributes.integer("steps")) {}

  const SharedProgram& shared() const { return shared_; }
  const StepProgram& program() const { return shared_.program(); }
  Index steps() const { return steps_; }
  ScanSegments segments() const { return {shared_, steps_, attributes_.integer("every")}; }

  // Of the gradient: from the gradients by some outputs those by some inputs.
  SharedProgram::Mask given() const { return mask("given", program().outputs()); }
  std::shared_ptr<const ScanBody> body() const { return shared_.body(mask("needed", program().inputs())); }
  /// The inputs by which there is one, in the order in which the operation gives them.
  std::vector<std::size_t> results() const {
    const std::shared_ptr<const ScanBody> own = body();
    SharedProgram::Mask by(given());
    by.resize(own->shared().program().outputs(), false);
    const std::shared_ptr<const StepGradient> gradient = own->shared().gradient(own->needed(), by);
    std::vector<std::size_t> inputs;
    for (std::size_t i = 0; i < gradient->outputs.size(); ++i) {
      if (gradient->outputs[i] >= 0) inputs.push_back(i);
    }
    return inputs;
  }

 private:
  SharedProgram::Mask mask(std::string_view name, std::size_t size) const {
    SharedProgram::Mask mask(size, false);
    for (Index i : attributes_.integers(name)) mask[static_cast<std::size_t>(i)] = true;
    return mask;
  }

  const Attributes& attributes_;
  const SharedProgram& shared_;
  Index steps_;
};

Specs forward_shape(const Call& call) {
  const Segmented own(call.attributes);
  internal::check_scan_inputs(call, own.program(), own.steps());
  Specs specs = internal::scan_outputs(own.program(), own.steps());
  specs.push_back({own.segments().kept(), int64});
  return specs;
}

void forward_kernel(const KernelCall& call) {
  Segmented(call.attributes).segments().forward(call.inputs, call.outputs);
}

/// The carries between segments are the last output.
void forward_keeps(const Call&, std::span<const Tensor> outputs, std::span<bool> inputs_kept,
                   std::span<bool> outputs_kept) {
  std::ranges::fill(inputs_kept, true);
  for (std::size_t i = 0; i < outputs.size(); ++i) outputs_kept[i] = i + 1 == outputs.size();
}

void forward_gradient(Backward& b);

Specs backward_shape(const Call& call) {
  const Segmented own(call.attributes);
  internal::check_scan_inputs(call, own.program(), own.steps());
  Specs specs;
  for (std::size_t i : own.results()) {
    specs.push_back(own.program().spec(own.program().input(i)));
    if (const StepProgram::Stacked* const sequence = own.program().stacked_input(i)) {
      specs.back().shape = internal::over_time(specs.back().shape, own.steps(), sequence->time_axis);
    }
  }
  return specs;
}

void backward_kernel(const KernelCall& call) {
  const Segmented own(call.attributes);
  own.segments().backward(*own.body(), own.given(), call.inputs, call.outputs);
}

/// All but the carries between segments, which follow from the rest.
void backward_keeps(const Call& call, std::span<const Tensor>, std::span<bool> inputs_kept,
                    std::span<bool> outputs_kept) {
  const std::size_t carries_between = Segmented(call.attributes).program().inputs();
  for (std::size_t i = 0; i < inputs_kept.size(); ++i) inputs_kept[i] = i != carries_between;
  std::ranges::fill(outputs_kept, false);
}

/// Tapes of one's own record while it lives, also where recording is switched off for those around.
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

/// The derivative of the same gradient by one scan over all steps: the second order recomputes nothing.
void backward_gradient(Backward& b) {
  const Segmented own(b.attributes());
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
    const Tensors outputs = internal::run_scan(own.shared(), operands, own.steps());
    Tensor target;
    std::size_t cotangent = inputs + 1;
    const SharedProgram::Mask given = own.given();
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

std::vector<Example> forward_examples();
std::vector<Example> backward_examples();

constexpr Operation scan_segments_records[] = {
    {.name = "scan_segments",
     .summary = "a scan of which only the inputs and the carries at every so many steps are kept",
     .shape = forward_shape,
     .kernel = {.run = forward_kernel},
     .gradient = forward_gradient,
     .keep = keep::all_inputs | keep::all_outputs,
     .keep_rule = forward_keeps,
     .rows = rows::mixed,
     .fold = fold::impossible,
     .examples = forward_examples},
    {.name = "scan_segments_gradient",
     .summary = "the gradient of scan_segments: each segment forward again, then backward",
     .shape = backward_shape,
     .kernel = {.run = backward_kernel},
     .gradient = backward_gradient,
     .keep = keep::all_inputs,
     .keep_rule = backward_keeps,
     .rows = rows::mixed,
     .fold = fold::impossible,
     .examples = backward_examples},
};
constexpr OperationTable scan_segments_table(scan_segments_records);

void forward_gradient(Backward& b) {
  const Segmented own(b.attributes());
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
  const std::vector<std::size_t> results = Segmented(attributes).results();
  if (results.empty()) return;
  const Tensors gradients = apply_all(scan_segments_table["scan_segments_gradient"], operands, attributes);
  for (std::size_t r = 0; r < results.size(); ++r) b.dx(results[r]) = gradients[r];
}

Attributes attributes_of(const SharedProgram& program, Index steps, Index every) {
  // Nothing is needed of its gradient: the program as it is.
  const std::shared_ptr<const ScanBody> body =
      program.body(SharedProgram::Mask(program.program().inputs(), false));
  return {{"steps", steps}, {"every", every}, {"step", std::shared_ptr<const Payload>(body)}};
}

/// A program of the carry c, a sequence x and a captured w.
using ExampleStep = ScanStep (*)(const Tensor& c, const Tensor& x, const Tensor& w);

Shape sequence_of(int time_axis) { return time_axis == 0 ? Shape{4, 2, 3} : Shape{2, 4, 3}; }

Attributes example(ExampleStep step, bool reverse, Index every, int time_axis) {
  const Tensor w = Tensor::zeros({3, 3}, float64);
  const ScanResult result =
      scan([&](const std::vector<Tensor>& carry,
               const std::vector<Tensor>& inputs) { return step(carry[0], inputs[0], w); },
           {Tensor::zeros({2, 3}, float64)}, {Tensor::zeros(sequence_of(time_axis), float64)},
           {.reverse = reverse, .time_axis = time_axis});
  return attributes_of(dynamic_cast<const SharedProgram&>(*result.compiled), 4, every);
}

ScanStep curved(const Tensor& c, const Tensor& x, const Tensor& w) {
  const Tensor next = tanh(matmul(c, w) + x);
  return {{next}, {next * x}};
}

std::vector<Example> forward_examples() {
  std::vector<Example> examples;
  for (int time_axis : {0, 1}) {
    const Shape sequence = sequence_of(time_axis);
    for (bool reverse : {false, true}) {
      for (Index every : {1, 3, 9}) {
        examples.push_back({{{.shape = {2, 3}}, {.shape = sequence}, {.shape = {3, 3}}},
                            example(curved, reverse, every, time_axis)});
      }
    }
  }
  return examples;
}

/// What is kept between segments are random words here, so there is one segment, or a gradient that the carry
/// is nothing to.
std::vector<Example> backward_examples() {
  const auto straight = [](const Tensor& c, const Tensor& x, const Tensor& w) {
    const Tensor next = c + matmul(x, w);
    return ScanStep{{next}, {next + x}};
  };
  std::vector<Example> examples;
  for (int time_axis : {0, 1}) {
    const Shape sequence = sequence_of(time_axis);
    for (bool reverse : {false, true}) {
      for (bool cut : {false, true}) {
        const Attributes attributes =
            cut ? example(straight, reverse, 3, time_axis) : example(curved, reverse, 4, time_axis);
        const Index kept = cut ? 1 : 0;
        examples.push_back(
            {{{.shape = {2, 3}},
              {.shape = sequence},
              {.shape = {3, 3}},
              {.shape = {kept, 6}, .dtype = int64},
              {.shape = {2, 3}},
              {.shape = sequence}},
             attributes.with("needed", std::vector<Index>{0, 1, 2}).with("given", std::vector<Index>{0, 1})});
      }
    }
  }
  return examples;
}

}  // namespace

OperationList families::scan_segments() { return scan_segments_table; }

Tensors internal::run_segments(const SharedProgram& program, std::span<const Tensor> operands, Index steps,
                               Index every) {
  Tensors outputs =
      apply_all(scan_segments_table["scan_segments"], operands, attributes_of(program, steps, every));
  outputs.resize(outputs.size() - 1);
  return outputs;
}

}  // namespace unspool
