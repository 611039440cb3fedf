#include <unspool/core/fields.h>
#include <unspool/layers/internal/input_config.h>

namespace unspool::internal {
namespace {

constexpr std::string_view input_class = "InputLayer";

}  // namespace

Config input_config(const Spec& spec, const std::string& name) {
  return Config::map({{"module", "keras.layers"},
                      {"class_name", input_class},
                      {"config", Config::map({{"batch_shape", to_config(spec.shape)},
                                              {"dtype", to_config(spec.dtype)},
                                              {"sparse", false},
                                              {"ragged", false},
                                              {"name", name},
                                              {"optional", false}})},
                      {"registered_name", Config()}});
}

bool is_input_config(const Config& serialized) {
  return serialized["class_name"].as<std::string>() == input_class;
}

InputOptions input_from_config(const Config& serialized) {
  const Config arguments = serialized["config"];
  if (arguments["name"].as<std::string>().empty()) arguments["name"].fail("a name that is not empty");
  return {.dtype = arguments["dtype"].as<DType>(),
          .batch_shape = arguments["batch_shape"].as<Shape>(),
          .name = arguments["name"].as<std::string>()};
}

}  // namespace unspool::internal
