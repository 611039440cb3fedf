#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <sstream>

#include <unspool/core/internal/format.h>
#include <unspool/models/internal/progress.h>
#include <unspool/models/internal/terminal.h>

namespace unspool::internal {

namespace {

constexpr Index cells = 20;
constexpr std::string_view bold = "\033[1m";
constexpr std::string_view green = "\033[32m";
constexpr std::string_view grey = "\033[37m";
constexpr std::string_view plain = "\033[0m";

std::string repeated(std::string_view text, Index times) {
  std::string all;
  for (Index i = 0; i < times; ++i) all += text;
  return all;
}

double seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::string describe_logs(const Logs& logs) {
  // A metric with several values, "f1_score[0]", ..., is shown by their mean, as in Keras.
  Logs shown;
  std::map<std::string, double, std::less<>> counts;
  for (const auto& [name, value] : logs) {
    const std::string metric = name.substr(0, name.ends_with(']') ? name.find('[') : name.size());
    const double count = ++counts[metric];
    double& mean = shown.get_or_add(metric);
    mean += (value - mean) / count;
  }
  std::ostringstream text;
  if (!shown.empty()) text << " - " << shown;
  return text.str();
}

std::string describe_eta(double seconds) {
  const long whole = std::lround(std::floor(seconds));
  if (whole > 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole % 3600 / 60, whole % 60);
  if (whole > 60) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}s", whole);
}

std::string describe_pace(double seconds) {
  if (seconds >= 1 || seconds == 0) return fmt::format("{:.0f}s/step", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.0f}ms/step", seconds * 1e3);
  return fmt::format("{:.0f}us/step", seconds * 1e6);
}

Progress::Progress(std::ostream& stream, int verbose, std::optional<Index> target, bool terminal)
    : stream_(stream), verbose_(verbose), target_(target), terminal_(terminal) {}

Progress::Progress(int verbose, std::optional<Index> target)
    : Progress(std::cout, verbose, target, verbose == 1 && writes_to_terminal()) {}

Progress::~Progress() {
  if (drawn_ > 0) stream_ << std::endl;
}

void Progress::update(Index done, const Logs& logs) {
  if (verbose_ == 0) return;
  done_ = done;
  const Clock::time_point now = Clock::now();
  if (done == 1) first_ = now;
  if (!terminal_ || done == target_ || now - last_drawn_ < std::chrono::milliseconds(50)) return;
  last_drawn_ = now;
  draw(done, logs, false);
}

void Progress::finish(const Logs& logs) {
  if (verbose_ == 0) return;
  if (!target_) target_ = done_;
  draw(*target_, logs, true);
  drawn_ = 0;
}

/// The mean time of a step without the first one, which may take longer, if there are others.
double Progress::seconds_a_step(Index done) const {
  if (done == 0) return 0;
  const Clock::time_point now = Clock::now();
  if (done == 1) return seconds(now - start_);
  return seconds(now - first_) / static_cast<double>(done - 1);
}

void Progress::draw(Index done, const Logs& logs, bool end) {
  const std::string count = target_
                                ? fmt::format("{0:>{2}}/{1}", done, *target_, std::to_string(*target_).size())
                                : fmt::format("{:>7}/Unknown", done);
  const double pace = seconds_a_step(done);
  const std::string elapsed = fmt::format("{:.0f}s", seconds(Clock::now() - start_));
  if (verbose_ == 2) {
    stream_ << count << " - " << elapsed << " - " << describe_pace(pace) << describe_logs(logs) << std::endl;
    return;
  }
  const std::string time =
      end || !target_ ? elapsed : describe_eta(pace * static_cast<double>(*target_ - done));
  const std::string tail = fmt::format(" {}{}", describe_pace(pace), describe_logs(logs));
  if (!terminal_) {
    stream_ << count << ' ' << repeated("━", cells) << ' ' << time << tail << std::endl;
    return;
  }
  const std::size_t width = count.size() + time.size() + tail.size();
  stream_ << '\r' << bold << count << plain << ' ';
  if (target_) {
    const Index full = *target_ == 0 ? cells : cells * done / *target_;
    stream_ << green << repeated("━", full) << grey << repeated("━", cells - full) << plain << ' ';
  }
  stream_ << bold << time << plain << tail << std::string(drawn_ > width ? drawn_ - width : 0, ' ');
  drawn_ = width;
  if (end) stream_ << '\n';
  stream_.flush();
}

}  // namespace unspool::internal
