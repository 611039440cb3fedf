#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include <unspool/data/csv.h>

namespace unspool {

namespace {

/// Takes the front of a text.
class DateText {
 public:
  explicit DateText(std::string_view text) : text_(text) {}

  bool empty() const { return text_.empty(); }
  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  /// A number of so many digits.
  std::optional<int> number(std::size_t digits) {
    if (text_.size() < digits) return {};
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return {};
      value = 10 * value + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return value;
  }
  /// The digits of a fraction.
  double fraction() {
    double value = 0;
    for (double weight = 0.1; !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; weight /= 10) {
      value += weight * (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return value;
  }
  char front() const { return text_.empty() ? '\0' : text_.front(); }

 private:
  std::string_view text_;
};

std::optional<std::chrono::sys_days> take_day(DateText& text) {
  DateText german = text;
  std::optional<int> year;
  std::optional<int> month;
  std::optional<int> day = german.number(2);
  if (day && german.take('.')) {
    month = german.number(2);
    if (!month || !german.take('.')) return {};
    year = german.number(4);
    text = german;
  } else {
    year = text.number(4);
    const char separator = text.front();
    if (!year || (separator != '-' && separator != '/')) return {};
    text.take(separator);
    month = text.number(2);
    if (!month || !text.take(separator)) return {};
    day = text.number(2);
  }
  if (!year || !month || !day) return {};
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return {};
  return std::chrono::sys_days(date);
}

}  // namespace

std::optional<double> parse_date(std::string_view given) {
  DateText text(given);
  const std::optional<std::chrono::sys_days> day = take_day(text);
  if (!day) return {};
  double seconds = 0;
  if (text.take(' ') || text.take('T')) {
    const std::optional<int> hour = text.number(2);
    if (!hour || *hour > 23 || !text.take(':')) return {};
    const std::optional<int> minute = text.number(2);
    if (!minute || *minute > 59) return {};
    seconds = 3600.0 * *hour + 60.0 * *minute;
    if (text.take(':')) {
      const std::optional<int> second = text.number(2);
      if (!second || *second > 60) return {};
      seconds += *second;
      if (text.take('.')) seconds += text.fraction();
    }
    text.take('Z');
  }
  if (!text.empty()) return {};
  return static_cast<double>(day->time_since_epoch().count()) * 86400.0 + seconds;
}

}  // namespace unspool
