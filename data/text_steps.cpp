#include <algorithm>
#include <string_view>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/text_vectorization.h>

namespace unspool {

namespace {

std::string known_name(std::string name, const std::vector<std::string>& names, std::string_view argument) {
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    throw ValueError(fmt::format("TextVectorization: expected a name, None or a function as {}, got {}{}",
                                 argument, in_quotes(name), did_you_mean(name, names)));
  }
  return name;
}

Config name_or_null(const std::string& name, bool function, std::string_view argument) {
  if (function) {
    throw ValueError(
        fmt::format("TextVectorization: expected {} by name for a config, got a function", argument));
  }
  return name.empty() ? Config() : Config(name);
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// A part of a text: a code point, or bytes that are not UTF-8.
struct Piece {
  std::size_t bytes;
  bool valid;
};

/// The first code point of a text that is not empty, or the bytes up to the first that cannot continue it.
Piece first_piece(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, true};
  if (first < 0xC2 || first > 0xF4) return {1, false};
  const std::size_t count = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  for (std::size_t i = 1; i < count; ++i) {
    if (i == text.size()) return {i, false};
    // Overlong forms, surrogates, and what is above U+10FFFF.
    const unsigned char least = i > 1 ? 0x80 : first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const unsigned char most = i > 1 ? 0xBF : first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (byte(i) < least || byte(i) > most) return {i, false};
  }
  return {count, true};
}

std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const Piece piece = first_piece(text);
    all.emplace_back(piece.valid ? text.substr(0, piece.bytes) : std::string_view("\xEF\xBF\xBD"));
    text.remove_prefix(piece.bytes);
  }
  return all;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  for (auto at = text.begin(); at != text.end();) {
    const auto begin = std::find_if_not(at, text.end(), is_space);
    at = std::find_if(begin, text.end(), is_space);
    if (begin != at) all.emplace_back(begin, at);
  }
  return all;
}

}  // namespace

Standardize::Standardize(std::string name)
    : name_(known_name(std::move(name), {"lower_and_strip_punctuation", "lower", "strip_punctuation"},
                       "standardize")) {}

std::string Standardize::operator()(const std::string& text) const {
  if (function_) return function_(text);
  if (name_.empty()) return text;
  const bool strip = name_ != "lower";
  const bool lower = name_ != "strip_punctuation";
  std::string made;
  made.reserve(text.size());
  for (const char c : text) {
    const bool punctuation =
        (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    if (strip && punctuation) continue;
    made += lower && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return made;
}

Config Standardize::config() const {
  return name_or_null(name_, static_cast<bool>(function_), "standardize");
}

Split::Split(std::string name) : name_(known_name(std::move(name), {"whitespace", "character"}, "split")) {}

std::vector<std::string> Split::operator()(const std::string& text) const {
  if (function_) return function_(text);
  if (name_.empty()) return {text};
  return name_ == "character" ? characters(text) : words(text);
}

Config Split::config() const { return name_or_null(name_, static_cast<bool>(function_), "split"); }

Ngrams::Ngrams(std::vector<Index> lengths) : lengths_(std::move(lengths)) {
  for (const Index length : lengths_) {
    if (length < 1) throw ValueError(fmt::format("TextVectorization: expected ngrams >= 1, got {}", length));
  }
}

std::vector<Index> Ngrams::up_to(Index n) {
  if (n < 1) throw ValueError(fmt::format("TextVectorization: expected ngrams >= 1, got {}", n));
  std::vector<Index> lengths;
  for (Index length = 1; length <= n; ++length) lengths.push_back(length);
  return lengths;
}

}  // namespace unspool
