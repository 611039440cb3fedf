#pragma once

#include <string>
#include <vector>

#include <unspool/models/model.h>
#include <unspool/serialization/internal/hdf5.h>

namespace unspool::internal {

/// A layer with its place in Keras' weight files.
struct KerasPlace {
  std::string path;               ///< "layers/lstm/cell"; empty for the network.
  std::string name;               ///< Of the layer.
  std::vector<Variable> weights;  ///< Its own, without those of its children.
};

/// The network and all layers below, each once, at the first place where Keras meets it.
std::vector<KerasPlace> keras_places(const LayerBase& network);

/// The number of elements of all arrays in a file but those of the optimizer.
Index keras_weight_elements(const Hdf5Group& root);

/// The values in a file for the weights of a network, in the order of keras_places(). Throws FileError, with
/// all that is wrong, if a weight is missing or has another shape, or if the file has weights of further
/// layers.
std::vector<Tensor> read_keras_weights(const Hdf5Group& root, const LayerBase& network,
                                       const std::string& file);
/// Assigns those values.
void assign_keras_weights(const LayerBase& network, const std::vector<Tensor>& values);

/// The values in a file for the state of an optimizer that is built; none if the file has no state of an
/// optimizer. Throws FileError if it is that of another optimizer.
std::vector<Tensor> read_keras_optimizer(const Hdf5Group& root, const Optimizer& optimizer,
                                         const std::string& file);

/// The weights of a model and the state of its optimizer, as Keras lays them out.
Hdf5Tree keras_tree(const Model& model);

}  // namespace unspool::internal
