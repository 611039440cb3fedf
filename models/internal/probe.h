#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/tensor.h>
#include <unspool/data/batch.h>
#include <unspool/models/model.h>

namespace unspool {
struct Operation;
}

namespace unspool::internal {

/// A gate or a candidate of a cell: one use of an activation function that saturates.
struct ProbedGate {
  /// The name that the cell gave it ("f"), or that of the function, with a number from the second one on.
  std::string name;
  /// For each time step the share of values whose derivative is below a hundredth of its maximum. NaN where
  /// all samples are masked.
  std::vector<double> saturated;
  /// The share over all steps.
  double share = 0;
};

/// One call of a recurrent layer.
struct ProbedSequence {
  /// The path of the layer, without the name of the model; that of the cell if the layer runs several.
  std::string layer;
  /// For each time step t the norm of dL/ds_t over the batch, where s_t are all states after the step. Zeros
  /// without a gradient.
  std::vector<double> gradient;
  /// Whether any sample has this time step, as the mask says.
  std::vector<bool> used;
  /// Whether the steps are visited from the last to the first.
  bool backwards = false;
  std::vector<ProbedGate> gates;
};

/// One use of relu.
struct ProbedUnits {
  std::string layer;
  Index dead = 0;  ///< Units that are 0 for all samples and time steps.
  Index all = 0;
  Index values = 0;  ///< How many values each unit had.
};

/// A trainable weight.
struct ProbedWeight {
  std::string layer;
  Variable variable;
  Tensor gradient;  ///< Empty if the loss does not depend on it.
};

/// A mask, and the layer that made it.
struct ProbedMask {
  std::string layer;
  std::string path;  ///< With the name of the model.
  Tensor mask;
};

/// An input of a layer with a kernel that no weight has touched: data.
struct ProbedInput {
  std::string layer;
  Tensor value;
};

/// What one batch shows on its way through a model and back.
struct Probe {
  double loss = 0;
  std::vector<Tensor> outputs;
  /// The layers that made the outputs, empty where unknown, and the operations, null where unknown.
  std::vector<std::string> output_layers;
  std::vector<const Operation*> output_operations;
  std::vector<ProbedSequence> sequences;
  std::vector<ProbedUnits> units;
  std::vector<ProbedWeight> weights;
  std::vector<ProbedMask> masks;
  std::vector<ProbedInput> inputs;
  /// The floating-point operations of all matrix products of the forward pass.
  double product_flops = 0;
  /// What the loss threw, if it did. There are no gradients then.
  std::string loss_error;
};

/// Calls the model on a batch, in training, and takes the gradient of its loss. Recurrent layers run step by
/// step. The model must be built and compiled. It is left as it was.
Probe probe(const Model& model, const Batch& batch);

/// A path without the name of the model, which is its first part.
std::string path_in(const Model& model, const std::string& path);

/// The Euclidean norm of the elements; 0 for an empty tensor.
double norm_of(const Tensor& tensor);

}  // namespace unspool::internal
