#pragma once

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>

#include <unspool/models/history.h>

namespace unspool::internal {

/// Prints the progress of an epoch. verbose 0: nothing. 1: a bar, redrawn on a terminal, drawn once
/// elsewhere. 2: a line at the end.
class Progress {
 public:
  /// `target` is the number of batches, if it is known.
  Progress(std::ostream& stream, int verbose, std::optional<Index> target, bool terminal);
  /// Prints to the standard output.
  Progress(int verbose, std::optional<Index> target);
  /// Ends the line of a bar that was not finished.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(Index done, const Logs& logs);
  void finish(const Logs& logs);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Index done, const Logs& logs, bool end);
  double seconds_a_step(Index done) const;

  std::ostream& stream_;
  int verbose_;
  std::optional<Index> target_;
  Index done_ = 0;
  bool terminal_;
  std::size_t drawn_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point first_ = start_;
  Clock::time_point last_drawn_{};
};

/// " - loss: 0.1234 - accuracy: 0.9000".
std::string describe_logs(const Logs& logs);

/// "1s", "1:05", "1:00:05".
std::string describe_eta(double seconds);
/// "2s/step", "14ms/step", "30us/step".
std::string describe_pace(double seconds);

}  // namespace unspool::internal
