// Trains a model with the callback TensorBoard, and writes what it has logged to expected.json, for
// scripts/check-tensorboard.py to compare with what TensorBoard reads. The argument is a folder.
#include <fstream>
#include <iomanip>
#include <iostream>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

struct ExpectedEvents {
  std::ofstream file;
  bool first = true;

  void add(const std::string& kind, const std::string& run, const std::string& tag, Index step,
           const std::string& value) {
    file << (first ? "" : ",\n") << "[\"" << kind << "\", \"" << run << "\", \"" << tag << "\", " << step
         << ", " << value << "]";
    first = false;
  }
  void scalar(const std::string& run, const std::string& tag, Index step, double value) {
    std::ostringstream text;
    text << std::setprecision(9) << static_cast<float>(value);
    add("scalar", run, tag, step, text.str());
  }
  void histogram(const std::string& tag, Index step, const Tensor& values) {
    std::ostringstream text;
    text << std::setprecision(9) << "[";
    const std::vector<float> all = values.to_vector<float>();
    for (std::size_t i = 0; i < all.size(); ++i) text << (i == 0 ? "" : ", ") << all[i];
    add("histogram", "train", tag, step, text.str() + "]");
  }
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: " << arguments[0] << " FOLDER\n";
    return 2;
  }
  const std::string folder = arguments[1];
  set_seed(1);
  const Sequential encoder(
      {Input({.shape = {3, 2}}), LSTM({.units = 4, .name = "lstm"}), Dense({.units = 3, .name = "code"})},
      {.name = "encoder"});
  const Tensor x = Input({.shape = {3, 2}, .name = "x"});
  const Tensor y = Input({.shape = {3, 2}, .name = "y"});
  const Tensor both = Concatenate({.name = "both"})({encoder(x), encoder(y)});
  Model model({x, y}, Dense({.units = 1, .name = "out"})(both), {.name = "net"});
  model.compile({.optimizer = "adam", .loss = "mse", .metrics = {"mae"}});

  ExpectedEvents expected{std::ofstream(folder + "/expected.json")};
  expected.file << "[\n";
  Index batch = 0;
  const auto note = LambdaCallback(
      {.on_epoch_end =
           [&](Index epoch, const Logs& logs) {
             for (const auto& [name, value] : logs) {
               const bool validated = name.starts_with("val_");
               expected.scalar(validated ? "validation" : "train",
                               "epoch_" + (validated ? name.substr(4) : name), epoch, value);
             }
             expected.scalar("train", "epoch_learning_rate", epoch, model.optimizer().learning_rate());
             if (epoch % 2 != 0) return;
             for (const Variable& weight : model.weights()) {
               expected.histogram(weight.path() + "/histogram", epoch, weight.value());
             }
           },
       .on_train_batch_end =
           [&](Index, const Logs& logs) {
             if (++batch % 2 != 0) return;
             for (const auto& [name, value] : logs) expected.scalar("train", "batch_" + name, batch, value);
           },
       .on_test_end =
           [&](const Logs& logs) {
             for (const auto& [name, value] : logs) {
               expected.scalar("validation", "evaluation_" + name + "_vs_iterations",
                               model.optimizer().iterations(), value);
             }
           }});
  const Tensor data = random_normal({20, 3, 2});
  const Tensor labels = random_normal({20, 1});
  model.fit({data, data * 2}, labels,
            {.batch_size = 4,
             .epochs = 3,
             .verbose = 0,
             .callbacks = {note, TensorBoard(folder + "/logs",
                                             {.histogram_freq = 2, .update_freq = 2, .write_grads = true})},
             .validation_split = 0.2});
  expected.file << "\n]\n";
  return expected.file ? 0 : 1;
}
