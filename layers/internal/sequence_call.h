#pragma once

#include <string>
#include <vector>

#include <unspool/layers/cell.h>

namespace unspool::internal {

/// What a recurrent layer was called with, sorted.
struct SequenceCall {
  Tensor sequence;
  States initial_state;
  std::vector<Tensor> constants;
};

/// The initial states, of which there are `states`, and the constants stand in `args`, or they follow the
/// sequence among the inputs. ValueError, naming the layer, if both or too few.
SequenceCall sequence_call(const std::vector<Tensor>& inputs, const CallArgs& args, std::size_t states,
                           const std::string& layer);

/// ValueError, naming the layer, if some of the initial states and constants of a symbolic call are symbolic
/// and others are not.
void check_all_or_none_symbolic(const SequenceCall& call, const std::string& layer);

/// The shapes of the sequence and of the constants: what a recurrent layer is built with.
std::vector<Shape> build_shapes(const SequenceCall& call);

}  // namespace unspool::internal
