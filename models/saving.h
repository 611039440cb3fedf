#pragma once

#include <string>

#include <unspool/models/model.h>
#include <unspool/serialization/snapshot.h>

namespace unspool {

/// All that makes a model, for a file of any format: its layers, weights, how it was compiled, the
/// optimizer's state and that of the generators of random numbers. ValueError unless built.
Snapshot to_snapshot(const Model& model);
/// The inverse. FileError if the snapshot does not hold a model; `name` stands in errors for the file.
Model from_snapshot(const Snapshot& snapshot, const std::string& name = "the snapshot");

}  // namespace unspool
