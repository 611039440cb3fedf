// A network that writes like Shakespeare: it reads a text character by character, and learns which character
// comes next.
//
//     scripts/example.sh shakespeare
//
// The text is cut into pieces of 64 characters, and the label of each character is the one after it,
// so that one piece is 64 lessons. To write, the network needs one character at a time and its state:
// a second model has the same weights, a batch of one and a stateful layer. It draws each character from the
// predicted probabilities and reads it in the next step. What was learned is measured in bits a character on
// a play that the network has not seen, King Lear: all characters equally likely would be 6.2 bits.
//
// Arguments: the number of epochs, and how many pieces to train and test on.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

/// A text as numbers of its characters in `alphabet`.
Tensor encode(const std::string& text, const std::string& alphabet) {
  std::vector<std::int32_t> ids;
  for (const char c : text) ids.push_back(static_cast<std::int32_t>(alphabet.find(c)));
  return Tensor::from(ids);
}

struct Pieces {
  Tensor x;  // (pieces, steps)
  Tensor y;  // the characters after those of x
};

Pieces cut(const Tensor& text, Index steps, Index most = -1) {
  Index count = (text.size() - 1) / steps;
  if (most >= 0) count = std::min(count, most);
  return {reshape(slice(text, 0, 0, count * steps), {count, steps}),
          reshape(slice(text, 0, 1, count * steps + 1), {count, steps})};
}

Sequential network(const Tensor& input, Index symbols, bool stateful) {
  Sequential model({
      input, Embedding(symbols, 64), Dropout(0.1),
      LSTM({.units = 384, .return_sequences = true, .stateful = stateful}), Dropout(0.4),
      Dense(symbols),  // logits
  });
  return model;
}

/// Continues a text. A temperature below 1 prefers likely characters.
std::string write(Model& writer, const std::string& alphabet, const std::string& start, Index length,
                  double temperature) {
  writer.reset_states();
  std::string text = start;
  Tensor read = encode(start, alphabet);
  for (Index i = 0; i < length; ++i) {
    const Tensor logits = writer(expand_dims(read, 0))[0][-1];  // after the last character
    // Adding Gumbel noise to the logits makes the largest one a draw from their softmax.
    const Tensor noise = -log(-log(random_uniform(logits.shape(), 1e-9, 1)));
    read = reshape(argmax(logits / temperature + noise), {1});
    text += alphabet[read.item<std::size_t>()];
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const Index full = 10, epochs = argc > 1 ? std::stoi(argv[1]) : full;
  const Index pieces = argc > 2 ? std::stoi(argv[2]) : -1;
  std::ifstream file("examples/data/shakespeare.txt");
  if (!file)
    throw FileError("examples/data/shakespeare.txt: run this program in the root of the source tree");
  std::stringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  std::string alphabet = text;
  std::sort(alphabet.begin(), alphabet.end());
  alphabet.erase(std::unique(alphabet.begin(), alphabet.end()), alphabet.end());
  const Index symbols = static_cast<Index>(alphabet.size());

  const std::size_t lear = text.find("THE TRAGEDY OF KING LEAR");
  const Pieces training = cut(encode(text.substr(0, lear), alphabet), 64, pieces);
  const Pieces test = cut(encode(text.substr(lear), alphabet), 1000, pieces);
  const Index batch = 16, steps = epochs * ((training.x.shape()[0] + batch - 1) / batch);

  set_random_seed(1);
  Sequential model = network(Input({.shape = {None}, .dtype = int32}), symbols, false);
  Sequential writer = network(Input({.dtype = int32, .batch_shape = {1, None}}), symbols, true);
  model.compile({.optimizer = Adam(CosineDecay({.initial_learning_rate = 2e-3, .decay_steps = steps})),
                 .loss = SparseCategoricalCrossentropy({.from_logits = true})});
  model.summary();
  const auto sample = [&](Index epoch, Logs&) {
    if ((epoch + 1) % std::max<Index>(1, epochs / 5) != 0) return;
    writer.set_weights(model.get_weights());
    std::cout << "\n----------\n" << write(writer, alphabet, "\nKent.\n", 300, 0.7) << "\n----------\n";
  };
  const History history = model.fit(training.x, training.y,
                                    {.batch_size = batch,
                                     .epochs = epochs,
                                     .verbose = 2,
                                     .callbacks = {LambdaCallback({.on_epoch_end = sample})},
                                     .validation_data = {test.x, test.y}});

  const double bits = history["val_loss"].back() / std::numbers::ln2;
  std::cout << "King Lear, which was not used in training: " << bits << " bits a character\n";
  // In a short run, better than all characters equally likely is enough.
  return bits < (epochs < full ? std::log2(symbols) : 2.4) ? 0 : 1;
}
