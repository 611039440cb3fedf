#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <unspool/models/model.h>
#include <unspool/serialization/snapshot.h>

/// What the files of models and of weights in the native format have in common.
namespace unspool::internal {

/// The version of the configs in them.
inline constexpr Index native_model_version = 1;
/// The names of tensors begin with that of their group.
inline constexpr std::string_view weights_group = "weights/";

/// Appends the values of variables, named by group and path. Repeated paths get a number.
void append_values(std::vector<NamedTensor>& tensors, std::string_view group,
                   const std::vector<Variable>& variables);
/// The tensors of a group, in the order of the file.
std::vector<const NamedTensor*> tensors_in(const std::vector<NamedTensor>& tensors, std::string_view group);
/// Throws FileError unless there is a tensor for each variable.
void check_count(const std::vector<const NamedTensor*>& tensors, std::string_view group,
                 const std::vector<Variable>& variables, const std::string& file);
/// Throws FileError unless a file is of this kind, "model" or "weights", and of a known version.
void check_native_kind(const Snapshot& snapshot, std::string_view kind, const std::string& file);

/// Throws ValueError for a model without weights.
void check_built(const Model& model);

}  // namespace unspool::internal
