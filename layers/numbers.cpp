#include <unspool/autograd/conversion.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/numbers.h>

namespace unspool {

namespace {

Config nested_lists(const std::vector<double>& values, const Shape& shape, int axis, std::size_t& next) {
  if (axis == shape.rank()) return values[next++];
  std::vector<Config> elements;
  for (Index i = 0; i < shape[axis]; ++i) elements.push_back(nested_lists(values, shape, axis + 1, next));
  return Config::list(std::move(elements));
}

void read_nested_lists(const Config& config, int axis, Shape& shape, std::vector<double>& values) {
  if (!config.is_list()) {
    if (axis != shape.rank()) config.fail("lists of equal lengths");
    values.push_back(config.as<double>());
    return;
  }
  const std::vector<Config> elements = config.elements();
  const auto size = static_cast<Index>(elements.size());
  // The first list of each depth says how long the others are.
  if (axis == shape.rank() && values.empty()) shape.push_back(size);
  if (axis >= shape.rank() || shape[axis] != size) config.fail("lists of equal lengths");
  for (const Config& element : elements) read_nested_lists(element, axis + 1, shape, values);
}

}  // namespace

Numbers::Numbers(double value) : values_(Tensor::scalar(value, float64)) {}
Numbers::Numbers(std::initializer_list<double> values) : Numbers(std::vector<double>(values)) {}
Numbers::Numbers(const std::vector<double>& values) : values_(Tensor::from(values)) {}
Numbers::Numbers(const Tensor& values)
    : values_(values ? no_gradient([&] { return cast(values, float64); }) : Tensor()) {}

std::vector<double> Numbers::list(std::string_view what) const {
  if (!values_) return {};
  if (values_.rank() > 1) {
    throw ValueError(
        fmt::format("{}: expected a number or a list of numbers, got {}", what, describe(values_)));
  }
  return values_.to_vector<double>();
}

bool operator==(const Numbers& a, const Numbers& b) {
  return ConfigValue<Numbers>::to(a) == ConfigValue<Numbers>::to(b);
}

Config ConfigValue<Numbers>::to(const Numbers& numbers) {
  if (!numbers) return {};
  std::size_t next = 0;
  return nested_lists(numbers.tensor().to_vector<double>(), numbers.tensor().shape(), 0, next);
}

Numbers ConfigValue<Numbers>::from(const Config& config) {
  if (config.is_null()) return {};
  // {"class_name": "__numpy__", "config": {"value": ..., "dtype": ...}}
  if (config.is_map()) return from(config["config"]["value"]);
  Shape shape;
  std::vector<double> values;
  read_nested_lists(config, 0, shape, values);
  return Tensor::from(values, shape);
}

}  // namespace unspool
