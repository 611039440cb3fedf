#include "arguments.h"

#include <string>

#include <unspool/core/error.h>

namespace golden {

Config arguments_in(const std::string& what) {
  const std::size_t begin = what.find("({");
  const std::size_t end = what.find("})", begin);
  if (begin == std::string::npos || end == std::string::npos) return Config::map();
  std::string json;
  for (std::size_t i = begin + 1; i <= end; ++i) {
    const auto is = [&](const std::string& word) { return what.compare(i, word.size(), word) == 0; };
    if (is("None")) {
      json += "null";
      i += 3;
    } else if (is("True")) {
      json += "true";
      i += 3;
    } else if (is("False")) {
      json += "false";
      i += 4;
    } else {
      json += what[i] == '\'' ? '"' : what[i];
    }
  }
  return from_json(json).named("case.what");
}

Config serialized_with_arguments(const Config& object, const std::string& what) {
  Config config = object["config"];
  for (const auto& [name, value] : arguments_in(what).items()) {
    if (name == "delta" || name == "axis") config.set(name, value);
  }
  return Config::map({{"class_name", object["class_name"]}, {"config", config}});
}

}  // namespace golden
