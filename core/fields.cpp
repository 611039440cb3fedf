#include <unspool/core/fields.h>

namespace unspool::detail {

std::string text_of(const Config& config) {
  try {
    return to_json(config);
  } catch (const ValueError&) {
    return config.describe();
  }
}

void fail_missing(const Config& config, std::string_view name) {
  throw ValueError(config.path() + ": the required key " + in_quotes(name) + " is missing");
}

void refuse_unknown(const Config& config, const std::vector<std::string>& known,
                    const std::vector<std::string>& also_allowed) {
  const auto in = [](const std::vector<std::string>& names, const std::string& key) {
    return std::find(names.begin(), names.end(), key) != names.end();
  };
  for (const std::string& key : config.keys()) {
    if (!in(known, key) && !in(also_allowed, key)) {
      throw ValueError(config.path() + ": unknown key " + in_quotes(key) + did_you_mean(key, known));
    }
  }
}

}  // namespace unspool::detail
