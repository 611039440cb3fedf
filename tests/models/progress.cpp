#include <doctest/doctest.h>
#include <regex>
#include <sstream>

#include <unspool/models/internal/progress.h>

using namespace unspool;
using internal::Progress;

namespace {
std::string shown(int verbose, bool terminal) {
  std::ostringstream stream;
  Progress progress(stream, verbose, 12, terminal);
  for (Index i = 1; i <= 12; ++i) progress.update(i, {{"loss", 1. / static_cast<double>(i)}});
  progress.finish({{"loss", .51234}, {"accuracy", .9}, {"tiny", 1.25e-5}});
  return stream.str();
}
}  // namespace

TEST_CASE("the last line is Keras'") {
  CHECK(std::regex_match(shown(1, false),
                         std::regex("12/12 (━){20} [0-9]+s [0-9]+(us|ms|s)/step - loss: 0\\.5123 - "
                                    "accuracy: 0\\.9000 - tiny: 1\\.2500e-05\n")));
  CHECK(std::regex_match(shown(2, false),
                         std::regex("12/12 - [0-9]+s - [0-9]+(us|ms|s)/step - loss: 0\\.5123 - "
                                    "accuracy: 0\\.9000 - tiny: 1\\.2500e-05\n")));
  CHECK(shown(0, true).empty());
}

TEST_CASE("on a terminal the line is drawn over and over") {
  const std::string text = shown(1, true);
  CHECK(text.find("\r\033[1m 1/12") != std::string::npos);  // as wide as the last
  CHECK(text.find("\r\033[1m12/12") != std::string::npos);
  CHECK(text.find('\n') == text.size() - 1);
}

TEST_CASE("times") {
  CHECK(internal::describe_eta(59.9) == "59s");
  CHECK(internal::describe_eta(65) == "1:05");
  CHECK(internal::describe_eta(3665) == "1:01:05");
  CHECK(internal::describe_pace(2.2) == "2s/step");
  CHECK(internal::describe_pace(.0142) == "14ms/step");
  CHECK(internal::describe_pace(30e-6) == "30us/step");
}
