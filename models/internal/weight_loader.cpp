#include <utility>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/weight_loader.h>

namespace unspool::internal {

StoredArray stored_array(const NamedTensor& tensor, const std::string& file) {
  const auto read = [tensor, file](DType wanted) {
    const DType own = tensor.tensor.dtype();
    const bool fits =
        own == wanted || (is_floating(own) && is_floating(wanted)) || (own == int32 && wanted == int64);
    if (!fits) {
      throw FileError(fmt::format("{}: {}: expected {}, got {}", file, in_quotes(tensor.name),
                                  name_of(wanted), name_of(own)));
    }
    return cast(tensor.tensor, wanted);
  };
  return {tensor.name, tensor.tensor.shape(), read};
}

void WeightLoader::layer(const std::string& name, const std::vector<Variable>& weights,
                         const std::vector<StoredArray>& arrays, const std::string& where) {
  const int faults_before = fault_count_;
  if (arrays.size() != weights.size()) {
    add_fault(fmt::format("the layer {}: expected {} arrays in {}, got {}", name, weights.size(), where,
                          arrays.size()));
  }
  for (std::size_t i = 0; i < arrays.size() && arrays.size() == weights.size(); ++i) {
    if (arrays[i].shape == weights[i].shape()) continue;
    add_fault(fmt::format("the layer {}: expected the shape {} of {} in {}, got {}", name,
                          to_string(weights[i].shape()), weights[i].name(), in_quotes(arrays[i].name),
                          to_string(arrays[i].shape)));
  }
  if (fault_count_ != faults_before) return skip(weights);
  for (std::size_t i = 0; i < arrays.size(); ++i) found_.emplace_back(weights[i], arrays[i]);
}

void WeightLoader::missing(const std::string& name, const std::vector<Variable>& weights,
                           const std::string& what) {
  if (!options_.by_name) add_fault(fmt::format("the layer {}: {}", name, what));
  skip(weights);
}

void WeightLoader::unused(const std::string& what) {
  if (!options_.by_name) add_fault(what);
}

std::vector<std::string> WeightLoader::finish() {
  if (fault_count_ > 0 && !options_.skip_mismatch) {
    throw FileError(fmt::format("{}: expected the weights of this model, got others in {} place{}:{}", file_,
                                fault_count_, fault_count_ == 1 ? "" : "s", faults_));
  }
  const NoGradient guard;
  std::vector<Tensor> values;
  for (const auto& [weight, array] : found_) values.push_back(array.read(weight.dtype()));
  for (std::size_t i = 0; i < values.size(); ++i) found_[i].first.assign(values[i]);
  return std::move(skipped_);
}

void WeightLoader::add_fault(const std::string& what) {
  ++fault_count_;
  constexpr int most_shown = 5;
  if (fault_count_ <= most_shown) faults_ += "\n  " + what;
}

void WeightLoader::skip(const std::vector<Variable>& weights) {
  for (const Variable& weight : weights) skipped_.push_back(weight.path());
}

}  // namespace unspool::internal
