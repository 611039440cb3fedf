#include <algorithm>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/scan.h>
#include <unspool/autograd/scan/traced_scan.h>
#include <unspool/autograd/shaping.h>

namespace unspool {
namespace {

using namespace scan_compiler;

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
  return run_traced(trace_scan(step, carry, sequences, options), options.recompute_every);
}

}  // namespace unspool
