#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/sequence_call.h>

namespace unspool::internal {

SequenceCall sequence_call(const std::vector<Tensor>& inputs, const CallArgs& args, std::size_t states,
                           const std::string& layer) {
  SequenceCall call{inputs.front(), args.initial_state, args.constants};
  if (inputs.size() == 1) return call;
  if (!args.initial_state.empty() || !args.constants.empty()) {
    throw ValueError(
        fmt::format("the layer {} was given {} tensors beside its sequence, and initial_state or "
                    "constants as well: give them in one way",
                    layer, inputs.size() - 1));
  }
  if (inputs.size() < 1 + states) {
    throw ValueError(fmt::format("the layer {} has {} states, but was given {} initial states", layer, states,
                                 inputs.size() - 1));
  }
  const auto first_constant = inputs.begin() + static_cast<std::ptrdiff_t>(1 + states);
  call.initial_state.assign(inputs.begin() + 1, first_constant);
  call.constants.assign(first_constant, inputs.end());
  return call;
}

std::vector<Shape> build_shapes(const SequenceCall& call) {
  std::vector<Shape> shapes = {call.sequence.shape()};
  for (const Tensor& constant : call.constants) shapes.push_back(constant.shape());
  return shapes;
}

}  // namespace unspool::internal
