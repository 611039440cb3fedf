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

}  // namespace unspool

namespace unspool::internal {

/// The fields of an options struct that ends with what every layer takes.
template <class O, class... T>
Fields fields_of_layer(const Field<O, T>&... own) {
  return fields_of<O>(own..., field("name", &O::name, "of the layer"),
                      field("trainable", &O::trainable, "whether training changes its weights"),
                      field("dtype", &O::dtype, "of weights and computation"),
                      field("activity_regularizer", &O::activity_regularizer, "a penalty on the output"));
}

}  // namespace unspool::internal
