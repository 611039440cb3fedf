#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>

#include <unspool/unspool.h>

using namespace unspool;

/// Trains with a Dashboard(), for scripts/check-dashboard.py, which runs it in tmux. The first argument says
/// how training ends, the second is the file to save to, the third the number of epochs.
int main(int count, char** words) {
  const std::string mode = count > 1 ? words[1] : "run";
  const std::string path = count > 2 ? words[2] : "dashboard.unspool";
  const Index epochs = count > 3 ? std::atoi(words[3]) : 100000;
  set_seed(1);
  const Tensor x = random_normal({512, 24, 3});
  const Tensor y = cast(sum(slice(x, 2, 0, 1), {1, 2}) > 0, int32);
  Sequential model(
      {Input({.shape = {24, 3}}), LSTM({.units = 24, .return_sequences = true, .name = "lower"}),
       GRU({.units = 16, .name = "upper"}), Dense({.units = 1, .activation = "sigmoid", .name = "out"})},
      {.name = "signs"});
  model.compile({.optimizer = Adam(0.001), .loss = "binary_crossentropy", .metrics = {"accuracy"}});
  const auto trouble = LambdaCallback({.on_train_batch_end = [&](Index batch) {
    if (mode == "slow") std::this_thread::sleep_for(std::chrono::seconds(30));
    if (batch < 10) return;
    if (mode == "throw" || mode == "uncaught") throw std::runtime_error("the data have ended too early");
    if (mode == "exit") {
      std::cerr << "something was wrong" << std::endl;
      std::exit(3);
    }
    if (mode == "abort") std::abort();
  }});
  const auto train = [&] {
    const History history = model.fit(
        x, y,
        {.epochs = epochs, .callbacks = {Dashboard({.save_path = path}), trouble}, .validation_split = 0.25});
    std::cout << "epochs: " << history.epoch.size() << ", interrupted: " << history.interrupted << std::endl;
  };
  if (mode == "uncaught") {
    train();
    return 0;
  }
  try {
    train();
  } catch (const std::exception& error) {
    std::cout << "error: " << error.what() << std::endl;
    return 2;
  }
}
