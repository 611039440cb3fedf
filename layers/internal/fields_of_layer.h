#pragma once

#include <unspool/core/fields.h>
#include <unspool/layers/input.h>
#include <unspool/layers/layer.h>

namespace unspool {

template <>
struct ConfigValue<GivenShape> {
  static constexpr std::string_view name = "Shape or nothing";
  static Config to(const GivenShape& value) { return ConfigValue<std::optional<Shape>>::to(value); }
  static GivenShape from(const Config& config) {
    const auto shape = config.as<std::optional<Shape>>();
    return shape ? GivenShape(*shape) : GivenShape();
  }
};

/// Given at construction only: a config holds no numbers of weights.
template <>
struct ConfigValue<Tensor> {
  static constexpr std::string_view name = "Tensor";
  static Config to(const Tensor&) { return {}; }
  static Tensor from(const Config& config) {
    if (!config.is_null()) config.fail("null");
    return {};
  }
};

}  // namespace unspool

namespace unspool::internal {

/// The fields of an options struct that ends with what every layer takes. As in Keras, a config has an
/// activity regularizer where there is one.
template <class O, class... T>
Fields fields_of_layer(const Field<O, T>&... own) {
  return fields_of<O>(
      own..., field("name", &O::name, "of the layer"),
      field("trainable", &O::trainable, "whether training changes its weights"),
      field("dtype", &O::dtype, "of weights and computation"),
      field("activity_regularizer", &O::activity_regularizer, "a penalty on the output").unless_default());
}

}  // namespace unspool::internal
