#include <algorithm>

#include <unspool/core/config.h>
#include <unspool/core/internal/config.h>

namespace unspool {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Levenshtein distance: an edit costs 2, a change of case 1.
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
  // Computing a distance takes time proportional to the product of the lengths, and names can be hostile.
  constexpr std::size_t longest = 100;
  if (name.empty() || name.size() > longest) return {};
  const std::string* best = nullptr;
  // At most one edit for every three letters, rounded up.
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
    text += internal::is_plain_key(candidates[i]) ? candidates[i] : in_quotes(candidates[i]);
  }
  return candidates.size() > most ? text + ", ..." : text;
}

}  // namespace unspool
