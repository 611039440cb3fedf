#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <unspool/core/config.h>

namespace unspool::fuzz {

/// Makes random changes.
class Mutator {
 public:
  /// Changes bytes without knowing what they mean. The result has at most so many.
  using ChangeBytes = std::function<std::string(std::string bytes, std::size_t most)>;

  Mutator(std::uint64_t seed, ChangeBytes change_bytes)
      : random_(seed), change_bytes_(std::move(change_bytes)) {}

  /// A number from 0 to end - 1.
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  std::string bytes(std::string bytes, std::size_t most) { return change_bytes_(std::move(bytes), most); }
  /// Some changes of a config: other values, names of classes and keys that this library knows, and parts of
  /// the configs that earlier calls were given.
  Config config(const Config& config);
  /// Such changes of a config as text, or others if the text is no config.
  std::string json(const std::string& text, std::size_t most);

 private:
  Config changed(const Config& config, std::size_t& place);
  Config other(const Config& config);
  Config other_map(const Config& map);
  Config other_list(const Config& list);
  Config scalar();
  std::string word();
  void remember(const Config& config);

  std::mt19937_64 random_;
  ChangeBytes change_bytes_;
};

}  // namespace unspool::fuzz
