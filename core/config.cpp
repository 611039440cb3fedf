#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <variant>

#include <unspool/core/config.h>
#include <unspool/core/error.h>

namespace unspool {

struct Config::List {
  std::vector<Config> elements;
  int depth;
};

struct Config::Map {
  std::vector<Entry> entries;
  int depth;
};

// In the order of Kind.
struct Config::Value : std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> {
  using variant::variant;
};

// The way from the root down to a value; no longer than the tree is deep.
struct Config::Trail {
  std::shared_ptr<const Trail> above;
  std::string step;
};

namespace {

constexpr std::size_t max_json_values = 1'000'000;

bool is_plain_key(std::string_view key) {
  return !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string step_to(std::string_view key) {
  return is_plain_key(key) ? "." + std::string(key) : "[" + in_quotes(key) + "]";
}

int checked_depth(int below) {
  if (below >= Config::max_depth) {
    throw ValueError("a config nests at most " + std::to_string(Config::max_depth) + " lists and maps");
  }
  return below + 1;
}

const std::string* repeated_key(const std::vector<Config::Entry>& entries) {
  std::unordered_set<std::string_view> seen;
  for (const auto& [key, value] : entries) {
    if (!seen.insert(key).second) return &key;
  }
  return nullptr;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Levenshtein's distance, an edit costing 2 and a change of case 1.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = 2 * j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = 2 * (i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = a[i] == b[j] ? 0 : lower(a[i]) == lower(b[j]) ? 1 : 2;
      const std::size_t best = std::min({diagonal + change, row[j] + 2, row[j + 1] + 2});
      diagonal = row[j + 1];
      row[j + 1] = best;
    }
  }
  return row[b.size()];
}

}  // namespace

// -- the tree -------------------------------------------------------------------------------------------

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
  if (const std::string* key = repeated_key(entries)) {
    throw ValueError("the key " + in_quotes(*key) + " comes twice in a map");
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

Config Config::operator[](std::string_view key) const {
  std::optional<Config> value = find(key);
  if (!value) throw KeyError(path() + " has no key " + in_quotes(key) + did_you_mean(key, keys()));
  return *std::move(value);
}

Config Config::operator[](std::size_t index) const {
  const std::vector<Config>& elements = list_here();
  if (index >= elements.size()) {
    throw IndexError(path() + " has no element " + std::to_string(index) + ": it is a list of " +
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
  // A root that was named carries its name as its first step.
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
    case Kind::logical:
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
  throw TypeError(path() + ": expected " + std::string(expected) + ", came " + describe());
}

void Config::fail_integer(std::uint64_t value) {
  throw ValueError("a config holds integers of 64 bits with a sign, came " + std::to_string(value));
}

void Config::fail_index(std::int64_t index) const {
  throw IndexError(path() + " has no element " + std::to_string(index) + ": an index counts from 0");
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
    case Config::Kind::logical:
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

// -- types ----------------------------------------------------------------------------------------------

bool ConfigValue<bool>::from(const Config& config) {
  if (config.kind() != Config::Kind::logical) config.fail("true or false");
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
  throw ValueError(config.path() + ": expected an integer " + detail::to_string(range) + ", came " +
                   config.describe());
}

double ConfigValue<double>::from(const Config& config) {
  if (config.kind() == Config::Kind::real) return std::get<double>(*config.value_);
  if (config.kind() != Config::Kind::integer) config.fail("a number");
  const std::int64_t integer = std::get<std::int64_t>(*config.value_);
  const auto real = static_cast<double>(integer);
  // 2^63, the first double that no longer fits, is what the largest integers round to.
  if (real >= 0x1p63 || static_cast<std::int64_t>(real) != integer) config.fail("a number that a real holds");
  return real;
}

float ConfigValue<float>::from(const Config& config) {
  const double value = ConfigValue<double>::from(config);
  const auto single = static_cast<float>(value);
  if (std::isinf(single) && !std::isinf(value)) {
    throw ValueError(config.path() + ": expected a number that float32 holds, came " + config.describe());
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
  if (!config.is_list()) config.fail("a shape, a list of sizes and nulls");
  if (config.size() > static_cast<std::size_t>(Shape::max_rank)) {
    throw ValueError(config.path() + ": expected a shape of at most " + std::to_string(Shape::max_rank) +
                     " dimensions, came " + config.describe());
  }
  Shape shape;
  for (const Config& size : config.elements()) {
    if (size.is_null()) {
      shape.push_back(unknown);
    } else if (const Index value = size.as<Index>(); value >= 0) {
      shape.push_back(value);
    } else {
      throw ValueError(size.path() + ": expected a size >= 0 or null, came " + size.describe());
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

// -- names ----------------------------------------------------------------------------------------------

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string result = "\"";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr std::string_view digits = "0123456789abcdef";
      result += "\\x";
      result += digits[byte >> 4];
      result += digits[byte & 15];
    } else {
      result += c;
    }
  }
  return result + (text.size() > longest ? "\"..." : "\"");
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr std::size_t longest =
      100;  // The distance costs the product of the lengths; names can be hostile.
  if (name.empty() || name.size() > longest) return {};
  const std::string* best = nullptr;
  // One edit for each three letters begun.
  std::size_t limit = 2 * ((name.size() + 2) / 3);
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest) continue;
    const std::size_t d = distance(name, candidate);
    if (d < limit || (best == nullptr && d == limit)) {
      best = &candidate;
      limit = d;
    }
  }
  return best == nullptr ? std::string() : *best;
}

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  if (const std::string best = nearest(name, candidates); !best.empty()) {
    return ": did you mean " + in_quotes(best) + "?";
  }
  if (candidates.empty()) return "; none are known";
  constexpr std::size_t most = 40;
  std::string text = "; known: ";
  for (std::size_t i = 0; i < std::min(candidates.size(), most); ++i) {
    if (i > 0) text += ", ";
    text += is_plain_key(candidates[i]) ? candidates[i] : in_quotes(candidates[i]);
  }
  return candidates.size() > most ? text + ", ..." : text;
}

// -- JSON -----------------------------------------------------------------------------------------------

namespace {

// As Python's repr of a float: shortest digits, an exponent below 1e-4 and from 1e16 on.
std::string real_text(double value) {
  std::array<char, 40> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string text(buffer.data(), end.ptr);
  const std::size_t e = text.find('e');
  int exponent = 0;
  const char* const digits = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(digits, text.data() + text.size(), exponent);
  if (exponent < -4 || exponent >= 16) return text;
  const auto fixed =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  text.assign(buffer.data(), fixed.ptr);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

class JsonWriter {
 public:
  explicit JsonWriter(int indent) : indent_(indent) {}

  // A config nests at most 256 deep, so this may recurse.
  void write(const Config& config) {
    switch (config.kind()) {
      case Config::Kind::null:
        text += "null";
        return;
      case Config::Kind::logical:
        text += config.as<bool>() ? "true" : "false";
        return;
      case Config::Kind::integer:
        text += std::to_string(config.as<std::int64_t>());
        return;
      case Config::Kind::real:
        write_real(config);
        return;
      case Config::Kind::string:
        write_string(config.as<std::string>(), config);
        return;
      case Config::Kind::list:
        open('[');
        for (const Config& element : config.elements()) {
          separate();
          write(element);
        }
        close(']');
        return;
      case Config::Kind::map:
        open('{');
        for (const auto& [key, value] : config.items()) {
          separate();
          write_string(key, value);
          text += ": ";
          write(value);
        }
        close('}');
        return;
    }
  }

  std::string text;

 private:
  void write_real(const Config& config) {
    const double value = config.as<double>();
    if (!std::isfinite(value)) throw ValueError(config.path() + ": JSON has no " + std::to_string(value));
    text += real_text(value);
  }
  void write_string(const std::string& value, const Config& where) {
    try {
      text += nlohmann::json(value).dump();
    } catch (const nlohmann::json::type_error&) {
      throw ValueError(where.path() + ": expected a string in UTF-8, came other bytes");
    }
  }
  void open(char bracket) {
    text += bracket;
    ++level_;
    first_ = true;
  }
  void separate() {
    if (!first_) text += indent_ < 0 ? ", " : ",";
    first_ = false;
    new_line();
  }
  void close(char bracket) {
    --level_;
    if (!first_) new_line();
    first_ = false;
    text += bracket;
  }
  void new_line() {
    if (indent_ < 0) return;
    text += '\n';
    text.append(static_cast<std::size_t>(indent_) * static_cast<std::size_t>(level_), ' ');
  }

  int indent_;
  int level_ = 0;
  bool first_ = true;
};

// Hands the text to the parser and keeps count of where it is.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, const char** reached) : at_(at), reached_(reached) {}
  const char& operator*() const { return *at_; }
  Cursor& operator++() {
    ++at_;
    if (reached_ != nullptr) *reached_ = at_;
    return *this;
  }
  Cursor operator++(int) {
    const Cursor before = *this;
    ++*this;
    return before;
  }
  friend bool operator==(const Cursor& a, const Cursor& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// Receives what the parser finds. The parser keeps its own stack, so depth costs it nothing.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text), reached_(text.data()) {}

  Config read() {
    // The parser takes a NUL for the end and would pass over what follows.
    if (const std::size_t nul = text_.find('\0'); nul != std::string_view::npos) {
      reached_ += nul;
      fail("a NUL");
    }
    const char* const end = text_.data() + text_.size();
    nlohmann::json::sax_parse(Cursor(text_.data(), &reached_), Cursor(end, nullptr), this);
    return std::move(root_);
  }

  bool null() { return add(Config()); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) {
    if (!std::in_range<std::int64_t>(value)) fail_integer();
    return add(value);
  }
  bool number_float(double value, const std::string& digits) {
    // The parser makes integers of more than 64 bits real.
    if (digits.find_first_of(".eE") == std::string::npos) fail_integer();
    return add(value);
  }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(true); }
  bool start_array(std::size_t) { return open(false); }
  bool key(std::string& value) {
    levels_.back().keys.push_back(std::move(value));
    return true;
  }
  bool end_object() {
    Level level = take_level();
    std::vector<Config::Entry> entries;
    entries.reserve(level.values.size());
    for (std::size_t i = 0; i < level.values.size(); ++i) {
      entries.emplace_back(std::move(level.keys[i]), std::move(level.values[i]));
    }
    if (const std::string* key = repeated_key(entries)) fail("the key " + in_quotes(*key) + " comes twice");
    return put(Config::map(std::move(entries)));
  }
  bool end_array() { return put(Config::list(take_level().values)); }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: what is wrong; last read: ..."
    const std::string_view message = error.what();
    const std::size_t column = message.find("column ");
    std::size_t start = column == std::string_view::npos ? column : message.find(": ", column);
    if (start == std::string_view::npos) start = message.find("] ");
    std::string reason;
    for (const char c : message.substr(start == std::string_view::npos ? 0 : start + 2)) {
      if (reason.size() == 200) break;  // It quotes the text, which may be long and any bytes.
      reason += c >= 0x20 && c < 0x7f ? c : '?';
    }
    fail(reason);
  }

 private:
  struct Level {
    bool is_map;
    std::vector<std::string> keys;
    std::vector<Config> values;
  };

  bool open(bool is_map) {
    count();
    if (levels_.size() == static_cast<std::size_t>(Config::max_depth)) {
      fail("more than " + std::to_string(Config::max_depth) + " levels of lists and maps");
    }
    levels_.push_back({is_map, {}, {}});
    return true;
  }
  bool add(Config value) {
    count();
    return put(std::move(value));
  }
  bool put(Config value) {
    if (levels_.empty()) {
      root_ = std::move(value);
    } else {
      levels_.back().values.push_back(std::move(value));
    }
    return true;
  }
  Level take_level() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    return level;
  }
  void count() {
    if (++values_ > max_json_values) fail("more than " + std::to_string(max_json_values) + " values");
  }
  [[noreturn]] void fail_integer() { fail("an integer of more than 64 bits with a sign"); }
  [[noreturn]] void fail(const std::string& reason) {
    const std::string_view before(text_.data(), static_cast<std::size_t>(reached_ - text_.data()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t newline = before.rfind('\n');
    const std::size_t column =
        newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
    throw ValueError("JSON, line " + std::to_string(line) + ", column " + std::to_string(column) + ": " +
                     reason);
  }

  std::string_view text_;
  const char* reached_;
  std::size_t values_ = 0;
  std::vector<Level> levels_;
  Config root_;
};

}  // namespace

std::string to_json(const Config& config, int indent) {
  JsonWriter writer(indent);
  writer.write(config);
  return std::move(writer.text);
}

Config from_json(std::string_view text) { return JsonReader(text).read(); }

}  // namespace unspool
