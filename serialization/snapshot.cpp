#include <unordered_set>

#include <unspool/core/error.h>
#include <unspool/serialization/snapshot.h>

namespace unspool {

const Tensor& find_tensor(const std::vector<NamedTensor>& tensors, std::string_view name) {
  for (const NamedTensor& entry : tensors) {
    if (entry.name == name) return entry.tensor;
  }
  std::vector<std::string> names;
  for (const NamedTensor& entry : tensors) names.push_back(entry.name);
  throw KeyError("no tensor is called " + in_quotes(name) + did_you_mean(name, names));
}

void check_tensors(const std::vector<NamedTensor>& tensors) {
  std::unordered_set<std::string_view> seen;
  for (const auto& [name, tensor] : tensors) {
    if (!seen.insert(name).second) {
      throw ValueError("expected unique names of tensors, got " + in_quotes(name) + " twice");
    }
    if (!tensor)
      throw ValueError("the tensor " + in_quotes(name) + ": expected a value, got an empty tensor");
    if (tensor.is_abstract())
      throw ValueError("the tensor " + in_quotes(name) + ": expected a value, got the abstract " +
                       describe(tensor));
  }
}

}  // namespace unspool
