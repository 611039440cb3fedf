#include <doctest/doctest.h>
#include <iostream>
#include <string>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/models/early_stopping.h>
#include <unspool/models/learning_rate_scheduler.h>
#include <unspool/models/reduce_lr_on_plateau.h>

#include "../support/errors.h"
#include "../support/printed.h"
#include "monitored.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

struct PlateauCase {
  std::vector<double> values;
  std::string mode;
  double factor;
  Index patience;
  double min_delta;
  Index cooldown;
  double min_lr;
  std::vector<double> rates;  // After each epoch.
};

struct StoppingCase {
  std::vector<double> values;
  std::string mode;
  double min_delta;
  Index patience;
  std::optional<double> baseline;
  Index start_from_epoch;
  Index stop;
  double best;
};

// From Keras 3.15, with its callbacks of these names.
const std::vector<PlateauCase> plateau_cases = {
    {{0.9, 0.747, 0.703, 0.725, 0.818, 0.809, 0.734, 0.734, 0.69, 0.69, 0.841, 0.841, 0.582, 0.722},
     "min",
     0.5,
     1,
     0.0001,
     0,
     0,
     {0.100000001, 0.100000001, 0.100000001, 0.0500000007, 0.0250000004, 0.0125000002, 0.00625000009,
      0.00312500005, 0.00312500005, 0.00156250002, 0.000781250012, 0.000390625006, 0.000390625006,
      0.000195312503}},
    {{0.816, 0.77, 0.652, 0.615, 0.615, 0.615, 0.424, 0.374, 0.249, 0.249, 0.249, -0.096, -0.096, -0.224},
     "min",
     0.1,
     2,
     0.0001,
     1,
     0,
     {0.100000001, 0.100000001, 0.100000001, 0.100000001, 0.100000001, 0.00999999978, 0.00999999978,
      0.00999999978, 0.00999999978, 0.00999999978, 0.000999999931, 0.000999999931, 0.000999999931,
      0.000999999931}},
    {{1.054, 0.924, 0.871, 0.767, 0.892, 0.892, 1.152, 1.196, 1.26, 1.324, 1.244, 1.217, 1.332, 1.272},
     "max",
     0.5,
     0,
     0.05,
     2,
     0.02,
     {0.100000001, 0.0500000007, 0.0500000007, 0.0250000004, 0.0250000004, 0.0199999996, 0.0199999996,
      0.0199999996, 0.0199999996, 0.0199999996, 0.0199999996, 0.0199999996, 0.0199999996, 0.0199999996}},
    {{1.077, 1.021, 0.904, 0.904, 0.792, 0.792, 0.519, 0.519, 0.421, 0.421, 0.348, 0.284, 0.284, 0.372},
     "min",
     0.3,
     1,
     0,
     0,
     0.01,
     {0.100000001, 0.100000001, 0.100000001, 0.0300000012, 0.0300000012, 0.00999999978, 0.00999999978,
      0.00999999978, 0.00999999978, 0.00999999978, 0.00999999978, 0.00999999978, 0.00999999978,
      0.00999999978}},
    {{0.99, 1.16, 1.188, 1.01, 1.164, 1.164, 1.064, 1.135, 1.117, 1.035, 0.952, 0.833, 0.818, 0.818},
     "max",
     0.9,
     3,
     0.1,
     0,
     0,
     {0.100000001, 0.100000001, 0.100000001, 0.100000001, 0.0900000036, 0.0900000036, 0.0900000036,
      0.0810000002, 0.0810000002, 0.0810000002, 0.0728999972, 0.0728999972, 0.0728999972, 0.065609999}},
    {{1.052, 1.062, 1.129, 1.155, 1.155, 1.346, 1.346, 1.382, 1.433, 1.321, 1.267, 1.267, 1.369, 1.369},
     "min",
     0.5,
     2,
     0.1,
     3,
     0.001,
     {0.100000001, 0.100000001, 0.0500000007, 0.0500000007, 0.0500000007, 0.0500000007, 0.0250000004,
      0.0250000004, 0.0250000004, 0.0250000004, 0.0125000002, 0.0125000002, 0.0125000002, 0.0125000002}},
};

const std::vector<StoppingCase> stopping_cases = {
    {{0.955, 0.907, 0.849, 0.738, 0.738, 0.827, 0.87, 0.757, 0.757, 0.614, 0.614, 0.614, 0.614, 0.614},
     "min",
     0,
     2,
     {},
     0,
     5,
     3},
    {{1.196, 1.124, 1.124, 1.124, 1.124, 1.124, 1.048, 1.077, 1.077, 1.077, 1.077, 1.077, 1.107, 1.275},
     "min",
     0.05,
     1,
     {},
     0,
     2,
     1},
    {{0.91, 0.871, 1.028, 1.18, 1.246, 1.259, 1.353, 1.319, 1.289, 1.183, 1.164, 1.164, 1.164, 1.164},
     "max",
     0,
     3,
     1.2,
     0,
     9,
     6},
    {{0.943, 0.868, 0.868, 0.946, 0.946, 0.812, 0.786, 0.786, 0.914, 0.914, 0.923, 0.773, 0.682, 0.682},
     "min",
     0,
     1,
     0.8,
     2,
     3,
     2},
    {{1.061, 1.007, 0.982, 0.982, 0.982, 0.995, 1.09, 0.99, 0.99, 0.893, 0.874, 0.925, 0.772, 0.772},
     "max",
     0.1,
     2,
     {},
     3,
     5,
     3},
    {{0.989, 0.733, 0.733, 0.713, 0.713, 0.651, 0.651, 0.651, 0.651, 0.398, 0.292, 0.292, 0.343, 0.343},
     "min",
     0,
     0,
     {},
     0,
     2,
     1},
    {{0.959, 0.824, 0.699, 0.54, 0.54, 0.54, 0.211, 0.211, -0.037, -0.037, -0.037, 0.076, 0.108, 0.108},
     "min",
     0.02,
     4,
     {},
     0,
     12,
     8},
};

}  // namespace

TEST_CASE("ReduceLROnPlateau sets the learning rates that Keras sets") {
  for (const PlateauCase& each : plateau_cases) {
    CAPTURE(each.factor);
    CAPTURE(each.patience);
    Sequential model = watched_model();
    std::vector<double> rates;
    const auto after = LambdaCallback(
        {.on_epoch_end = [&](Index, Logs&) { rates.push_back(model.optimizer().learning_rate()); }});
    const History history = watched_fit(model, each.values,
                                        {ReduceLROnPlateau({.factor = each.factor,
                                                            .patience = each.patience,
                                                            .mode = each.mode,
                                                            .min_delta = each.min_delta,
                                                            .cooldown = each.cooldown,
                                                            .min_lr = each.min_lr}),
                                         after});
    REQUIRE(rates.size() == each.rates.size());
    for (std::size_t i = 0; i < rates.size(); ++i) {
      CAPTURE(i);
      CHECK(static_cast<float>(rates[i]) == doctest::Approx(each.rates[i]).epsilon(1e-6));
      // The logs have the rate of the epoch that ends.
      CHECK(history["learning_rate"][i] == (i == 0 ? static_cast<double>(0.1F) : rates[i - 1]));
    }
  }
}

TEST_CASE("EarlyStopping stops in the epochs in which Keras stops, with the weights that Keras restores") {
  for (const StoppingCase& each : stopping_cases) {
    CAPTURE(each.values);
    Sequential model = watched_model();
    const History history = watched_fit(model, each.values,
                                        {EarlyStopping({.min_delta = each.min_delta,
                                                        .patience = each.patience,
                                                        .mode = each.mode,
                                                        .baseline = each.baseline,
                                                        .restore_best_weights = true,
                                                        .start_from_epoch = each.start_from_epoch})});
    CHECK(history.epoch.back() == each.stop);
    CHECK(model.get_weights()[0].item<double>() == each.best);
  }
}

TEST_CASE("ReduceLROnPlateau without validation and with mistakes") {
  Sequential model = watched_model();
  const auto fit = [&](ReduceLROnPlateauOptions options) {
    model.fit(Tensor::zeros({1, 1}), Tensor::zeros({1, 1}),
              {.verbose = 0, .callbacks = {ReduceLROnPlateau(std::move(options))}});
  };
  fit({.patience = 0});
  CHECK(model.optimizer().learning_rate() == static_cast<double>(0.1F));
  CHECK(contains(message_of<ValueError>([&] { fit({.monitor = "los"}); }),
                 "ReduceLROnPlateau: expected the mode \"max\" or \"min\" for \"los\""));
  CHECK(contains(message_of<ValueError>([&] { fit({.monitor = "los", .mode = "min"}); }),
                 "expected a name in the logs (loss, learning_rate), got \"los\": did you mean \"loss\"?"));
  CHECK(contains(message_of<ValueError>([] { ReduceLROnPlateau({.factor = 1}); }),
                 "expected factor < 1, got 1"));
  CHECK(contains(message_of<ValueError>([] { ReduceLROnPlateau({.mode = "most"}); }), "got \"most\""));
}

TEST_CASE("LearningRateScheduler sets the rate of each epoch, and prints it if asked to") {
  Sequential model = watched_model();
  History history;
  const std::string text = printed_by(std::cout, [&] {
    history = watched_fit(
        model, {1, 1, 1},
        {LearningRateScheduler([](Index epoch, double rate) { return epoch == 0 ? 0.5 : rate / 2; },
                               {.verbose = 1})});
  });
  CHECK(history["learning_rate"] == std::vector<double>{0.5, 0.25, 0.125});
  CHECK(contains(text, "\nEpoch 2: LearningRateScheduler setting learning rate to 0.25.\n"));
  CHECK(contains(message_of<ValueError>([] { LearningRateScheduler(nullptr); }), "expected a schedule"));
}
