#include <algorithm>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/scan/operations.h>
#include <unspool/autograd/scan/trace.h>
#include <unspool/autograd/scan/traced_scan.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool::scan_compiler {
namespace {

/// The compiled scan of a run that recomputes.
class RecomputedScan : public CompiledScan {
 public:
  RecomputedScan(SharedProgram::Pointer program, Index every) : program_(std::move(program)), every_(every) {}
  std::string plan(Index steps, PlanOptions options) const override {
    return program_->plan(steps, every_, options);
  }
  std::string to_dot(ScanPicture picture) const override { return program_->to_dot(picture); }

 private:
  SharedProgram::Pointer program_;
  Index every_;
};

void check(const ScanOptions& options) {
  if (options.time_axis != 0 && options.time_axis != 1) {
    throw ValueError(fmt::format("scan: expected a time_axis of 0 or 1, got {}", options.time_axis));
  }
  if (options.recompute_every < 0) {
    throw ValueError(fmt::format(
        "scan: recompute_every is a number of steps, or 0 to keep all; expected at least 0, got {}",
        options.recompute_every));
  }
}

Index count_steps(const std::vector<Tensor>& sequences, const ScanOptions& options) {
  Index steps = options.steps;
  for (const Tensor& sequence : sequences) {
    if (!sequence || sequence.rank() <= options.time_axis) {
      throw ValueError(fmt::format("scan: expected a sequence whose {} axis is time, got {}",
                                   options.time_axis == 0 ? "first" : "second",
                                   sequence ? describe(sequence) : "an empty tensor"));
    }
    const Index own = sequence.shape()[options.time_axis];
    if (own == unknown) continue;
    if (steps >= 0 && own != steps) {
      throw ValueError(fmt::format("scan: the sequences have {} and {} steps", steps, own));
    }
    steps = own;
  }
  // Where only shapes are inferred, time may be unknown, too.
  const bool inferred = std::ranges::any_of(sequences, [](const Tensor& x) { return is_inferred(x); });
  if (steps < 0 && !inferred) {
    throw ValueError(
        "scan: the number of steps is not known: pass sequences of a known length, or set .steps");
  }
  return steps;
}

}  // namespace

Index checked_steps(const std::vector<Tensor>& carry, const std::vector<Tensor>& sequences,
                    const ScanOptions& options) {
  check(options);
  for (const Tensor& state : carry) {
    if (!state) throw ValueError("scan: a carry is an empty tensor");
  }
  return count_steps(sequences, options);
}

void check_carry(const std::vector<Tensor>& carry, const ScanStep& made) {
  if (made.carry.size() != carry.size()) {
    throw ValueError(
        fmt::format("scan: the step takes {} carries and returned {}", carry.size(), made.carry.size()));
  }
  for (std::size_t i = 0; i < carry.size(); ++i) {
    const Tensor& own = made.carry[i];
    if (own && own.shape() == carry[i].shape() && own.dtype() == carry[i].dtype()) continue;
    throw ValueError(fmt::format("scan: carry {} is {}, but the step returned {} for it", i,
                                 describe(carry[i]), own ? describe(own) : "an empty tensor"));
  }
}

TracedScan trace_scan(const ScanFunction& step, const std::vector<Tensor>& carry,
                      const std::vector<Tensor>& sequences, const ScanOptions& options) {
  TracedScan traced{.program = nullptr,
                    .operands = {},
                    .steps = checked_steps(carry, sequences, options),
                    .carries = 0,
                    .outputs = 0,
                    .last = {}};
  const auto recorder = std::make_shared<Trace>(traced.steps, options.reverse);
  std::vector<Tensor> states;
  std::vector<Tensor> inputs;
  for (const Tensor& state : carry) {
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
    const TraceScope scope(recorder.get());
    made = step(states, inputs);
  }
  check_carry(carry, made);
  std::vector<Value> next;
  std::vector<Stacked> stacked;
  for (const Tensor& own : made.carry) next.push_back(recorder->value_of(own));
  // An output of the last step alone is a carry that no step reads.
  traced.carries = next.size();
  for (const Tensor& output : made.last) {
    if (!output) throw ValueError("scan: the step returned an empty tensor");
    const Value value = recorder->value_of(output);
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
      throw ValueError("scan: with time_axis = 1 an output of a step needs a first axis, got " +
                       describe(output));
    }
    stacked.push_back({recorder->value_of(output), options.time_axis});
  }
  for (const Tensor& sequence : sequences) traced.operands.push_back(sequence);
  for (const Tensor& keys : recorder->drawn()) traced.operands.push_back(keys);
  for (const Tensor& outside : recorder->captured()) traced.operands.push_back(outside);
  Program program = recorder->finish();
  traced.outputs = stacked.size();
  program.next_carry = std::move(next);
  program.stacked_outputs = std::move(stacked);
  program.reverse = options.reverse;
  program.tuning = options.tuning;
  traced.program = SharedProgram::of(eliminate_dead_code(std::move(program)));
  return traced;
}

bool shows_steps(std::span<const Tensor> carry, std::span<const Tensor> sequences) {
  const auto abstract = [](const Tensor& tensor) { return tensor && tensor.is_abstract(); };
  if (std::ranges::any_of(carry, abstract) || std::ranges::any_of(sequences, abstract)) return false;
  const Engine& engine = Engine::of_this_thread();
  if (!engine.records()) return false;
  for (TapeState* tape = engine.tape; tape != nullptr; tape = tape->outer()) {
    if (tape->keeps_all()) return true;
  }
  return false;
}

ScanResult run_traced(const TracedScan& traced, Index recompute_every) {
  const Program& program = traced.program->program();
  const bool recomputes = recompute_every > 0 && std::ranges::count(tracked(traced.operands), true) != 0;
  const Tensors results =
      run_scan(*traced.program, traced.operands, traced.steps, recomputes ? recompute_every : 0);
  ScanResult result;
  for (std::size_t i = 0; i < traced.carries; ++i) result.carry.push_back(results[i]);
  for (std::size_t i = 0; i < traced.outputs; ++i) {
    result.outputs.push_back(results[program.next_carry.size() + i]);
  }
  for (std::size_t k : traced.last) result.last.push_back(results[k]);
  result.compiled = traced.program;
  if (recompute_every > 0) {
    result.compiled = std::make_shared<const RecomputedScan>(traced.program, recompute_every);
  }
  return result;
}

}  // namespace unspool::scan_compiler
