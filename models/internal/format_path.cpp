#include <algorithm>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/format_path.h>

namespace unspool::internal {
namespace {

/// A value in a format of Python without "!" and nested braces: "02d", ".3f".
template <class T>
std::string formatted(const std::string& spec, T value) {
  return fmt::format(fmt::runtime(spec.empty() ? "{}" : "{:" + spec + "}"), value);
}

}  // namespace

std::string format_path(std::string_view callback, std::string_view pattern,
                        const std::vector<std::pair<std::string, Index>>& numbers, const Logs& logs) {
  const auto fail = [&](const std::string& reason) {
    throw ValueError(fmt::format("{}: the path {}: {}", callback, in_quotes(pattern), reason));
  };
  std::string path;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char c = pattern[at];
    if ((c == '{' || c == '}') && at + 1 < pattern.size() && pattern[at + 1] == c) {
      path += c;
      ++at;
      continue;
    }
    if (c == '}') fail("expected a name before '}', got none: write '}}' for a brace");
    if (c != '{') {
      path += c;
      continue;
    }
    const std::size_t end = pattern.find('}', at);
    if (end == std::string_view::npos) fail("expected '}' after '{', got none: write '{{' for a brace");
    const std::string_view field = pattern.substr(at + 1, end - at - 1);
    const std::size_t colon = field.find(':');
    const std::string name(field.substr(0, colon));
    const std::string spec(colon == std::string_view::npos ? "" : field.substr(colon + 1));
    const auto number =
        std::find_if(numbers.begin(), numbers.end(), [&](const auto& entry) { return entry.first == name; });
    if (number == numbers.end() && !logs.contains(name)) {
      std::vector<std::string> names = logs.names();
      for (const auto& entry : numbers) names.push_back(entry.first);
      fail(fmt::format("expected a name in the logs ({}), got {}{}", internal::joined(names, ", "),
                       in_quotes(name), did_you_mean(name, names)));
    }
    try {
      path += number != numbers.end() ? formatted(spec, number->second) : formatted(spec, logs[name]);
    } catch (const fmt::format_error& error) {
      fail(fmt::format(
          "expected a format for {}, such as \"02d\" for a whole number or \".3f\" for others, got "
          "{}: {}",
          name, in_quotes(spec), error.what()));
    }
    at = end;
  }
  return path;
}

}  // namespace unspool::internal
