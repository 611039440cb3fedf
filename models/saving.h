#pragma once

#include <string>

#include <unspool/models/model.h>
#include <unspool/serialization/snapshot.h>

namespace unspool {

/// The whole model as a snapshot, for a file of any format: layers, weights, compile options, the state of
/// the optimizer and that of the random number generators. Throws ValueError if the model is not built.
Snapshot to_snapshot(const Model& model);
/// The model of a snapshot from to_snapshot(). Throws FileError if it does not hold a model; `name` stands
/// for the file in errors.
Model from_snapshot(const Snapshot& snapshot, const std::string& name = "the snapshot",
                    const LoadModelOptions& options = {});

}  // namespace unspool
