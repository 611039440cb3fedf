#include <cctype>
#include <cstdlib>
#include <cxxabi.h>
#include <memory>

#include <unspool/core/class_name.h>

namespace unspool {
namespace {

bool is_upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }
bool is_lower(char c) { return std::islower(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::string class_name_of(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> demangled(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), std::free);
  std::string name = status == 0 ? demangled.get() : type.name();
  if (!name.empty() && name.back() == '>') {
    std::size_t start = name.size() - 1;
    for (int depth = 1; depth > 0 && start > 0;) {
      --start;
      if (name[start] == '>') ++depth;
      if (name[start] == '<') --depth;
    }
    name.resize(start);
  }
  const std::size_t scope = name.rfind("::");
  return scope == std::string::npos ? name : name.substr(scope + 2);
}

std::string to_snake_case(std::string_view name) {
  std::string word;
  for (const char c : name) {
    if (is_word(c)) word += c;
  }
  // "(.)([A-Z][a-z]+)" -> "\1_\2": matches do not overlap, so a letter that ended one cannot precede the
  // next.
  std::string parted;
  for (std::size_t i = 0; i < word.size();) {
    if (i + 2 < word.size() && is_upper(word[i + 1]) && is_lower(word[i + 2])) {
      parted += word[i];
      parted += '_';
      parted += word[i + 1];
      for (i += 2; i < word.size() && is_lower(word[i]); ++i) parted += word[i];
    } else {
      parted += word[i++];
    }
  }
  // "([a-z])([A-Z])" -> "\1_\2".
  std::string snake;
  for (std::size_t i = 0; i < parted.size(); ++i) {
    if (i > 0 && is_lower(parted[i - 1]) && is_upper(parted[i])) snake += '_';
    snake += static_cast<char>(std::tolower(static_cast<unsigned char>(parted[i])));
  }
  return snake;
}

}  // namespace unspool
