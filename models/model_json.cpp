#include <unspool/core/config.h>
#include <unspool/models/internal/compile_config.h>
#include <unspool/models/internal/keras_config.h>
#include <unspool/models/model.h>

namespace unspool {

std::string Model::to_json() const { return unspool::to_json(internal::keras_model_config(*this)); }

Model model_from_json(std::string_view json) {
  const Config config = from_json(json).named("the JSON");
  Model model = internal::model_from_keras_config(config);
  const std::optional<Config> compile = config.find("compile_config");
  if (compile && compile->is_map() && !compile->empty()) model.compile(internal::compile_options(*compile));
  return model;
}

}  // namespace unspool
