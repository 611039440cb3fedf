#include "case.h"

#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/serialization/safetensors.h>

namespace golden {

Case::Case(const std::filesystem::path& path) : folder_(path.parent_path()) {
  Safetensors content = load_safetensors(path);
  const auto about = content.metadata.find("case");
  if (!about) {
    throw FileError(path.string() + ": expected a golden case, got a file without \"case\" in its metadata");
  }
  about_ = from_json(about->as<std::string>()).named("case");
  group_ = about_["group"].as<std::string>();
  name_ = group_ + "/" + about_["name"].as<std::string>();
  tolerance_ = {about_["tolerance"]["rtol"].as<double>(), about_["tolerance"]["atol"].as<double>()};
  tensors_ = std::move(content.tensors);
}

bool Case::has(const std::string& name) const {
  return std::any_of(tensors_.begin(), tensors_.end(), [&](const auto& held) { return held.name == name; });
}

const Tensor& Case::tensor(const std::string& name) const {
  asked_.insert(name);
  return find_tensor(tensors_, name);
}

std::vector<Tensor> Case::numbered(const std::string& prefix) const {
  std::vector<Tensor> found;
  while (has(prefix + std::to_string(found.size()))) {
    found.push_back(tensor(prefix + std::to_string(found.size())));
  }
  return found;
}

std::vector<std::string> Case::left() const {
  std::vector<std::string> names;
  for (const auto& held : tensors_) {
    if (!asked_.contains(held.name)) names.push_back(held.name);
  }
  return names;
}

}  // namespace golden
