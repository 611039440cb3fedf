#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <ostream>

#include <unspool/core/internal/format.h>
#include <unspool/core/tensor.h>

namespace unspool {
namespace {

// NumPy's defaults: eight digits; beyond a thousand elements, three entries at either end of each axis.
constexpr int precision = 8;
constexpr Index threshold = 1000;
constexpr Index edge = 3;

struct Formatter {
  bool exponent = false;
  int digits = 0;

  std::string operator()(double value) const {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    return exponent ? fmt::format("{:.{}e}", value, digits) : fixed(value, digits);
  }

  static std::string fixed(double value, int digits) {
    std::string text = fmt::format("{:.{}f}", value, digits);
    return digits == 0 ? text + "." : text;
  }
};

/// The fewest digits after the point that represent `value` exactly, at most eight.
template <class T>
int digits_of(T value, bool exponent) {
  for (int digits = 0; digits < precision; ++digits) {
    const std::string text =
        exponent ? fmt::format("{:.{}e}", value, digits) : fmt::format("{:.{}f}", value, digits);
    // Unlike std::stod, this accepts denormal numbers.
    if (static_cast<T>(std::strtod(text.c_str(), nullptr)) == value) return digits;
  }
  return precision;
}

class Printer {
 public:
  explicit Printer(const Tensor& tensor) : tensor_(tensor), shorten_(tensor.size() > threshold) {
    visit_dtype(tensor.dtype(), [&]<class T>(T) { format_all<T>(); });
    for (const std::string& text : texts_) width_ = std::max(width_, text.size());
    align();
  }

  std::string print() {
    std::string out;
    next_ = 0;
    axis(0, out);
    return out;
  }

 private:
  /// Calls f with the offset of every element that is shown, in order.
  template <class F>
  void shown(int axis, Index offset, F&& f) const {
    if (axis == tensor_.rank()) return f(offset);
    const Index size = tensor_.shape()[axis];
    for (Index i = 0; i < size; ++i) {
      if (skips(size) && i == edge) i = size - edge;
      shown(axis + 1, offset * size + i, f);
    }
  }
  bool skips(Index size) const { return shorten_ && size > 2 * edge; }

  template <class T>
  void format_all() {
    const auto data = tensor_.data<T>();
    std::vector<T> values;
    shown(0, 0, [&](Index offset) { values.push_back(data[static_cast<std::size_t>(offset)]); });
    if constexpr (std::is_same_v<T, bool>) {
      for (bool value : values) texts_.emplace_back(value ? "True" : "False");
    } else if constexpr (std::is_integral_v<T>) {
      for (T value : values) texts_.push_back(std::to_string(value));
    } else {
      format_floating(values);
    }
  }

  template <class T>
  void format_floating(const std::vector<T>& values) {
    double largest = 0;
    double smallest = std::numeric_limits<double>::infinity();
    for (T value : values) {
      const auto size = static_cast<double>(std::fabs(value));
      if (!std::isfinite(size) || size == 0) continue;
      largest = std::max(largest, size);
      smallest = std::min(smallest, size);
    }
    Formatter format;
    format.exponent = largest > 0 && (largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1000);
    for (T value : values) {
      if (std::isfinite(value)) format.digits = std::max(format.digits, digits_of(value, format.exponent));
    }
    const auto count = format.digits;
    for (T value : values) {
      std::string text = format(static_cast<double>(value));
      if (!format.exponent && std::isfinite(value)) {
        // Columns are aligned on the point; trailing zeros are blanks, as in NumPy.
        std::string own = Formatter::fixed(static_cast<double>(value), digits_of(value, false));
        const std::size_t point_and_digits = text.size() - text.find('.');
        own.resize(own.find('.') + point_and_digits, ' ');
        text = count == 0 ? text : own;
      }
      texts_.push_back(std::move(text));
    }
  }

  void align() {
    for (std::string& text : texts_) text.insert(0, width_ - text.size(), ' ');
  }

  void axis(int depth, std::string& out) {
    if (depth == tensor_.rank()) {
      out += texts_[next_++];
      return;
    }
    const Index size = tensor_.shape()[depth];
    const int inner = tensor_.rank() - depth - 1;
    const std::string separator = inner == 0 ? " "
                                             : std::string(static_cast<std::size_t>(inner), '\n') +
                                                   std::string(static_cast<std::size_t>(depth + 1), ' ');
    out += '[';
    for (Index i = 0; i < size; ++i) {
      if (i > 0) out += separator;
      if (skips(size) && i == edge) {
        out += "..." + separator;
        i = size - edge;
      }
      axis(depth + 1, out);
    }
    out += ']';
  }

  const Tensor& tensor_;
  bool shorten_;
  std::vector<std::string> texts_;
  std::size_t width_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

std::string to_string(const Tensor& tensor) {
  if (!tensor || tensor.is_abstract())
    return "<" + std::string(tensor ? "abstract " : "") + describe(tensor) + ">";
  return Printer(tensor).print();
}

std::ostream& operator<<(std::ostream& stream, const Tensor& tensor) { return stream << to_string(tensor); }

}  // namespace unspool
