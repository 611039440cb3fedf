#include <doctest/doctest.h>

#include <unspool/core/error.h>
#include <unspool/optim/schedule.h>

using namespace unspool;

namespace {

void check(const LearningRate& rate, const std::vector<std::pair<std::int64_t, double>>& wanted) {
  for (const auto& each : wanted) {
    const std::int64_t step = each.first;
    const double value = each.second;
    CAPTURE(step);
    CHECK(rate.at(step) == doctest::Approx(value).epsilon(1e-6));
  }
  const LearningRate read = LearningRate::from_config(from_json(to_json(rate.config())));
  CHECK(read.config() == rate.config());
  for (const auto& [step, value] : wanted) CHECK(read.at(step) == rate.at(step));
}

}  // namespace

TEST_CASE("schedules give Keras' rates") {
  check(.25, {{0, .25}, {100, .25}});
  check(ExponentialDecay({.initial_learning_rate = .1, .decay_steps = 10, .decay_rate = .5}),
        {{0, .1}, {5, .0707107}, {10, .05}});
  check(
      ExponentialDecay({.initial_learning_rate = .1, .decay_steps = 10, .decay_rate = .5, .staircase = true}),
      {{9, .1}, {10, .05}, {15, .05}, {20, .025}});
  check(InverseTimeDecay({.initial_learning_rate = .1, .decay_steps = 10, .decay_rate = .5}),
        {{0, .1}, {5, .08}, {20, .05}});
  check(
      InverseTimeDecay({.initial_learning_rate = .1, .decay_steps = 10, .decay_rate = .5, .staircase = true}),
      {{9, .1}, {25, .05}});
  check(
      PolynomialDecay({.initial_learning_rate = .1, .decay_steps = 10, .end_learning_rate = .01, .power = 2}),
      {{0, .1}, {5, .0325}, {10, .01}, {99, .01}});
  check(PolynomialDecay(
            {.initial_learning_rate = .1, .decay_steps = 10, .end_learning_rate = .01, .cycle = true}),
        {{0, .1}, {5, .055}, {10, .01}, {15, .0325}, {20, .01}});
  check(CosineDecay({.initial_learning_rate = .1, .decay_steps = 10, .alpha = .1}),
        {{0, .1}, {5, .055}, {10, .01}, {99, .01}});
  check(CosineDecay({.initial_learning_rate = 0, .decay_steps = 10, .warmup_target = .1, .warmup_steps = 5}),
        {{0, 0}, {2, .04}, {5, .1}, {10, .05}, {15, 0}});
  check(CosineDecayRestarts({.initial_learning_rate = .1, .first_decay_steps = 10, .t_mul = 2, .m_mul = .5}),
        {{0, .1}, {5, .05}, {9, .0024472}, {10, .05}, {20, .025}, {30, .025}, {31, .0249615}});
}

TEST_CASE("a piece of a piecewise constant rate has its last step in it") {
  check(PiecewiseConstantDecay({.boundaries = {10, 20}, .values = {1, .5, .1}}),
        {{0, 1}, {10, 1}, {11, .5}, {20, .5}, {21, .1}});
}

TEST_CASE("periods that grow by threes, and that shrink until they end") {
  // 2, 6, 18 steps: a period starts at the full rate in its first step, whatever logarithms say.
  const LearningRate grow =
      CosineDecayRestarts({.initial_learning_rate = 1, .first_decay_steps = 2, .t_mul = 3});
  check(grow, {{0, 1}, {1, .5}, {2, 1}, {5, .5}, {8, 1}, {17, .5}, {26, 1}, {80, 1}, {242, 1}, {728, 1}});
  check(CosineDecayRestarts({.initial_learning_rate = 1, .first_decay_steps = 4, .t_mul = .5, .alpha = .25}),
        {{0, 1}, {4, 1}, {5, .625}, {8, .25}, {99, .25}});
}

TEST_CASE("schedules that make no sense") {
  CHECK_THROWS_WITH_AS(ExponentialDecay({.initial_learning_rate = 1, .decay_steps = 0, .decay_rate = 1}),
                       "ExponentialDecay: expected decay_steps > 0, got 0", ValueError);
  CHECK_THROWS_AS(InverseTimeDecay({.initial_learning_rate = 1, .decay_steps = -1, .decay_rate = 1}),
                  ValueError);
  CHECK_THROWS_AS(PolynomialDecay({.initial_learning_rate = 1, .decay_steps = 0}), ValueError);
  CHECK_THROWS_AS(CosineDecay({.initial_learning_rate = 1, .decay_steps = 0}), ValueError);
  CHECK_THROWS_WITH_AS(CosineDecay({.initial_learning_rate = 1, .decay_steps = 1, .warmup_steps = -1}),
                       doctest::Contains("warmup_steps"), ValueError);
  CHECK_THROWS_WITH_AS(CosineDecayRestarts({.initial_learning_rate = 1, .first_decay_steps = 0}),
                       doctest::Contains("first_decay_steps"), ValueError);
  CHECK_THROWS_WITH_AS(CosineDecayRestarts({.initial_learning_rate = 1, .first_decay_steps = 1, .t_mul = 0}),
                       doctest::Contains("t_mul"), ValueError);
  CHECK_THROWS_WITH_AS(
      PiecewiseConstantDecay({.boundaries = {1, 2}, .values = {1, 2}}),
      "PiecewiseConstant: expected one value more than boundaries, got 2 values for 2 boundaries",
      ValueError);
  CHECK_THROWS_WITH_AS(PiecewiseConstantDecay({.boundaries = {2, 1}, .values = {1, 2, 3}}),
                       doctest::Contains("[2, 1]"), ValueError);
  CHECK_THROWS_WITH_AS(
      LearningRate::from_config(Config::map({{"class_name", "ExponentDecay"}, {"config", Config::map()}})),
      doctest::Contains("did you mean \"ExponentialDecay\"?"), KeyError);
  CHECK_THROWS_AS(LearningRate(std::shared_ptr<const ScheduleBase>()), ValueError);
}

namespace {
struct HalvesOptions {
  required<double> first;
  static const Fields& fields() {
    static const Fields all = fields_of<HalvesOptions>(field("first", &HalvesOptions::first));
    return all;
  }
};
class Halves : public ScheduleOf<HalvesOptions> {
 public:
  using ScheduleOf::ScheduleOf;
  double at(std::int64_t step) const override { return options().first / static_cast<double>(1 << step); }
};
}  // namespace

TEST_CASE("a schedule of one's own") {
  register_schedule<Halves>("my>Halves");
  check(LearningRate(std::make_shared<Halves>(HalvesOptions{.first = 1})), {{0, 1}, {3, .125}});
  check(make<Halves>(HalvesOptions{.first = 1}), {{0, 1}, {3, .125}});
  CHECK(LearningRate(make<Halves>(HalvesOptions{.first = 1}))(3) == .125);
}
