// A user-defined cell, the Minimal Gated Unit (Zhou et al. 2016), in an RNN that predicts the number of
// sunspots of a year from the twelve years before.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

/// f = sigmoid(x Wf + h Uf + bf), c = tanh(x Wc + (f h) Uc + bc), h' = (1 - f) h + f c.
class MinimalGatedCell : public Cell {
 public:
  explicit MinimalGatedCell(Index units, std::string name = {})
      : Cell({.state_sizes = {units}, .name = std::move(name)}), units_(units) {}

  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), 2 * units_}});
    recurrent_kernel_ =
        add_weight({.name = "recurrent_kernel", .shape = {units_, 2 * units_}, .initializer = "orthogonal"});
    bias_ = add_weight({.name = "bias", .shape = {2 * units_}, .initializer = "zeros"});
  }

  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor& h = states[0];
    const auto [xf, xc] = split<2>(matmul(x, kernel_) + bias_);
    const auto [uf, uc] = split<2>(recurrent_kernel_);
    const Tensor f = sigmoid(xf + matmul(h, uf));
    const Tensor c = tanh(xc + matmul(f * h, uc));
    const Tensor next = (1 - f) * h + f * c;
    return {next, {next}};
  }

  Config get_config() const override { return Cell::get_config().set("units", units_); }
  static Ref<MinimalGatedCell> from_config(const Config& config) {
    return make<MinimalGatedCell>(config["units"].as<Index>(), config["name"].as<std::string>());
  }

 private:
  Index units_;
  Variable kernel_, recurrent_kernel_, bias_;
};

constexpr Index years_before = 12;
constexpr double scale = 100;

struct Windows {
  Tensor x;  // (windows, years, 1)
  Tensor y;  // (windows, 1)
};

/// One window for each year from `first` to `last`.
Windows windows(const Tensor& sunspots, Index first, Index last) {
  const Index start = 1700;
  std::vector<Tensor> x, y;
  for (Index year = first; year <= last; ++year) {
    x.push_back(slice(sunspots, 0, year - years_before - start, year - start));
    y.push_back(slice(sunspots, 0, year - start, year - start + 1));
  }
  return {expand_dims(stack(x), -1), stack(y)};
}

/// The mean squared error divided by the variance of the years 1700 to 1979, which the literature reports.
double relative_error(const Model& model, const Windows& data) {
  const Tensor difference = (model.predict(data.x) - data.y) * scale;
  return mean(square(difference)).item<double>() / 1495.6;
}

int run(Index epochs, const std::filesystem::path& out) {
  set_seed(1);
  register_layer<MinimalGatedCell>("example>MinimalGatedCell");

  const Tensor table = read_csv("examples/data/sunspots.csv");
  const Tensor sunspots = squeeze(slice(table, 1, 1, 2), {1}) / scale;
  const Windows training = windows(sunspots, 1700 + years_before, 1920);

  Sequential model({
      Input({.shape = {years_before, 1}}),
      RNN(make<MinimalGatedCell>(16)),
      Dense({.units = 1}),
  });
  model.compile({.optimizer = Adam({.learning_rate = 5e-3}), .loss = "mse"});
  model.fit(training.x, training.y, {.batch_size = 32, .epochs = epochs, .verbose = 0});
  std::cout << "Mean squared error of predictions one year ahead, divided by the variance of 1700 to 1979:\n"
            << "  1712 to 1920, trained on: " << relative_error(model, training) << '\n'
            << "  1921 to 1955:             " << relative_error(model, windows(sunspots, 1921, 1955)) << '\n'
            << "  1956 to 1979:             " << relative_error(model, windows(sunspots, 1956, 1979)) << '\n'
            << "(linear least squares on twelve years: 0.132, 0.130, 0.368)\n";

  // The config of a layer contains that of its cell, whose class is found by its registered name.
  const Ref<layers::RNN> rnn = RNN(make<MinimalGatedCell>(16), {.return_sequences = true});
  std::filesystem::create_directories(out);
  std::ofstream(out / "custom_cell.json") << to_json(serialize_layer(*rnn), 2);
  std::stringstream text;
  text << std::ifstream(out / "custom_cell.json").rdbuf();
  const auto again = layer_from_config<layers::RNN>(from_json(text.str()));
  std::cout << "Loaded from " << (out / "custom_cell.json").string() << ": an RNN with a "
            << again->cell()->class_name() << " of " << again->cell()->output_size()[0] << " units\n";

  // The whole model with its weights.
  model.save(out / "custom_cell.unspool");
  const Model loaded = load_model(out / "custom_cell.unspool");
  if (loaded.predict(training.x).to_vector<float>() != model.predict(training.x).to_vector<float>()) {
    std::cerr << "custom_cell: the loaded model gives other predictions\n";
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Index epochs = argc > 1 ? std::atoi(argv[1]) : 300;
  try {
    return run(epochs, argc > 2 ? argv[2] : "build/custom_cell");
  } catch (const std::exception& error) {
    std::cerr << "custom_cell: " << error.what() << '\n';
    return 2;
  }
}
