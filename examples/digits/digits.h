#pragma once

#include <filesystem>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <unspool/unspool.h>

/// Shared by the two programs: loading images, and command line arguments.
namespace digits {

using namespace unspool;

struct Images {
  Tensor x;  // (images, 8 rows, 8 pixels), 0 to 1
  Tensor y;  // the digits, int32
};

struct Split {
  Images training;
  Images test;
};

inline Images take(const Images& from, const std::vector<std::int32_t>& which) {
  const Tensor rows = Tensor::from(which);
  return {gather(from.x, rows), gather(from.y, rows)};
}

/// Every fifth image is for testing and is not used in training.
inline Split load(const std::filesystem::path& path) {
  const Tensor table = read_csv(path);
  if (table.shape().back() != 65)
    throw FileError(path.string() + ": expected 64 pixels and a digit in each line, got " + describe(table));
  const Images all{reshape(slice(table, 1, 0, 64), {-1, 8, 8}) / 16,
                   cast(reshape(slice(table, 1, 64, 65), {-1}), int32)};
  std::vector<std::int32_t> training;
  std::vector<std::int32_t> test;
  for (Index i = 0; i < all.x.shape().front(); ++i) {
    (i % 5 == 4 ? test : training).push_back(static_cast<std::int32_t>(i));
  }
  return {take(all, training), take(all, test)};
}

/// Prints images side by side as text, with a caption below each.
inline void show(const Tensor& images, const std::vector<std::string>& captions) {
  const std::string shades = " .:-=+*%@";
  for (Index row = 0; row < 8; ++row) {
    for (std::size_t i = 0; i < captions.size(); ++i) {
      for (Index column = 0; column < 8; ++column) {
        const float ink = images.item<float>({static_cast<Index>(i), row, column});
        const char shade =
            shades[static_cast<std::size_t>(ink * static_cast<float>(shades.size() - 1) + 0.5F)];
        std::cout << shade << shade;
      }
      std::cout << "    ";
    }
    std::cout << '\n';
  }
  for (const std::string& caption : captions) std::cout << caption << std::string(20 - caption.size(), ' ');
  std::cout << "\n\n";
}

/// Command line arguments of the form --name value, with their defaults. Throws for any other argument.
class Arguments {
 public:
  Arguments(int count, char** words, std::map<std::string, std::string> defaults)
      : values_(std::move(defaults)) {
    for (int i = 1; i < count; i += 2) {
      const std::string word = words[i];
      const auto found = word.starts_with("--") ? values_.find(word.substr(2)) : values_.end();
      if (found == values_.end() || i + 1 == count) fail(word);
      found->second = words[i + 1];
    }
  }
  const std::string& text(const std::string& name) const { return values_.at(name); }
  int number(const std::string& name) const {
    try {
      return std::stoi(text(name));
    } catch (const std::logic_error&) {
      fail("--" + name + " " + text(name));
    }
  }

 private:
  [[noreturn]] void fail(const std::string& got) const {
    std::string known;
    for (const auto& [name, value] : values_)
      known += " [--" + name + " " + (value.empty() ? "..." : value) + "]";
    throw std::invalid_argument("expected" + known + ", got " + got);
  }
  std::map<std::string, std::string> values_;
};

}  // namespace digits
