#pragma once

#include <string>
#include <vector>

#include <unspool/models/internal/weight_loader.h>
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

/// An array of an HDF5 file, which must outlive it.
StoredArray stored_array(const Hdf5Dataset& dataset);

/// Says which arrays of a file belong to the layers of a network: those at the places of the layers or, if
/// the loader matches by name, those of the layers with these names.
void match_keras_weights(const Hdf5Group& root, const LayerBase& network, WeightLoader& loader);

/// Whether a file has the state of an optimizer.
bool has_optimizer_state(const Hdf5Group& root);
/// Throws FileError if it is that of an optimizer of another class. Optimizers of two classes may have states
/// of equal shapes.
void check_optimizer_kind(const Hdf5Group& root, const Optimizer& optimizer, const std::string& file);
/// The values in a file for the state of an optimizer that is built; none if the file has no state of an
/// optimizer. Throws FileError if it is that of another optimizer.
std::vector<Tensor> read_keras_optimizer(const Hdf5Group& root, const Optimizer& optimizer,
                                         const std::string& file);

/// Whether a file has the state of the optimizer, if there is one.
enum class OptimizerState { with, without };

/// The values in a file for the states of stateful layers; none if the file has none, as those of Keras.
/// Throws FileError if they are those of another model.
std::vector<Tensor> read_states(const Hdf5Group& root, const Model& model, const std::string& file);

/// The weights of a model and the state of its optimizer, as Keras lays them out.
Hdf5Tree keras_tree(const Model& model, OptimizerState state);
/// keras_tree() of a whole model, and the states of its stateful layers in a group that Keras ignores.
Hdf5Tree keras_model_tree(const Model& model);

}  // namespace unspool::internal
