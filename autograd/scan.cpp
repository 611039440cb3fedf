#include <algorithm>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/scan.h>
#include <unspool/autograd/scan/operations.h>
#include <unspool/autograd/scan/traced_scan.h>
#include <unspool/autograd/shaping.h>

namespace unspool {
namespace {

using namespace scan_compiler;

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

/// Whether a tape is to show each step.
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

/// The steps one after the other, each operation by itself.
ScanResult run_steps(const ScanFunction& step, std::vector<Tensor> carry,
                     const std::vector<Tensor>& sequences, const ScanOptions& options, Index steps) {
  std::vector<std::vector<Tensor>> elements;
  for (const Tensor& sequence : sequences) elements.push_back(unstack(sequence, options.time_axis));
  ScanResult result;
  std::vector<std::vector<Tensor>> outputs;
  for (Index i = 0; i < steps; ++i) {
    const Index t = options.reverse ? steps - 1 - i : i;
    const TimeStep time(t);
    std::vector<Tensor> inputs;
    for (const auto& sequence : elements) inputs.push_back(sequence[static_cast<std::size_t>(t)]);
    ScanStep made = step(carry, inputs);
    check_carry(carry, made);
    carry = std::move(made.carry);
    outputs.resize(made.outputs.size());
    for (std::size_t e = 0; e < outputs.size(); ++e) outputs[e].push_back(std::move(made.outputs[e]));
    result.last = std::move(made.last);
  }
  for (std::vector<Tensor>& output : outputs) {
    if (options.reverse) std::ranges::reverse(output);
    result.outputs.push_back(stack(output, options.time_axis));
  }
  result.carry = std::move(carry);
  return result;
}

}  // namespace

ScanResult scan(const ScanFunction& step, const std::vector<Tensor>& carry,
                const std::vector<Tensor>& sequences, ScanOptions options) {
  if (shows_steps(carry, sequences)) {
    const Index steps = checked_steps(carry, sequences, options);
    if (steps > 0) return run_steps(step, carry, sequences, options, steps);
  }
  const TracedScan traced = trace_scan(step, carry, sequences, options);
  const Program& program = traced.program->program();
  const bool recorded = std::ranges::count(tracked(traced.operands), true) != 0;
  const Tensors results =
      run_scan(*traced.program, traced.operands, traced.steps, recorded ? options.recompute_every : 0);
  ScanResult result;
  for (std::size_t i = 0; i < traced.carries; ++i) result.carry.push_back(results[i]);
  for (std::size_t i = 0; i < traced.outputs; ++i) {
    result.outputs.push_back(results[program.next_carry.size() + i]);
  }
  for (std::size_t k : traced.last) result.last.push_back(results[k]);
  result.compiled = traced.program;
  if (options.recompute_every > 0) {
    result.compiled = std::make_shared<const RecomputedScan>(traced.program, options.recompute_every);
  }
  return result;
}

}  // namespace unspool
