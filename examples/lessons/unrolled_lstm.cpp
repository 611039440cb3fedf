// The tape of an LSTM over three steps: as a worksheet, as pictures, and as a page on which one steps through
// it. What each weight gets at each time step, and what truncation leaves out, can be read there.
//
//     scripts/example.sh unrolled_lstm [FOLDER]
//
// It prints the worksheet, and writes lstm.html, lstm.dot, step.dot and plan.dot into the folder.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <unspool/unspool.h>

#include "lesson.h"

using namespace unspool;

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : "build/unrolled_lstm";
  std::filesystem::create_directories(folder);
  set_random_seed(1);
  const auto lstm = LSTM({.units = 2, .name = "lstm"});
  const Tensor x = labeled(Tensor::of({{{0.5F, -1}, {1, 0.25F}, {-0.5F, 2}}}), "x");

  // keep_all keeps each value, and shows the steps of the compiled loop one by one.
  GradientTape tape({.keep_all = true});
  tape.watch(x);
  const Tensor loss = labeled(sum(square(lstm(x))), "loss");
  std::cout << explain(tape, loss);

  write_html(tape, folder / "lstm.html", {.target = loss, .title = "An LSTM over three time steps"});
  std::ofstream(folder / "lstm.dot") << to_dot(tape);
  // Without such a tape the loop is compiled.
  tape.stop();
  lstm(x);
  std::ofstream(folder / "step.dot") << lstm->compiled()->to_dot(ScanPicture::step);
  std::ofstream(folder / "plan.dot") << lstm->compiled()->to_dot(ScanPicture::plan);
  std::cout << "\nwrote " << (folder / "lstm.html").string() << ": open it in a browser\n\n";

  lesson::Claims claims;
  const std::vector<Tensor> shown = tape.gradient(loss, lstm->weights());
  GradientTape of_loop;
  const Tensor compiled_loss = sum(square(lstm(x)));
  const std::vector<Tensor> compiled = of_loop.gradient(compiled_loss, lstm->weights());
  for (std::size_t i = 0; i < shown.size(); ++i) {
    claims.check(lesson::difference(shown[i], compiled[i]) <= 1e-6,
                 "d" + lstm->weights()[i].name() + " is that of the compiled loop, to 1e-6");
  }
  return claims.all_hold() ? 0 : 1;
}
