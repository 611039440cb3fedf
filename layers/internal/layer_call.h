#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/layer_base.h>

/// What a layer and the nodes of its calls know of each other.
namespace unspool::internal {

/// All that a layer was called with.
struct LayerCall {
  std::vector<Tensor> inputs;
  CallArgs args;
};

/// f of every tensor of a call, empty ones among them.
template <class F>
void for_each_tensor(const std::vector<Tensor>& inputs, const CallArgs& args, F&& f) {
  for (const Tensor& tensor : inputs) f(tensor);
  for (const Tensor& tensor : args.initial_state) f(tensor);
  for (const Tensor& tensor : args.constants) f(tensor);
  f(args.mask);
}

/// Whether shapes and dtypes alone are asked for: the call's abstract tensors come from infer(), and there is
/// one.
bool is_inferred(const std::vector<Tensor>& inputs, const CallArgs& args);
/// Who records what is done with the abstract tensors of a call; null if there are none.
std::shared_ptr<OperationRecorder> recorder_of(const std::vector<Tensor>& inputs, const CallArgs& args);
/// Whether a tensor of the call belongs to a graph of layers.
bool is_symbolic(const std::vector<Tensor>& inputs, const CallArgs& args);

using Replace = Callable<Tensor(const Tensor&)>;
/// The tensor, or what `replace` gives for an abstract one; an abstract mask attached to it is replaced, too.
Tensor replaced(const Tensor& tensor, const Replace& replace);
/// The same call with the tensors replaced, in order: inputs, initial_state, constants, mask.
LayerCall replaced(const LayerCall& call, const Replace& replace);

/// An output of a call.
struct NodeOutput {
  Spec spec;
  std::uint64_t identity = 0;
  /// None: it has no mask.
  std::optional<Spec> mask = std::nullopt;
  std::uint64_t mask_identity = 0;
};

/// A loss that a symbolic call has added.
struct SymbolicLoss {
  Tensor loss;
  /// It depends on the inputs of the call.
  bool conditional = false;
};
struct SymbolicUpdate {
  Update update;
  bool conditional = false;
};

/// What a symbolic call notes beside its outputs.
struct CallNotes {
  std::vector<SymbolicLoss> losses;
  std::vector<SymbolicUpdate> updates;
};

/// What a layer keeps of a symbolic call. It holds no node that could hold the layer: of the tensors that
/// other layers made it knows shape, dtype and identity, and the node weakly.
struct NodeRecord {
  NodeRecord(const LayerCall& call, std::vector<NodeOutput> outputs, CallNotes notes);

  /// The node of the call, made again if nobody holds it any more.
  std::shared_ptr<GraphNode> node(const std::shared_ptr<LayerBase>& layer);

  struct Maker {
    std::weak_ptr<GraphNode> node;
    std::shared_ptr<GraphNode> input;  // Holds nothing, so it can be held.
  };

  LayerCall call;
  std::vector<Maker> makers;  // Of its abstract tensors, in the order of replaced().
  std::vector<NodeOutput> outputs;
  CallNotes notes;
  std::weak_ptr<GraphNode> made;
};

}  // namespace unspool::internal
