#include <unspool/models/model_options.h>

namespace unspool {

template class Dictionary<Index, double>;

ValidationData::ValidationData() = default;
ValidationData::ValidationData(const ValidationData& other) = default;
ValidationData::ValidationData(ValidationData&& other) noexcept = default;
ValidationData& ValidationData::operator=(const ValidationData& other) = default;
ValidationData& ValidationData::operator=(ValidationData&& other) noexcept = default;
ValidationData::~ValidationData() = default;
ValidationData::ValidationData(NamedList<Tensor> x, NamedList<Tensor> y, NamedList<Tensor> sample_weight)
    : tensors_{std::move(x), std::move(y), std::move(sample_weight)} {}

}  // namespace unspool
