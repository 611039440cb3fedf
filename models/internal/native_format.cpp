#include <set>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/native_format.h>

namespace unspool::internal {

void append_values(std::vector<NamedTensor>& tensors, std::string_view group,
                   const std::vector<Variable>& variables) {
  const NoGradient guard;
  std::set<std::string> taken;
  for (const Variable& variable : variables) {
    const std::string base = std::string(group) + variable.path();
    std::string name = base;
    for (int i = 1; !taken.insert(name).second; ++i) name = fmt::format("{}_{}", base, i);
    tensors.push_back({std::move(name), variable.value()});
  }
}

std::vector<const NamedTensor*> tensors_in(const std::vector<NamedTensor>& tensors, std::string_view group) {
  std::vector<const NamedTensor*> found;
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name.starts_with(group)) found.push_back(&tensor);
  }
  return found;
}

void check_count(const std::vector<const NamedTensor*>& tensors, std::string_view group,
                 const std::vector<Variable>& variables, const std::string& file) {
  if (tensors.size() == variables.size()) return;
  throw FileError(fmt::format("{}: expected {} tensors in the group {}, got {}", file, variables.size(),
                              in_quotes(group.substr(0, group.size() - 1)), tensors.size()));
}

void check_native_kind(const Snapshot& snapshot, std::string_view kind, const std::string& file) {
  const std::string got = snapshot.config.get("kind", "");
  if (got != kind) {
    throw FileError(
        fmt::format("{}: expected a file of kind {}, got {}", file, in_quotes(kind), in_quotes(got)));
  }
  const Index number = snapshot.config["version"].as<Index>();
  if (number != native_model_version) {
    throw FileError(fmt::format("{}: expected version {} of the model format, got {}", file,
                                native_model_version, number));
  }
}

void check_built(const Model& model) {
  if (model.built()) return;
  throw ValueError("the model " + model.name() +
                   ": expected a built model, got one without weights: call it once, or give it an Input");
}

}  // namespace unspool::internal
