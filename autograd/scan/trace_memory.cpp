#include <algorithm>
#include <utility>

#include <unspool/autograd/scan/trace_memory.h>
#include <unspool/autograd/tape.h>

namespace unspool::scan_compiler {
namespace {

// Batches of a few sizes, in training and in inference.
constexpr std::size_t most_kept = 8;

Spec spec_of(const Tensor& tensor) { return {tensor.shape(), tensor.dtype()}; }

Spec step_spec(const Tensor& sequence, int time_axis) {
  Spec spec = spec_of(sequence);
  spec.shape.erase(time_axis);
  return spec;
}

bool is_abstract(const Tensor& tensor) { return !tensor || tensor.is_abstract(); }

}  // namespace

bool TraceMemory::fits(const Kept& kept, const Call& call) {
  return kept.training == call.training &&
         std::ranges::equal(kept.variables, call.variables,
                            [](const Variable& a, const Variable& b) { return a.key() == b.key(); }) &&
         std::ranges::equal(kept.carry, call.carry, {}, {}, spec_of) &&
         std::ranges::equal(kept.sequences, call.sequences, {}, {},
                            [&](const Tensor& sequence) { return step_spec(sequence, call.time_axis); });
}

std::optional<TracedScan> TraceMemory::recall(const Call& call) const {
  if (std::ranges::any_of(call.carry, is_abstract) || std::ranges::any_of(call.sequences, is_abstract) ||
      call.sequences.empty() || shows_steps(call.carry, call.sequences)) {
    return std::nullopt;
  }
  const std::lock_guard lock(mutex_);
  const auto kept = std::ranges::find_if(kept_, [&](const Kept& one) { return fits(one, call); });
  if (kept == kept_.end()) return std::nullopt;
  TracedScan traced{.program = kept->program,
                    .operands = {},
                    .steps = call.sequences.front().shape()[call.time_axis],
                    .carries = kept->carries,
                    .outputs = kept->outputs,
                    .last = kept->last};
  for (const Tensor& state : call.carry) traced.operands.push_back(state);
  for (const Tensor& zeros : kept->unread) traced.operands.push_back(zeros);
  for (const Tensor& sequence : call.sequences) traced.operands.push_back(sequence);
  for (const Kept::Captured& own : kept->captured) {
    traced.operands.push_back(own.variable ? call.variables[*own.variable].value() : own.literal);
  }
  return traced;
}

ScanResult TraceMemory::trace_and_run(const Call& call, const ScanFunction& step,
                                      const ScanOptions& options) {
  if (shows_steps(call.carry, call.sequences)) return scan(step, call.carry, call.sequences, options);
  const TracedScan traced = trace_scan(step, call.carry, call.sequences, options);
  keep(call, traced);
  return run_traced(traced, options.recompute_every);
}

std::optional<std::vector<TraceMemory::Kept::Captured>> TraceMemory::captured_by(
    const TracedScan& traced, const std::vector<Variable>& variables) {
  const NoGradient guard;
  std::vector<Kept::Captured> all;
  const Program& program = traced.program->program();
  for (std::size_t i = program.carries.size() + program.sequences.size(); i < traced.operands.size(); ++i) {
    const Tensor& outside = traced.operands[i];
    if (internal::TensorAccess::head(outside)->literal) {
      all.push_back({std::nullopt, outside});
      continue;
    }
    const auto variable = std::ranges::find_if(
        variables, [&](const Variable& one) { return one.value().id() == outside.id(); });
    if (variable == variables.end()) return std::nullopt;
    all.push_back({static_cast<std::size_t>(variable - variables.begin()), {}});
  }
  return all;
}

void TraceMemory::keep(const Call& call, const TracedScan& traced) {
  const Program& program = traced.program->program();
  if (std::ranges::any_of(traced.operands, is_abstract) ||
      program.sequences.size() != call.sequences.size()) {
    return;
  }
  std::optional<std::vector<Kept::Captured>> captured = captured_by(traced, call.variables);
  if (!captured) return;
  Kept kept{.carry = {},
            .sequences = {},
            .training = call.training,
            .variables = call.variables,
            .program = traced.program,
            .carries = traced.carries,
            .outputs = traced.outputs,
            .last = traced.last,
            .unread = {},
            .captured = std::move(*captured)};
  for (const Tensor& state : call.carry) kept.carry.push_back(spec_of(state));
  for (const Tensor& sequence : call.sequences) {
    kept.sequences.push_back(step_spec(sequence, call.time_axis));
  }
  for (std::size_t i = call.carry.size(); i < program.carries.size(); ++i) {
    kept.unread.push_back(traced.operands[i]);
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(kept_, [&](const Kept& one) { return fits(one, call); });
  if (kept_.size() == most_kept) kept_.erase(kept_.begin());
  kept_.push_back(std::move(kept));
}

}  // namespace unspool::scan_compiler
