#include <algorithm>
#include <cmath>
#include <variant>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/config.h>

namespace unspool {

struct Config::List {
  std::vector<Config> elements;
  int depth;
};

struct Config::Map {
  std::vector<Entry> entries;
  int depth;
};

// The alternatives have the order of Kind.
struct Config::Value : std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> {
  using variant::variant;
};

// The path from the root of a tree to a value, innermost step first.
struct Config::Trail {
  std::shared_ptr<const Trail> above;
  std::string step;
};

namespace {

std::string step_to(std::string_view key) {
  return internal::is_plain_key(key) ? "." + std::string(key) : "[" + in_quotes(key) + "]";
}

int checked_depth(int below) {
  if (below >= Config::max_depth) {
    throw ValueError("config: expected at most " + std::to_string(Config::max_depth) +
                     " nested lists and maps, got more");
  }
  return below + 1;
}

}  // namespace

Config::Config(Exact, bool value) : value_(std::make_shared<const Value>(value)) {}
Config::Config(Exact, std::int64_t value) : value_(std::make_shared<const Value>(value)) {}
Config::Config(Exact, double value) : value_(std::make_shared<const Value>(value)) {}
Config::Config(std::string value) : value_(std::make_shared<const Value>(std::move(value))) {}
Config::Config(std::string_view value) : Config(std::string(value)) {}
Config::Config(const char* value) : Config(std::string(value)) {}

Config::Kind Config::kind() const {
  return value_ == nullptr ? Kind::null : static_cast<Kind>(value_->index());
}

Config Config::list(std::initializer_list<Config> elements) { return list(std::vector<Config>(elements)); }

Config Config::list(std::vector<Config> elements) {
  Config config;
  config.make_list(std::move(elements));
  return config;
}

Config Config::map(std::initializer_list<Entry> entries) { return map(std::vector<Entry>(entries)); }

Config Config::map(std::vector<Entry> entries) {
  if (const std::string* key = internal::repeated_key(entries)) {
    throw ValueError("Config::map: expected unique keys, got " + in_quotes(*key) + " twice");
  }
  Config config;
  config.make_map(std::move(entries));
  return config;
}

void Config::make_list(std::vector<Config> elements) {
  int below = 0;
  for (Config& element : elements) {
    element.trail_.reset();
    below = std::max(below, element.depth());
  }
  value_ = std::make_shared<const Value>(List{std::move(elements), checked_depth(below)});
}

void Config::make_map(std::vector<Entry> entries) {
  int below = 0;
  for (auto& [key, value] : entries) {
    value.trail_.reset();
    below = std::max(below, value.depth());
  }
  value_ = std::make_shared<const Value>(Map{std::move(entries), checked_depth(below)});
}

int Config::depth() const {
  if (is_list()) return std::get<List>(*value_).depth;
  if (is_map()) return std::get<Map>(*value_).depth;
  return 0;
}

const std::vector<Config>& Config::list_here() const {
  if (!is_list()) fail("a list");
  return std::get<List>(*value_).elements;
}

const std::vector<Config::Entry>& Config::map_here() const {
  if (!is_map()) fail("a map");
  return std::get<Map>(*value_).entries;
}

Config Config::below(std::string step, const Config& value) const {
  Config child = value;
  child.trail_ = std::make_shared<const Trail>(Trail{trail_, std::move(step)});
  return child;
}

std::optional<Config> Config::find(std::string_view key) const {
  for (const auto& [name, value] : map_here()) {
    if (name == key) return below(step_to(name), value);
  }
  return std::nullopt;
}

bool Config::contains(std::string_view key) const { return find(key).has_value(); }

std::string Config::get(std::string_view key, const char* fallback) const {
  return get(key, std::string(fallback));
}

Config::operator std::string() const { return as<std::string>(); }

Config Config::operator[](std::string_view key) const {
  std::optional<Config> value = find(key);
  if (!value) throw KeyError(path() + " has no key " + in_quotes(key) + did_you_mean(key, keys()));
  return *std::move(value);
}

Config Config::operator[](std::size_t index) const {
  const std::vector<Config>& elements = list_here();
  if (index >= elements.size()) {
    throw IndexError(path() + ": index " + std::to_string(index) + " is out of range for a list of " +
                     std::to_string(elements.size()));
  }
  return below("[" + std::to_string(index) + "]", elements[index]);
}

std::size_t Config::size() const {
  if (is_map()) return map_here().size();
  if (!is_list()) fail("a list or a map");
  return list_here().size();
}

std::vector<Config> Config::elements() const {
  std::vector<Config> elements;
  elements.reserve(list_here().size());
  for (const Config& element : list_here()) {
    elements.push_back(below("[" + std::to_string(elements.size()) + "]", element));
  }
  return elements;
}

std::vector<Config::Entry> Config::items() const {
  std::vector<Entry> items;
  items.reserve(map_here().size());
  for (const auto& [key, value] : map_here()) items.emplace_back(key, below(step_to(key), value));
  return items;
}

std::vector<std::string> Config::keys() const {
  std::vector<std::string> keys;
  keys.reserve(map_here().size());
  for (const auto& [key, value] : map_here()) keys.push_back(key);
  return keys;
}

Config& Config::set(std::string key, Config value) {
  std::vector<Entry> entries;
  if (!is_null()) entries = map_here();
  const auto place =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.first == key; });
  if (place != entries.end()) {
    place->second = std::move(value);
  } else {
    entries.emplace_back(std::move(key), std::move(value));
  }
  make_map(std::move(entries));
  return *this;
}

Config& Config::erase(std::string_view key) {
  std::vector<Entry> entries = map_here();
  std::erase_if(entries, [&](const Entry& e) { return e.first == key; });
  make_map(std::move(entries));
  return *this;
}

Config& Config::push_back(Config value) {
  std::vector<Config> elements;
  if (!is_null()) elements = list_here();
  elements.push_back(std::move(value));
  make_list(std::move(elements));
  return *this;
}

std::string Config::path() const {
  std::vector<const Trail*> steps;
  for (const Trail* trail = trail_.get(); trail != nullptr; trail = trail->above.get())
    steps.push_back(trail);
  // The first step of a named root is NUL and its name.
  std::string path = steps.empty() || steps.back()->step.front() != '\0' ? "config" : "";
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    path += (*step)->step.front() == '\0' ? (*step)->step.substr(1) : (*step)->step;
  }
  return path;
}

Config Config::named(std::string root) const {
  Config config = *this;
  config.trail_ = std::make_shared<const Trail>(Trail{nullptr, '\0' + std::move(root)});
  return config;
}

std::string Config::describe() const {
  switch (kind()) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return std::get<bool>(*value_) ? "true" : "false";
    case Kind::integer:
      return "the integer " + std::to_string(std::get<std::int64_t>(*value_));
    case Kind::real: {
      const double value = std::get<double>(*value_);
      return "the real " + (std::isfinite(value) ? to_json(value) : std::to_string(value));
    }
    case Kind::string:
      return "the string " + in_quotes(std::get<std::string>(*value_));
    case Kind::list:
      return "a list of " + std::to_string(size());
    case Kind::map:
      return "a map of " + std::to_string(size());
  }
  return "?";
}

void Config::fail(std::string_view expected) const {
  throw TypeError(path() + ": expected " + std::string(expected) + ", got " + describe());
}

void Config::fail_integer(std::uint64_t value) {
  throw ValueError("config: expected a signed 64-bit integer, got " + std::to_string(value));
}

void Config::fail_index(std::int64_t index) const {
  throw IndexError(path() + ": expected an index >= 0, got " + std::to_string(index));
}

bool operator==(const Config& a, const Config& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Config::Kind::string:
      return std::get<std::string>(*a.value_) == std::get<std::string>(*b.value_);
    case Config::Kind::list:
      return a.list_here() == b.list_here();
    case Config::Kind::map:
      break;
    case Config::Kind::null:
      return true;
    case Config::Kind::boolean:
      return std::get<bool>(*a.value_) == std::get<bool>(*b.value_);
    case Config::Kind::integer:
      return std::get<std::int64_t>(*a.value_) == std::get<std::int64_t>(*b.value_);
    case Config::Kind::real:
      return std::get<double>(*a.value_) == std::get<double>(*b.value_);
  }
  const auto& left = a.map_here();
  const auto& right = b.map_here();
  if (left.size() != right.size()) return false;
  if (left == right) return true;
  const auto sorted = [](const std::vector<Config::Entry>& entries) {
    std::vector<const Config::Entry*> order;
    order.reserve(entries.size());
    for (const Config::Entry& entry : entries) order.push_back(&entry);
    std::sort(order.begin(), order.end(), [](const auto* x, const auto* y) { return x->first < y->first; });
    return order;
  };
  const auto x = sorted(left);
  const auto y = sorted(right);
  return std::equal(x.begin(), x.end(), y.begin(), [](const auto* p, const auto* q) { return *p == *q; });
}

bool ConfigValue<bool>::from(const Config& config) {
  if (config.kind() != Config::Kind::boolean) config.fail("true or false");
  return std::get<bool>(*config.value_);
}

std::int64_t ConfigValue<std::int64_t>::from(const Config& config) {
  if (config.kind() != Config::Kind::integer) config.fail("an integer");
  return std::get<std::int64_t>(*config.value_);
}

std::string detail::to_string(IntegerRange range) {
  const std::uint64_t all = ~std::uint64_t{0} >> (64 - 8 * range.bytes);
  const std::uint64_t half = all / 2;
  if (!range.negative) return "from 0 to " + std::to_string(all);
  return "from -" + std::to_string(half + 1) + " to " + std::to_string(half);
}

void ConfigValue<std::int64_t>::fail_range(const Config& config, detail::IntegerRange range) {
  throw ValueError(config.path() + ": expected an integer " + detail::to_string(range) + ", got " +
                   config.describe());
}

double ConfigValue<double>::from(const Config& config) {
  if (config.kind() == Config::Kind::real) return std::get<double>(*config.value_);
  if (config.kind() != Config::Kind::integer) config.fail("a number");
  const std::int64_t integer = std::get<std::int64_t>(*config.value_);
  const auto real = static_cast<double>(integer);
  // The largest integers round to 2^63, which is out of range for the conversion back.
  if (real >= 0x1p63 || static_cast<std::int64_t>(real) != integer) {
    config.fail("a number that float64 represents exactly");
  }
  return real;
}

float ConfigValue<float>::from(const Config& config) {
  const double value = ConfigValue<double>::from(config);
  const auto single = static_cast<float>(value);
  if (std::isinf(single) && !std::isinf(value)) {
    throw ValueError(config.path() + ": expected a number in the range of float32, got " + config.describe());
  }
  return single;
}

std::string ConfigValue<std::string>::from(const Config& config) {
  if (config.kind() != Config::Kind::string) config.fail("a string");
  return std::get<std::string>(*config.value_);
}

Config ConfigValue<Shape>::to(const Shape& shape) {
  std::vector<Config> sizes;
  for (Index size : shape) sizes.push_back(size == unknown ? Config() : Config(size));
  return Config::list(std::move(sizes));
}

Shape ConfigValue<Shape>::from(const Config& config) {
  if (!config.is_list()) config.fail("a shape (a list of sizes and nulls)");
  if (config.size() > static_cast<std::size_t>(Shape::max_rank)) {
    throw ValueError(config.path() + ": expected a shape of at most " + std::to_string(Shape::max_rank) +
                     " dimensions, got " + config.describe());
  }
  Shape shape;
  for (const Config& size : config.elements()) {
    if (size.is_null()) {
      shape.push_back(unknown);
    } else if (const Index value = size.as<Index>(); value >= 0) {
      shape.push_back(value);
    } else {
      throw ValueError(size.path() + ": expected a size >= 0 or null, got " + size.describe());
    }
  }
  return shape;
}

DType ConfigValue<DType>::from(const Config& config) {
  // Keras' DTypePolicy.
  if (config.is_map()) return from(config["config"]["name"]);
  const std::string name = config.as<std::string>();
  for (DType dtype : {float32, float64, int32, int64, boolean}) {
    if (name == name_of(dtype)) return dtype;
  }
  config.fail("a dtype (float32, float64, int32, int64 or bool)");
}

}  // namespace unspool
