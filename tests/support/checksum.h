#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool::testing {

/// 64 bits that differ if a byte does, but for one chance in 2^64. `sum` is the checksum of the bytes before.
inline std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t sum = 0xCBF29CE484222325) {
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min(sizeof word, bytes.size() - i));
    sum = (sum ^ word) * 0x9E3779B97F4A7C15;
    sum ^= sum >> 32U;
  }
  return (sum ^ bytes.size()) * 0x100000001B3;
}

/// Prints the results of a case, a line each: case, quantity, dtype and shape, checksum of the bytes.
class ChecksumLines {
 public:
  ChecksumLines(std::string name, std::ostream& out) : name_(std::move(name)), out_(out) {}
  ~ChecksumLines() { end_numbers(); }
  ChecksumLines(const ChecksumLines&) = delete;
  ChecksumLines& operator=(const ChecksumLines&) = delete;

  void add(const std::string& quantity, const Tensor& value) {
    end_numbers();
    if (!value) return print(quantity, "none", 0);
    std::string kind(unspool::name_of(value.dtype()));
    for (int i = 0; i < value.rank(); ++i) {
      kind += (i == 0 ? "[" : ",") + std::to_string(value.shape()[i]);
    }
    const auto* bytes = static_cast<const std::byte*>(value.raw());
    print(quantity, kind + (value.rank() == 0 ? "" : "]"), checksum({bytes, value.bytes()}));
  }
  /// A line for each of them.
  void add(const std::string& quantity, const std::vector<Tensor>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) add(quantity + "." + std::to_string(i), values[i]);
  }
  /// Consecutive numbers of one quantity share a line.
  void add(const std::string& quantity, double value) {
    if (quantity != numbers_of_) end_numbers();
    numbers_of_ = quantity;
    ++numbers_;
    numbers_sum_ = checksum(std::as_bytes(std::span(&value, 1)), numbers_sum_);
  }
  /// An outcome without a value: that the case throws, say.
  void add_outcome(const std::string& outcome) {
    end_numbers();
    print(outcome, "none", 0);
  }

 private:
  void end_numbers() {
    if (numbers_ > 0) print(numbers_of_, std::to_string(numbers_) + " numbers", numbers_sum_);
    numbers_ = 0;
    numbers_sum_ = 0;
    numbers_of_.clear();
  }
  void print(const std::string& quantity, const std::string& kind, std::uint64_t sum) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(sum));
    out_ << name_ << " | " << quantity << " | " << kind << " | " << digits << '\n';
  }

  std::string name_;
  std::ostream& out_;
  std::string numbers_of_;
  int numbers_ = 0;
  std::uint64_t numbers_sum_ = 0;
};

}  // namespace unspool::testing
