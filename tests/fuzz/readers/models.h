#pragma once

#include <string>
#include <string_view>

#include <unspool/models/model.h>
#include <unspool/serialization/snapshot.h>

namespace unspool::fuzz {

/// All that the native format holds of a model.
std::string state_of(const Model& model);
/// All that Keras' formats hold of it: without the states of random number generators and of stateful layers.
std::string keras_state_of(const Model& model);

/// Reads a whole model from a file whose name ends so. If it is read, it can be written in the native format,
/// and, with a name that ends in `ending` unless that cannot hold it, in that format, and read again, equal.
bool read_model(std::string_view ending, std::string_view bytes);

/// Reads weights into a model. If they are refused, it is as it was. If they are read, they can be written in
/// a file that ends in `written_ending`, and read again, equal.
bool read_weights(std::string_view ending, std::string_view bytes, std::string_view written_ending);

/// Lets fit() go on from a state of training. If that is refused, the model is as it was.
bool read_training_state(const Snapshot& snapshot);

}  // namespace unspool::fuzz
