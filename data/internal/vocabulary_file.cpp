#include <string_view>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/data/internal/vocabulary_file.h>
#include <unspool/serialization/file.h>

namespace unspool::internal {

void write_vocabulary(const std::string& path, const std::vector<std::string>& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) {
    if (token.find_first_of("\n\r") != std::string::npos) {
      throw ValueError("expected tokens without line ends for a vocabulary in a file, got " +
                       in_quotes(token) + ": write to_json(get_config())");
    }
    bytes += token + '\n';
  }
  write_file_atomically(path, bytes);
}

std::vector<std::string> read_vocabulary(const std::string& path) {
  const std::string bytes = read_file(path);
  std::vector<std::string> tokens;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    tokens.emplace_back(line);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  if (tokens.empty()) throw FileError(path + ": expected a vocabulary, one token a line, got an empty file");
  return tokens;
}

}  // namespace unspool::internal
