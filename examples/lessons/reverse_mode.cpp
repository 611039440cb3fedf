// Reverse mode by hand: the chain rule from the result back to the inputs, on three numbers.
//
//     scripts/example.sh reverse_mode
//
// An expression is a list of small steps, each of which computes one value from values before it:
//
//     p = a * b      t = tanh(p)      q = b * c      y = t + q
//
// The adjoint of a value v, written dv, is dy/dv: how much y changes if v does. The adjoint of y itself is 1.
// Reverse mode goes through the list from its end. Each step passes its adjoint on to its operands, times its
// own derivative with respect to that operand. A value that several steps read, as b here, gets the sum of
// what they send. So one backward pass gives the derivatives with respect to all inputs, however many there
// are (Linnainmaa 1970; Griewank and Walther 2008). Backpropagation is reverse mode on a longer list.
//
// The program computes the worksheet as one writes it on paper, with plain numbers. Beside it stands what a
// GradientTape records and sends back for the same expression, and finite differences, which do not use the
// chain rule.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <unspool/unspool.h>

#include "lesson.h"

using namespace unspool;

namespace {

/// A line of the worksheet: a value, and by which rule its adjoint follows from those above it.
struct Line {
  std::string name, step, rule;
  double value = 0, adjoint = 0;
};

std::vector<Line> on_paper(double a, double b, double c) {
  const double p = a * b;
  const double t = std::tanh(p);
  const double q = b * c;
  const double y = t + q;

  const double dy = 1;
  const double dq = dy;
  const double dt = dy;
  const double dp = dt * (1 - t * t);
  const double da = dp * b;
  const double db = dp * a + dq * c;
  const double dc = dq * b;
  return {{"y", "y = t + q", "dy = 1", y, dy},    {"q", "q = b * c", "dq = dy", q, dq},
          {"t", "t = tanh(p)", "dt = dy", t, dt}, {"p", "p = a * b", "dp = dt * (1 - t^2)", p, dp},
          {"c", "c", "dc = dq * b", c, dc},       {"b", "b", "db = dp * a + dq * c", b, db},
          {"a", "a", "da = dp * b", a, da}};
}

/// dy/dx for input number i, from values of y alone.
double central_difference(std::vector<double> x, std::size_t i) {
  constexpr double h = 1e-5;
  const auto y_at = [&](double xi) {
    x[i] = xi;
    return std::tanh(x[0] * x[1]) + x[1] * x[2];
  };
  const double middle = x[i];
  return (y_at(middle + h) - y_at(middle - h)) / (2 * h);
}

void teach(lesson::Claims& claims) {
  const std::vector<double> inputs = {2, 0.5, -3};

  GradientTape tape({.keep_all = true});
  const Tensor a = labeled(Tensor::scalar(inputs[0]), "a");
  const Tensor b = labeled(Tensor::scalar(inputs[1]), "b");
  const Tensor c = labeled(Tensor::scalar(inputs[2]), "c");
  for (const Tensor& input : {a, b, c}) tape.watch(input);
  const Tensor p = labeled(a * b, "p");
  const Tensor t = labeled(tanh(p), "t");
  const Tensor q = labeled(b * c, "q");
  const Tensor y = labeled(t + q, "y");

  const TapeView view = tape.view();
  const TapeSweep sweep = tape.sweep(y);
  std::printf("The worksheet, from y back to the inputs, and the tape's adjoints:\n\n");
  std::printf("%-12s %12s   %-22s %12s %12s\n", "step", "value", "adjoint", "on paper", "on the tape");
  double worst = 0;
  for (const Line& line : on_paper(inputs[0], inputs[1], inputs[2])) {
    std::size_t i = 0;
    while (view.values.at(i).name != line.name) ++i;
    const double value = view.values[i].tensor.item<double>();
    const double adjoint = sweep.gradients[i].item<double>();
    std::printf("%-12s %12.8f   %-22s %12.8f %12.8f\n", line.step.c_str(), line.value, line.rule.c_str(),
                line.adjoint, adjoint);
    worst = std::max({worst, std::fabs(value - line.value), std::fabs(adjoint - line.adjoint)});
  }
  std::printf("\nThe tape's own worksheet, whose formulas are those of its gradient rules:\n\n%s\n",
              explain(tape, y, {.digits = 6}).c_str());

  bool reversed = sweep.steps.size() == view.records.size();
  for (std::size_t i = 0; reversed && i < sweep.steps.size(); ++i)
    reversed = sweep.steps[i].record == view.records.size() - 1 - i;
  claims.check(worst <= 1e-12, "each value and each adjoint of the tape is that on paper, to 1e-12");
  claims.check(reversed, "the backward pass visits each of the 4 records once, from the last to the first");

  std::printf("\nThe derivatives with respect to the inputs, in two ways:\n\n");
  std::printf("%-6s %14s %14s\n", "", "reverse mode", "differences");
  const std::vector<Tensor> gradients = tape.gradient(y, {a, b, c});
  double worst_difference = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double exact = gradients[i].item<double>();
    const double numeric = central_difference(inputs, i);
    std::printf("dy/d%c %15.8f %14.8f\n", "abc"[i], exact, numeric);
    worst_difference = std::max(worst_difference, std::fabs(exact - numeric));
  }
  std::printf("\n");
  claims.check(worst_difference <= 1e-9, "central differences agree to 1e-9");
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run("reverse_mode", argc, argv, [](lesson::Claims& claims, const auto&) { teach(claims); });
}
