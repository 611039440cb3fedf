#include <algorithm>
#include <array>
#include <span>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/serialization/internal/inflate.h>

namespace unspool::internal {
namespace {

constexpr int max_code_length = 15;
constexpr std::size_t literal_codes = 288;
constexpr std::size_t distance_codes = 30;
constexpr unsigned end_of_block = 256;

[[noreturn]] void fail_deflate(const char* what) {
  throw ValueError(fmt::format("the compressed data is corrupted: {}", what));
}

/// The bits of a stream, the lowest of each byte first.
class Bits {
 public:
  explicit Bits(std::string_view bytes) : bytes_(bytes) {}

  unsigned take(int count) {
    unsigned value = 0;
    for (int i = 0; i < count; ++i) {
      if (at_ / 8 >= bytes_.size()) fail_deflate("expected more of it, got its end");
      const auto byte = static_cast<unsigned char>(bytes_[at_ / 8]);
      value |= (static_cast<unsigned>(byte) >> (at_ % 8) & 1U) << i;
      ++at_;
    }
    return value;
  }
  /// Goes to the next whole byte. Compressors write zeros before it, and nothing else would detect a change.
  void align() {
    if (at_ % 8 != 0 && take(static_cast<int>(8 - at_ % 8)) != 0) fail_deflate("an unused bit is set");
  }
  /// Whole bytes, from the next one on.
  std::string_view bytes(std::size_t count) {
    align();
    const std::size_t first = at_ / 8;
    if (count > bytes_.size() - first) fail_deflate("expected more of it, got its end");
    at_ = (first + count) * 8;
    return bytes_.substr(first, count);
  }
  bool at_end() const { return at_ / 8 == bytes_.size(); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;  // In bits.
};

/// A canonical Huffman code: symbols in the order of their codes, and how many have each length.
class Huffman {
 public:
  /// Throws ValueError if the lengths belong to no code. A code may lack words only if it has a single one.
  explicit Huffman(std::span<const std::uint8_t> lengths) {
    for (const std::uint8_t length : lengths) ++counts_[length];
    const int used = static_cast<int>(lengths.size()) - counts_[0];
    counts_[0] = 0;
    int left = 1;
    for (int length = 1; length <= max_code_length; ++length) {
      left = 2 * left - counts_[static_cast<std::size_t>(length)];
      if (left < 0) fail_deflate("a code has too many words");
    }
    if (left > 0 && used > 1) fail_deflate("a code has too few words");
    std::array<std::size_t, max_code_length + 2> offsets{};
    for (std::size_t length = 1; length <= max_code_length; ++length) {
      offsets[length + 1] = offsets[length] + static_cast<std::size_t>(counts_[length]);
    }
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol) {
      if (lengths[symbol] != 0) symbols_[offsets[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
    }
  }

  unsigned next(Bits& bits) const {
    int code = 0;
    int first = 0;
    int index = 0;
    for (std::size_t length = 1; length <= max_code_length; ++length) {
      code |= static_cast<int>(bits.take(1));
      const int count = counts_[length];
      if (code - count < first) return symbols_[static_cast<std::size_t>(index + (code - first))];
      index += count;
      first = (first + count) * 2;
      code *= 2;
    }
    fail_deflate("a word is in no code");
  }

 private:
  std::array<int, max_code_length + 1> counts_{};
  std::array<std::uint16_t, literal_codes> symbols_{};
};

/// Lengths and distances are a base and some more bits.
struct Base {
  std::uint16_t first;
  std::uint8_t more_bits;
};
constexpr std::array<Base, 29> lengths_of{
    {{3, 0},  {4, 0},  {5, 0},  {6, 0},   {7, 0},   {8, 0},   {9, 0},   {10, 0},  {11, 1}, {13, 1},
     {15, 1}, {17, 1}, {19, 2}, {23, 2},  {27, 2},  {31, 2},  {35, 3},  {43, 3},  {51, 3}, {59, 3},
     {67, 4}, {83, 4}, {99, 4}, {115, 4}, {131, 5}, {163, 5}, {195, 5}, {227, 5}, {258, 0}}};
constexpr std::array<Base, distance_codes> distances_of{
    {{1, 0},     {2, 0},     {3, 0},     {4, 0},      {5, 1},      {7, 1},     {9, 2},     {13, 2},
     {17, 3},    {25, 3},    {33, 4},    {49, 4},     {65, 5},     {97, 5},    {129, 6},   {193, 6},
     {257, 7},   {385, 7},   {513, 8},   {769, 8},    {1025, 9},   {1537, 9},  {2049, 10}, {3073, 10},
     {4097, 11}, {6145, 11}, {8193, 12}, {12289, 12}, {16385, 13}, {24577, 13}}};

class Inflater {
 public:
  Inflater(std::string_view compressed, std::uint64_t size) : bits_(compressed), size_(size) {
    out_.reserve(size);
  }

  std::string run() {
    bool last = false;
    while (!last) {
      last = bits_.take(1) != 0;
      switch (bits_.take(2)) {
        case 0:
          stored();
          break;
        case 1:
          fixed();
          break;
        case 2:
          dynamic();
          break;
        default:
          fail_deflate("a block is of an unknown type");
      }
    }
    bits_.align();
    if (!bits_.at_end()) fail_deflate("expected its end, got more bytes");
    if (out_.size() != size_) fail_deflate("it holds fewer bytes than stated");
    return std::move(out_);
  }

 private:
  void need(std::size_t count) const {
    if (count > size_ - out_.size()) fail_deflate("it holds more bytes than stated");
  }

  void stored() {
    const std::string_view sizes = bits_.bytes(4);
    const auto byte = [&](std::size_t i) {
      return static_cast<unsigned>(static_cast<unsigned char>(sizes[i]));
    };
    const unsigned size = byte(0) | byte(1) << 8;
    if ((size ^ 0xFFFFU) != (byte(2) | byte(3) << 8)) fail_deflate("a length and its complement differ");
    need(size);
    out_ += bits_.bytes(size);
  }

  void fixed() {
    std::array<std::uint8_t, literal_codes> literals{};
    std::fill_n(literals.begin(), 144, std::uint8_t{8});
    std::fill_n(literals.begin() + 144, 112, std::uint8_t{9});
    std::fill_n(literals.begin() + 256, 24, std::uint8_t{7});
    std::fill_n(literals.begin() + 280, 8, std::uint8_t{8});
    // All 32 words have a length, so that the code is complete; the last two stand for nothing.
    std::array<std::uint8_t, 32> distances{};
    distances.fill(5);
    block(Huffman(literals), Huffman(distances));
  }

  void dynamic() {
    const std::size_t literals = bits_.take(5) + 257;
    const std::size_t distances = bits_.take(5) + 1;
    const std::size_t codes = bits_.take(4) + 4;
    if (literals > 286 || distances > distance_codes) fail_deflate("a code has too many symbols");
    constexpr std::array<std::uint8_t, 19> order{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                 11, 4,  12, 3, 13, 2, 14, 1, 15};
    std::array<std::uint8_t, 19> code_lengths{};
    for (std::size_t i = 0; i < codes; ++i) code_lengths[order[i]] = static_cast<std::uint8_t>(bits_.take(3));
    const Huffman code(code_lengths);
    std::array<std::uint8_t, 286 + distance_codes> lengths{};
    for (std::size_t i = 0; i < literals + distances;) {
      const unsigned symbol = code.next(bits_);
      if (symbol < 16) {
        lengths[i++] = static_cast<std::uint8_t>(symbol);
        continue;
      }
      if (symbol == 16 && i == 0) fail_deflate("the first length of a code repeats the one before");
      const std::uint8_t repeated = symbol == 16 ? lengths[i - 1] : std::uint8_t{0};
      const unsigned times = symbol == 16   ? 3 + bits_.take(2)
                             : symbol == 17 ? 3 + bits_.take(3)
                                            : 11 + bits_.take(7);
      if (times > literals + distances - i) fail_deflate("a code has too many lengths");
      for (unsigned k = 0; k < times; ++k) lengths[i++] = repeated;
    }
    if (lengths[end_of_block] == 0) fail_deflate("a block has no end");
    const std::span<const std::uint8_t> all(lengths);
    block(Huffman(all.first(literals)), Huffman(all.subspan(literals, distances)));
  }

  void block(const Huffman& literals, const Huffman& distances) {
    for (;;) {
      const unsigned symbol = literals.next(bits_);
      if (symbol == end_of_block) return;
      if (symbol < end_of_block) {
        need(1);
        out_ += static_cast<char>(symbol);
        continue;
      }
      if (symbol - 257 >= lengths_of.size()) fail_deflate("a length is out of range");
      const Base length_base = lengths_of[symbol - 257];
      const std::size_t length = length_base.first + bits_.take(length_base.more_bits);
      const unsigned place = distances.next(bits_);
      if (place >= distances_of.size()) fail_deflate("a distance is out of range");
      const std::size_t distance = distances_of[place].first + bits_.take(distances_of[place].more_bits);
      if (distance > out_.size()) fail_deflate("a distance reaches before the first byte");
      need(length);
      // One by one: a copy may overlap what it makes.
      for (std::size_t i = 0; i < length; ++i) out_ += out_[out_.size() - distance];
    }
  }

  Bits bits_;
  std::uint64_t size_;
  std::string out_;
};

}  // namespace

std::string inflate(std::string_view compressed, std::uint64_t size) {
  // No symbol stands for more than 258 bytes, and each takes at least one bit.
  if (size / 258 / 8 > compressed.size()) fail_deflate("it is too short for the bytes that it should hold");
  return Inflater(compressed, size).run();
}

}  // namespace unspool::internal
