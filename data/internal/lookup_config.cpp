#include <optional>

#include <unspool/core/internal/format.h>
#include <unspool/data/internal/lookup_config.h>

namespace unspool::internal {

void check_absent(const Config& config, std::string_view where) {
  for (const char* key : {"invert", "sparse", "ragged"}) {
    const std::optional<Config> found = config.find(key);
    if (found && found->kind() == Config::Kind::boolean && found->as<bool>()) {
      throw ValueError(fmt::format("{}: {}: expected false, got true: {}", where, found->path(),
                                   std::string_view(key) == "invert" ? "tokens() gives the tokens of indices"
                                                                     : "tensors here are dense"));
    }
  }
}

}  // namespace unspool::internal
