#include <cmath>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include <unspool/models/internal/spectral_radius.h>
#include <unspool/operation.h>
#include <unspool/unspool.h>

#include "../support/errors.h"

using namespace unspool;

namespace {

Tensor some_values(const Shape& shape, double first, DType dtype = float64) {
  std::vector<double> values;
  for (Index i = 0; i < shape.elements(); ++i)
    values.push_back(0.7 * std::sin(first + 1.3 * static_cast<double>(i)));
  return cast(Tensor::from(values, shape), dtype);
}

double length_of(const Tensor& tensor) {
  return std::sqrt(sum(square(cast(tensor, float64))).item<double>());
}

Sequential on_last_state(const Ref<Layer>& layer, Index steps, Index features) {
  Sequential model(
      {Input({.shape = {steps, features}, .dtype = float64}), layer, Dense({.units = 1, .dtype = float64})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  return model;
}

/// The slope of log(norm) by the step, from step `from` to step `to`, as a factor by step toward the past.
double kept_by_a_step(const std::vector<double>& norms, std::size_t from, std::size_t to) {
  return std::pow(norms[from] / norms[to], 1.0 / static_cast<double>(to - from));
}

}  // namespace

TEST_CASE("gradient_flow agrees with moving each state") {
  constexpr Index steps = 5, units = 3, rows = 2;
  const Ref<layers::LSTM> layer = LSTM({.units = units, .seed = 1, .dtype = float64});
  const Sequential model = on_last_state(layer, steps, 2);
  const Tensor x = some_values({rows, steps, 2}, 1);
  const Tensor y = some_values({rows, 1}, 2);
  const GradientFlow flow = gradient_flow(model, x, y);
  CHECK(flow.loss == doctest::Approx(mean(square(model.predict(x) - y)).item<double>()));

  const auto loss_after = [&](Index t, const States& states) {
    States now = states;
    for (Index s = t + 1; s < steps; ++s)
      now = layer->cell()(squeeze(slice(x, 1, s, s + 1), {1}), now).states;
    const std::vector<Variable> head = model->weights();
    const Tensor predicted = matmul(now[0], head[3].value()) + head[4].value();
    return mean(square(predicted - y)).item<double>();
  };
  States states = layer->cell()->get_initial_state(rows);
  for (Index t = 0; t < steps; ++t) {
    states = layer->cell()(squeeze(slice(x, 1, t, t + 1), {1}), states).states;
    double squares = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows * units); ++i) {
      const auto loss_at = [&](double by) {
        std::vector<double> values = states[0].to_vector<double>();
        values[i] += by;
        return loss_after(t, {Tensor::from(values, states[0].shape()), states[1]});
      };
      squares += std::pow((loss_at(1e-5) - loss_at(-1e-5)) / 2e-5, 2);
    }
    CAPTURE(t);
    CHECK(flow.row("h").norms.at(static_cast<std::size_t>(t)) ==
          doctest::Approx(std::sqrt(squares)).epsilon(1e-6));
  }
  CHECK(flow.rows.size() == 6);
  CHECK(flow.rows[0].state);
  CHECK(flow.row("f").saturated.size() == steps);
  CHECK(flow.row("f").units == units);
  CHECK_THROWS_AS((void)flow.row("q"), KeyError);
}

TEST_CASE("gradient_flow of a SimpleRNN agrees with the formulas") {
  constexpr Index steps = 6, units = 3, rows = 2;
  const Ref<layers::SimpleRNN> layer = SimpleRNN({.units = units, .seed = 1, .dtype = float64});
  const Sequential model = on_last_state(layer, steps, 2);
  const Tensor x = some_values({rows, steps, 2}, 1);
  const Tensor y = some_values({rows, 1}, 2);
  const GradientFlow flow = gradient_flow(model, x, y);
  const std::vector<Tensor> w = model->get_weights();
  std::vector<Tensor> h{Tensor::zeros({rows, units}, float64)};
  for (Index t = 0; t < steps; ++t) {
    h.push_back(tanh(matmul(squeeze(slice(x, 1, t, t + 1), {1}), w[0]) + matmul(h.back(), w[1]) + w[2]));
  }
  const Tensor error = matmul(h.back(), w[3]) + w[4] - y;
  Tensor dh = matmul(2.0 / rows * error, transpose(w[3]));
  for (Index t = steps; t-- > 0;) {
    const auto at = static_cast<std::size_t>(t);
    CHECK(flow.row("h").norms[at] == doctest::Approx(length_of(dh)).epsilon(1e-12));
    dh = matmul(dh * (1 - square(h[at + 1])), transpose(w[1]));
  }
}

// Pascanu, Mikolov, Bengio 2013: the norm is at most that of the recurrent matrix by step, and where tanh is
// nearly linear it shrinks with the spectral radius. An LSTM's c_t has the forget gate in its place.
TEST_CASE("gradients through time fall as theory says") {
  constexpr Index steps = 120, units = 16, rows = 4;
  const Tensor x = some_values({rows, steps, 2}, 1) * 0.01;
  const Tensor y = some_values({rows, 1}, 2);
  for (const double radius : {0.5, 0.8, 0.95}) {
    // Not a multiple of an orthogonal matrix, whose norm would be its radius: only the radius counts in the
    // end.
    Tensor recurrent = random_normal({units, units}, 0, 1, float64, 7);
    recurrent = recurrent * (radius / internal::spectral_radius(recurrent));
    const Ref<layers::SimpleRNN> layer = SimpleRNN({.units = units, .dtype = float64});
    const Sequential tanh_net = on_last_state(layer, steps, 2);
    layer->weights()[1].assign(recurrent);
    const GradientFlow flow = gradient_flow(tanh_net, x, y);
    REQUIRE(flow.spectral_radii.size() == 1);
    CHECK(flow.spectral_radii[0].radius == doctest::Approx(radius).epsilon(1e-8));
    const double kept = kept_by_a_step(flow.row("h").norms, 0, 90);
    CAPTURE(kept);
    CHECK(kept == doctest::Approx(radius).epsilon(0.02));

    // The same recurrent matrix in each gate of an LSTM with a forget bias of 1.
    const auto lstm_keeps = [&](const Tensor& matrix, double forget_bias) {
      const Ref<layers::LSTM> lstm = LSTM({.units = units, .dtype = float64});
      const Sequential net = on_last_state(lstm, steps, 2);
      const Tensor zeros = Tensor::zeros({units}, float64);
      lstm->weights()[1].assign(concat({matrix, matrix, matrix, matrix}, 1));
      lstm->weights()[2].assign(concat({zeros, zeros + forget_bias, zeros, zeros}));
      return kept_by_a_step(gradient_flow(net, x, y).row("c").norms, 0, 90);
    };
    const double lstm_kept = lstm_keeps(recurrent, 1);
    CAPTURE(lstm_kept);
    // The Jacobian of c at small values is f + i o R: sigmoid(1) and a quarter of the radius.
    CHECK(lstm_kept >= 1 / (1 + std::exp(-1.0)) - 0.02);
    CHECK(lstm_kept <= 1 / (1 + std::exp(-1.0)) + 0.25 * radius + 0.02);
    // Without a recurrent matrix the tanh net keeps nothing, the LSTM what its forget gate lets pass.
    CHECK(lstm_keeps(recurrent * 0, 1) == doctest::Approx(1 / (1 + std::exp(-1.0))).epsilon(0.01));
    CHECK(lstm_keeps(recurrent * 0, 5) == doctest::Approx(1 / (1 + std::exp(-5.0))).epsilon(0.01));
  }
}

TEST_CASE("gradient_flow finds saturated gates and dead units") {
  constexpr Index steps = 4, units = 3;
  const Tensor x = some_values({2, steps, 2}, 1, float32);
  const Tensor y = some_values({2, 1}, 2, float32);
  const Ref<layers::LSTM> lstm = LSTM({.units = units, .seed = 1});
  Sequential model({Input({.shape = {steps, 2}}), lstm, Dense({.units = 1})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  CHECK(gradient_flow(model, x, y).row("i").dead == 0);
  std::vector<float> bias(12, 0);
  bias[0] = bias[1] = -20;  // Two units of the input gate.
  lstm->weights()[2].assign(Tensor::from(bias, {12}));
  const GradientFlow flow = gradient_flow(model, x, y);
  CHECK(flow.row("i").dead == 2);
  CHECK(flow.row("i").saturated[0] == doctest::Approx(2.0 / 3));
  CHECK(flow.row("h").saturated.empty());

  const Ref<layers::SimpleRNN> relu_net = SimpleRNN({.units = units, .activation = "relu", .seed = 1});
  Sequential dead({Input({.shape = {steps, 2}}), relu_net, Dense({.units = 1})});
  dead.compile({.optimizer = "sgd", .loss = "mse"});
  relu_net->weights()[2].assign(Tensor::from(std::vector<float>{-100, 0, 0}, {3}));
  CHECK(gradient_flow(dead, x, y).row("h").dead >= 1);
}

namespace {

constexpr Operation cut_records[] = {
    {.name = "hard_limit",
     .summary = "x, cut at 0 and 2",
     .kernel = elementwise([](auto x) { return x < 0   ? 0
                                               : x > 2 ? 2
                                                       : x; }),
     .gradient = [](Backward& b) { b.dx() = where(logical_and(b.y() > 0, b.y() < 2), b.dy(), 0); },
     .keep = keep::output(),
     .bounds = {.low = 0, .high = 2},
     .examples = {{-2, 4}}},
};
constexpr OperationTable cut_table(cut_records);

}  // namespace

TEST_CASE("gradient_flow knows a user's activation by its bounds") {
  constexpr Index steps = 4;
  const Ref<layers::SimpleRNN> net =
      SimpleRNN({.units = 3,
                 .activation = [](const Tensor& x) { return apply(cut_table["hard_limit"], x); },
                 .seed = 1});
  Sequential model({Input({.shape = {steps, 2}}), net, Dense({.units = 1})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  net->weights()[2].assign(Tensor::from(std::vector<float>{-100, 1, 100}, {3}));
  const GradientFlow flow =
      gradient_flow(model, some_values({2, steps, 2}, 1, float32), some_values({2, 1}, 2, float32));
  CHECK(flow.row("h").dead == 2);
  CHECK(flow.row("h").saturated.at(0) >= 2.0 / 3);
}

TEST_CASE("gradient_flow leaves the model as it was and covers each layer") {
  constexpr Index steps = 3;
  const Tensor x = some_values({2, steps, 2}, 1, float32);
  const Tensor y = some_values({2, 1}, 2, float32);
  const Ref<layers::LSTM> lstm =
      LSTM({.units = 3, .dropout = 0.5, .return_sequences = true, .stateful = true});
  Sequential model({Input({.shape = {steps, 2}, .batch_size = 2}), lstm, GRU({.units = 4, .dropout = 0.3}),
                    Dense({.units = 1})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  model.train_on_batch(x, y);
  // Weights, random generators, and the kept states.
  const auto state_of = [&] {
    std::vector<Variable> variables = model->variables();
    for (const Variable& state : lstm->states()) variables.push_back(state);
    std::vector<double> all;
    for (const Variable& variable : variables) {
      for (const double value : cast(variable.value(), float64).to_vector<double>()) all.push_back(value);
    }
    return all;
  };
  const std::vector<double> before = state_of();
  const GradientFlow flow = gradient_flow(model, x, y);
  CHECK(state_of() == before);
  std::vector<std::string> layers;
  for (const GradientFlowRow& row : flow.rows) {
    if (layers.empty() || layers.back() != row.layer) layers.push_back(row.layer);
    CHECK(row.norms.size() == steps);
  }
  CHECK(layers.size() == 2);
  CHECK(flow.spectral_radii.size() == 7);
  CHECK_THROWS_AS(gradient_flow(Sequential({Input({.shape = {2, 2}}), GRU({.units = 2})}), x, y), ValueError);
}

TEST_CASE("gradient flow as text, table, pictures and events") {
  GradientFlow flow{.loss = 0.25, .rows = {}, .spectral_radii = {{"rnn/recurrent_kernel", 0.9}}};
  flow.rows.push_back({.layer = "lstm", .value = "h", .state = true, .norms = {1e-3, 0.1}, .units = 2});
  flow.rows.push_back(
      {.layer = "lstm", .value = "f", .norms = {1e-4, 0.5}, .saturated = {0.5, 1}, .units = 2, .dead = 1});
  CHECK(flow.to_csv() ==
        "layer,value,step,norm,saturated\nlstm,h,0,0.001,\nlstm,h,1,0.1,\nlstm,f,0,0.0001,0.5\nlstm,f,1,0.5,"
        "1\n");
  CHECK(flow.to_text() ==
        "loss 0.25\n\n"
        "value   |d first|   |d last|  first/last  saturated    dead\n"
        "lstm h      0.001        0.1        0.01          -       -\n"
        "lstm f     0.0001        0.5      0.0002       75 %     1/2\n"
        "\nspectral radius\n  rnn/recurrent_kernel  0.9\n");
  CHECK(to_string(flow) == flow.to_text());
  const std::string lines = flow.lines_to_svg();
  CHECK(lines.find("<polyline") != std::string::npos);
  CHECK(lines.find("time step") != std::string::npos);
  const std::string map = flow.heat_map_to_svg("a title");
  CHECK(map.find("a title") != std::string::npos);
  CHECK(map.find("lstm f") != std::string::npos);
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "unspool_gradient_flow";
  std::filesystem::remove_all(folder);
  flow.write_events(folder.string());
  CHECK(!std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

TEST_CASE("the spectral radius of a matrix") {
  using internal::spectral_radius;
  CHECK(spectral_radius(Tensor::of<double>({{0, -2}, {2, 0}})) == doctest::Approx(2).epsilon(1e-9));
  CHECK(spectral_radius(Tensor::of<double>({{0.5, 1000}, {0, -0.7}})) == doctest::Approx(0.7).epsilon(1e-8));
  CHECK(spectral_radius(Tensor::of<double>({{0, 1}, {0, 0}})) == 0);
  CHECK(spectral_radius(Tensor::of<double>({{1, 1}, {0, 1}})) == doctest::Approx(1).epsilon(1e-8));
  CHECK(std::isnan(spectral_radius(Tensor::of<double>({{NAN}}))));
  CHECK_THROWS_AS(spectral_radius(Tensor::zeros({2, 3})), ValueError);
}
