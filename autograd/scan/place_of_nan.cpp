#include <algorithm>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/scan/shared_program.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/views.h>
#include <unspool/core/internal/format.h>

namespace unspool::scan_compiler {
namespace {

/// While it exists, this thread neither records nor looks for NaN.
class Unobserved {
 public:
  Unobserved() { Engine::of_this_thread().anomaly = false; }
  ~Unobserved() { Engine::of_this_thread().anomaly = outer_; }
  Unobserved(const Unobserved&) = delete;
  Unobserved& operator=(const Unobserved&) = delete;

 private:
  bool outer_ = Engine::of_this_thread().anomaly;
  NoGradient recording_;
};

Tensor element_at(const Tensor& sequence, int axis, Index time) {
  return squeeze(slice(sequence, axis, time, time + 1), {axis});
}

}  // namespace

/// Runs the steps one after the other, by the operations' own kernels.
std::string ScanBody::place_of_nan(const Call& call) const {
  const Program& program = shared().program();
  if (call.inputs.size() < program.inputs()) return {};
  const Unobserved guard;
  const Index steps = call.attributes.integer("steps");
  std::vector<Tensor> values(program.values.size());
  for (std::size_t i = 0; i < program.inputs(); ++i) values[index_of(program.input(i))] = call.inputs[i];
  for (Index step = 0; step < steps; ++step) {
    const Index time = program.reverse ? steps - 1 - step : step;
    for (std::size_t j = 0; j < program.sequences.size(); ++j) {
      const auto& [value, time_axis] = program.sequences[j];
      values[index_of(value)] = element_at(call.inputs[program.carries.size() + j], time_axis, time);
    }
    for (const Use& use : program.uses) {
      Tensors operands;
      for (Value value : use.inputs) operands.push_back(values[index_of(value)]);
      const Tensors results = apply_all(use.operation, operands, use.attributes);
      for (std::size_t i = 0; i < results.size(); ++i) values[index_of(use.outputs[i])] = results[i];
      if (std::ranges::any_of(results, has_nan) && std::ranges::none_of(operands, has_nan)) {
        return fmt::format("it arises at time step {}, in {}", time, to_string(program, use));
      }
    }
    std::vector<Tensor> next;
    for (Value value : program.next_carry) next.push_back(values[index_of(value)]);
    for (std::size_t k = 0; k < next.size(); ++k) values[index_of(program.carries[k])] = next[k];
  }
  return {};
}

}  // namespace unspool::scan_compiler
