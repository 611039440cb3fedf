#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/internal/sequence_call.h>

namespace unspool::internal {

SequenceCall sequence_call(const std::vector<Tensor>& inputs, const CallArgs& args, std::size_t states,
                           const std::string& layer) {
  if (inputs.empty()) throw ValueError(fmt::format("the layer {} expected a sequence, got no input", layer));
  SequenceCall call{inputs.front(), args.initial_state, args.constants};
  if (inputs.size() == 1) return call;
  if (!args.initial_state.empty() || !args.constants.empty()) {
    throw ValueError(
        fmt::format("the layer {} expected initial states and constants either in the list of inputs or by "
                    "name, got {} tensors in the list, and initial_state or constants by name",
                    layer, inputs.size() - 1));
  }
  if (inputs.size() < 1 + states) {
    throw ValueError(
        fmt::format("the layer {} expected {} initial states, got {}", layer, states, inputs.size() - 1));
  }
  const auto first_constant = inputs.begin() + static_cast<std::ptrdiff_t>(1 + states);
  call.initial_state.assign(inputs.begin() + 1, first_constant);
  call.constants.assign(first_constant, inputs.end());
  return call;
}

void check_all_or_none_symbolic(const SequenceCall& call, const std::string& layer) {
  std::string symbolic;
  std::string values;
  const auto add = [&](std::string_view what, const std::vector<Tensor>& tensors) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      std::string& list = GraphNode::of(tensors[i]) != nullptr ? symbolic : values;
      list += fmt::format("{}{} {} ({})", list.empty() ? "" : ", ", what, i, describe(tensors[i]));
    }
  };
  add("initial state", call.initial_state);
  add("constant", call.constants);
  if (symbolic.empty() || values.empty()) return;
  throw ValueError(fmt::format(
      "the layer {} expected initial states and constants that are all symbolic or all have values, got {}, "
      "which is symbolic, and {}, which has values: give an Input in place of each value, or values alone",
      layer, symbolic, values));
}

std::vector<Shape> build_shapes(const SequenceCall& call) {
  std::vector<Shape> shapes = {call.sequence.shape()};
  for (const Tensor& constant : call.constants) shapes.push_back(constant.shape());
  return shapes;
}

}  // namespace unspool::internal
