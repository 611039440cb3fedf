#include <algorithm>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/named_list.h>

namespace unspool::internal {

std::vector<std::ptrdiff_t> places_of(const std::vector<std::string>& names,
                                      const std::vector<std::string>& given, std::string_view what) {
  std::vector<std::ptrdiff_t> places;
  const auto with_names =
      std::count_if(given.begin(), given.end(), [](const std::string& name) { return !name.empty(); });
  if (with_names == 0) {
    if (given.size() != names.size()) {
      throw ValueError(fmt::format("{}: expected {} for {}, got {}", what,
                                   names.size() == 1 ? "one value" : fmt::format("{} values", names.size()),
                                   internal::joined(names, ", "), given.size()));
    }
    for (std::size_t i = 0; i < names.size(); ++i) places.push_back(static_cast<std::ptrdiff_t>(i));
    return places;
  }
  if (with_names != static_cast<std::ptrdiff_t>(given.size())) {
    throw ValueError(
        fmt::format("{}: expected names for all values or for none, got {} values, {} of them with a name",
                    what, given.size(), with_names));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (std::find(names.begin(), names.end(), given[i]) == names.end()) {
      throw ValueError(fmt::format("{}: expected names among {}, got {}{}", what,
                                   internal::joined(names, ", "), in_quotes(given[i]),
                                   did_you_mean(given[i], names)));
    }
    if (std::find(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(i), given[i]) !=
        given.begin() + static_cast<std::ptrdiff_t>(i)) {
      throw ValueError(fmt::format("{}: expected each name once, got {} twice", what, in_quotes(given[i])));
    }
  }
  for (const std::string& name : names) {
    const auto found = std::find(given.begin(), given.end(), name);
    places.push_back(found == given.end() ? -1 : found - given.begin());
  }
  return places;
}

void fail_position(std::size_t position, std::size_t count) {
  throw IndexError(fmt::format("expected a position among {} values, got {}", count, position));
}

void fail_name(std::string_view name, const std::vector<std::string>& names) {
  throw KeyError(
      fmt::format("expected the name of a value, got {}{}", in_quotes(name), did_you_mean(name, names)));
}

}  // namespace unspool::internal
