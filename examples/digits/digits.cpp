// Trains a simple recurrent network to recognize handwritten digits. It reads an image row by row: eight time
// steps of eight pixels.
#include "digits.h"

#include <cmath>
#include <numbers>

using namespace unspool;

namespace {

struct Trained {
  Model model;
  History history;
  double accuracy;
};

Trained train(const digits::Split& data, int seed, int epochs, bool verbose) {
  set_seed(static_cast<std::uint64_t>(seed));
  Sequential model({
      Input({.shape = {8, 8}}),
      SimpleRNN({.units = 64}),
      Dense({.units = 10, .activation = "softmax"}),
  });
  // Label smoothing keeps the network from overfitting to so few images. It helped most of all that was tried
  // on parts of the training data.
  model.compile({.optimizer = Adam({.learning_rate = 4e-3}),
                 .loss = CategoricalCrossentropy({.label_smoothing = 0.1}),
                 .metrics = {"accuracy"}});
  if (verbose) model.summary();

  // The learning rate follows half a cosine down to a hundredth.
  const auto rate = [epochs](Index epoch, double) {
    const double done = static_cast<double>(epoch) / epochs;
    return 4e-3 * (0.01 + 0.99 * 0.5 * (1 + std::cos(std::numbers::pi * done)));
  };
  History history = model.fit(data.training.x, one_hot(data.training.y, 10),
                              {.batch_size = 32,
                               .epochs = epochs,
                               .verbose = verbose ? 1 : 0,
                               .callbacks = {LearningRateScheduler(rate)},
                               .validation_split = 0.1});
  const Logs test = model.evaluate(data.test.x, one_hot(data.test.y, 10), {.verbose = 0});
  return {model, std::move(history), test["accuracy"]};
}

int run(const digits::Arguments& arguments) {
  const digits::Split data = digits::load(arguments.text("data"));
  const int epochs = arguments.number("epochs");

  if (const std::string seeds = arguments.text("seeds"); !seeds.empty()) {
    const std::size_t dash = seeds.find('-');
    const int first = std::stoi(seeds);
    const int last = dash == std::string::npos ? first : std::stoi(seeds.substr(dash + 1));
    double sum = 0;
    for (int seed = first; seed <= last; ++seed) {
      const double accuracy = train(data, seed, epochs, false).accuracy;
      std::cout << "seed " << seed << ": test accuracy " << accuracy << std::endl;
      sum += accuracy;
    }
    std::cout << "mean of " << last - first + 1 << " seeds: test accuracy " << sum / (last - first + 1)
              << '\n';
    return 0;
  }

  const Trained trained = train(data, arguments.number("seed"), epochs, true);
  const Index images = data.test.x.shape().front();
  std::cout << "\nTest accuracy on " << images
            << " images that were not used in training: " << trained.accuracy << "\n\n";

  const Tensor predictions = trained.model.predict(data.test.x);
  std::vector<std::string> captions;
  for (Index i = 0; i < 5; ++i) {
    const Tensor image = predictions[i];
    const auto best = argmax(image).item<std::int32_t>();
    captions.push_back("a " + std::to_string(best) + ", at " +
                       std::to_string(static_cast<int>(std::lround(100 * image.item<float>({best})))) + " %");
  }
  digits::show(data.test.x, captions);

  const std::filesystem::path out = arguments.text("out");
  std::filesystem::create_directories(out);
  trained.model.save(out / "digits.unspool");
  save_npy(out / "predictions.npy", predictions);
  save_curve(out / "curve.svg", trained.history, {.title = "Handwritten digits, row by row"});
  std::cout << "Written to " << out.string() << ": digits.unspool, predictions.npy, curve.svg\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(digits::Arguments(argc, argv,
                                 {{"data", "examples/data/digits.csv"},
                                  {"seed", "1"},
                                  {"seeds", ""},
                                  {"epochs", "60"},
                                  {"out", "build/digits"}}));
  } catch (const std::exception& error) {
    std::cerr << "digits: " << error.what() << '\n';
    return 2;
  }
}
