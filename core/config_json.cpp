#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/config.h>

namespace unspool {

namespace {

constexpr std::size_t max_json_values = 1'000'000;

// Formats like Python's repr of a float: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
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

  // Recursion is safe: a config is at most Config::max_depth levels deep.
  void write(const Config& config) {
    switch (config.kind()) {
      case Config::Kind::null:
        text += "null";
        return;
      case Config::Kind::boolean:
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
    if (!std::isfinite(value)) {
      throw ValueError(config.path() + ": expected a finite number for JSON, got " + std::to_string(value));
    }
    text += real_text(value);
  }
  void write_string(const std::string& value, const Config& where) {
    try {
      text += nlohmann::json(value).dump();
    } catch (const nlohmann::json::type_error&) {
      throw ValueError(where.path() + ": expected a string in UTF-8 for JSON, got other bytes");
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

// An iterator for the parser that reports its position.
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

// Builds a Config from the events of the parser, which does not recurse.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text), reached_(text.data()) {}

  Config read() {
    // The parser would take a NUL for the end of the text and ignore what follows.
    if (const std::size_t nul = text_.find('\0'); nul != std::string_view::npos) {
      reached_ += nul;
      fail("expected JSON, got a NUL character");
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
    // The parser turns integers of more than 64 bits into reals.
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
    if (const std::string* key = internal::repeated_key(entries))
      fail("expected unique keys, got " + in_quotes(*key) + " twice");
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
      if (reason.size() == 200) break;  // It quotes the text, which may be long and of any bytes.
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
      fail("expected at most " + std::to_string(Config::max_depth) + " nested lists and maps, got more");
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
    if (++values_ > max_json_values) {
      fail("expected at most " + std::to_string(max_json_values) + " values, got more");
    }
  }
  [[noreturn]] void fail_integer() { fail("expected a signed 64-bit integer, got a larger one"); }
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

std::ostream& operator<<(std::ostream& stream, const Config& config) { return stream << to_json(config, 2); }

Config from_json(std::string_view text) { return JsonReader(text).read(); }

}  // namespace unspool
