// Reads Morse code that is sent by hand. Nobody says which strokes of the key belong to a letter:
// connectionist temporal classification (CTC) learns from the letters alone.
//
//     scripts/example.sh ctc
//
// At each step the network gives logits of the 26 letters and of a blank, class 0. An alignment picks a class
// at each step; equal neighbours are merged and blanks left out, so that "_AA_B" and "A__BB" are both AB. The
// loss is -log of the probability of all alignments that give the right letters, and ctc_decode() turns what
// the network says into letters. Messages differ in length: padded_batch() fills them with zeros, Masking
// marks those, and the loss counts the steps that the mask keeps. The labels are filled with zeros as well,
// which is the blank and no letter.
//
// Arguments: the number of epochs.
#include <cmath>
#include <cstdint>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

const std::vector<std::string> morse = {"",    ".-",   "-...", "-.-.", "-..",  ".",   "..-.", "--.",  "....",
                                        "..",  ".---", "-.-",  ".-..", "--",   "-.",  "---",  ".--.", "--.-",
                                        ".-.", "...",  "-",    "..-",  "...-", ".--", "-..-", "-.--", "--.."};

/// A message of one to five letters, 1 to 26. Each step is a time for which the key is down, or, as a
/// negative number, up. A dash is about three times as long as a dot, but each message has its speed, and no
/// two strokes are equal.
Batch message(std::mt19937_64& random) {
  std::uniform_int_distribution<std::int32_t> length(1, 5), letter(1, 26);
  std::uniform_real_distribution<float> tempo(0.7F, 1.4F), by_hand(0.75F, 1.25F);
  const float unit = tempo(random);
  std::vector<float> times;
  std::vector<std::int32_t> letters;
  for (int count = length(random); count > 0; --count) {
    letters.push_back(letter(random));
    for (const char sign : morse[static_cast<std::size_t>(letters.back())]) {
      times.push_back((sign == '.' ? 1 : 3) * unit * by_hand(random));
      times.push_back(-unit * by_hand(random));
    }
    times.back() *= 3;  // the pause after a letter
  }
  return {.x = Tensor(times, {static_cast<Index>(times.size()), 1}), .y = Tensor::from(letters)};
}

/// Messages without end.
Dataset messages(std::uint64_t seed) {
  return Dataset::from_generator([seed](std::uint64_t pass) {
    return [random = std::mt19937_64(seed + pass)]() mutable { return message(random); };
  });
}

/// Labels as text, up to the padding.
std::string text(const Tensor& labels) {
  std::string letters;
  for (const int label : labels.to_vector<int>()) {
    if (label > 0) letters += static_cast<char>('A' + label - 1);
  }
  return letters;
}

/// Times as a line of # for down and . for up.
std::string drawing(const Tensor& times) {
  std::string line;
  for (const float time : times.to_vector<float>())
    line += std::string(static_cast<std::size_t>(2 * std::abs(time) + 0.5F), time > 0 ? '#' : '.');
  return line;
}

}  // namespace

int main(int argc, char** argv) {
  const Index full = 10, epochs = argc > 1 ? std::stoi(argv[1]) : full;
  const Index steps = 100;
  const Dataset training = messages(1).padded_batch(32).prefetch();
  // The settings were chosen on the messages for validation; those of the test are read once.
  const Dataset validation = messages(1'000'000).take(500).padded_batch(100);
  const Dataset test = messages(2'000'000).take(500).padded_batch(100);

  set_random_seed(1);
  Sequential model({
      Input({.shape = {None, 1}}),
      Masking(),
      Bidirectional(GRU({.units = 64, .return_sequences = true})),
      Dense(27),
  });
  model.compile(
      {.optimizer = Adam(CosineDecay({.initial_learning_rate = 5e-3, .decay_steps = epochs * steps})),
       .loss = CTC(),
       .metrics = {EditDistance()}});
  const History history = model.fit(
      training, {.epochs = epochs, .verbose = 2, .validation_data = validation, .steps_per_epoch = steps});

  Index right = 0, all = 0, shown = 0;
  for (const Batch& batch : test) {
    const Tensor times = batch.x[0], labels = batch.y[0];
    const Tensor read = ctc_decode(model(times)).labels[0];  // the mask goes along
    for (Index i = 0; i < times.shape()[0]; ++i, ++all) {
      right += text(read[i]) == text(labels[i]);
      if (shown++ < 3)
        std::cout << drawing(times[i]) << "  read as " << text(read[i]) << ", sent as " << text(labels[i])
                  << '\n';
    }
  }
  const double share = static_cast<double>(right) / static_cast<double>(all);
  std::cout << "New messages of 1 to 5 letters that are read without a mistake: " << 100 * share << " %\n";
  if (epochs < full) return history["loss"].back() < history["loss"].front() ? 0 : 1;
  return share >= 0.95 ? 0 : 1;
}
