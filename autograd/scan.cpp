#include <algorithm>

#include <unspool/autograd/scan.h>
#include <unspool/autograd/scan/operations.h>
#include <unspool/autograd/scan/traced_scan.h>

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

 private:
  SharedProgram::Pointer program_;
  Index every_;
};

}  // namespace

ScanResult scan(const ScanFunction& step, const std::vector<Tensor>& carry,
                const std::vector<Tensor>& sequences, ScanOptions options) {
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
