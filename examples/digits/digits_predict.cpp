// Loads the model that the program `digits` saved, recognizes the test images with it, and checks that the
// predictions are bit-identical to those of the process that trained it.
#include <cstring>

#include "digits.h"

using namespace unspool;

namespace {

int run(const digits::Arguments& arguments) {
  const std::filesystem::path from = arguments.text("from");
  const digits::Split data = digits::load(arguments.text("data"));
  const Model model = load_model(from / "digits.unspool");
  const Tensor predictions = model.predict(data.test.x);
  const Tensor then = load_npy(from / "predictions.npy");

  const Tensor read = argmax(predictions);
  const Tensor right = equal(read, data.test.y);
  std::cout << sum(cast(right, int32)).item<int>() << " of " << right.size()
            << " test images recognized correctly.\n\n";
  std::vector<std::int32_t> wrong;
  std::vector<std::string> captions;
  for (Index i = 0; i < right.size() && wrong.size() < 4; ++i) {
    if (right.item<bool>({i})) continue;
    wrong.push_back(static_cast<std::int32_t>(i));
    captions.push_back("a " + std::to_string(data.test.y.item<int>({i})) + ", taken for " +
                       std::to_string(read.item<int>({i})));
  }
  if (!wrong.empty()) {
    std::cout << "Some that were not:\n";
    digits::show(gather(data.test.x, Tensor::from(wrong)), captions);
  }

  const bool same = describe(predictions) == describe(then) &&
                    std::memcmp(predictions.raw(), then.raw(), predictions.bytes()) == 0;
  std::cout << describe(predictions) << ": " << (same ? "bit-identical to" : "NOT bit-identical to")
            << " the predictions of the process that trained the model.\n";
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(
        digits::Arguments(argc, argv, {{"data", "examples/data/digits.csv"}, {"from", "build/digits"}}));
  } catch (const std::exception& error) {
    std::cerr << "digits_predict: " << error.what() << '\n';
    return 2;
  }
}
