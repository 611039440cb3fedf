#include <filesystem>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// What a config of Keras says that the layer's own does not, or the other way round; empty if nothing. Keras
/// says null of arguments that this library has not.
std::string difference(const Config& keras, const Config& own) {
  if (keras.is_map() && own.is_map()) {
    for (const auto& [key, value] : keras.items()) {
      // The first is written by what is built, the second by models.
      if (key == "build_config" || key == "compile_config") continue;
      const std::optional<Config> found = own.find(key);
      if (!found && value.is_null()) continue;
      if (!found) return value.path() + ": not written here";
      if (const std::string below = difference(value, *found); !below.empty()) return below;
    }
    for (const auto& [key, value] : own.items()) {
      // Keras' SimpleRNN forgets its seed.
      if (key == "build_config" || key == "seed") continue;
      if (!keras.contains(key)) return value.path() + ": not written by Keras";
    }
    return {};
  }
  if (keras.is_list() && own.is_list() && keras.size() == own.size()) {
    for (std::size_t i = 0; i < keras.size(); ++i) {
      if (const std::string below = difference(keras[i], own[i]); !below.empty()) return below;
    }
    return {};
  }
  return keras == own ? "" : keras.path() + ": " + keras.describe() + ", here " + own.describe();
}

}  // namespace

TEST_CASE("layers made of Keras' configs write the same configs") {
  int count = 0;
  for (const char* group : {"cells", "layers", "rnn", "wrappers"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string("tests/golden/") + group)) {
      if (entry.path().extension() != ".safetensors") continue;
      const Safetensors file = load_safetensors(entry.path().string());
      const Config config = from_json(file.metadata.find("case")->as<std::string>())["config"];
      if (!config.contains("config")) continue;
      const Config own = serialize_layer(*deserialize_layer(config));
      const std::string found = difference(config, own.named("own"));
      CHECK_MESSAGE(found.empty(), entry.path().string() << ": " << found);
      ++count;
    }
  }
  CHECK(count > 100);
}
