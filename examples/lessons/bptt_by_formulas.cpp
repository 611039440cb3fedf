// Backpropagation through time by its formulas: a SimpleRNN in plain loops, beside the tape.
//
//     scripts/example.sh bptt_by_formulas
//
// A SimpleRNN computes, for the time steps t = 0, 1, ..., with h_{-1} = 0 and values as rows,
//
//     a_t = x_t W + h_{t-1} U + b      h_t = tanh(a_t)      L = sum over t of |h_t - y_t|^2 / 2
//
// A state h_t changes the loss in two ways: directly, and through the next state. So its gradient is a sum
// of two terms, and the second one is known once step t + 1 is done (Werbos 1990; Goodfellow, Bengio and
// Courville 2016, section 10.2.2):
//
//     dL/dh_t = (h_t - y_t) + dL/da_{t+1} U^T      dL/da_t = dL/dh_t * (1 - h_t^2)
//
// The weights are the same at each step, so each step contributes a part to their gradients:
//
//     dL/dW = sum of x_t^T dL/da_t      dL/dU = sum of h_{t-1}^T dL/da_t      dL/db = sum of dL/da_t
//
// The input, which each step has for itself, gets dL/dx_t = dL/da_t W^T.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <unspool/unspool.h>

#include "lesson.h"

using namespace unspool;

namespace {

constexpr Index steps = 5, features = 2, units = 3;

using Row = std::vector<double>;
using Matrix = std::vector<Row>;

Matrix matrix_of(const Tensor& tensor) {
  Matrix rows;
  for (Index i = 0; i < tensor.shape()[0]; ++i) rows.push_back(tensor[i].to_vector<double>());
  return rows;
}

Row joined(const Matrix& rows) {
  Row all;
  for (const Row& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

/// What the formulas give: a row or a matrix for each time step.
struct Formulas {
  Matrix h, direct, later, dh, da, dx;
  std::vector<Matrix> w_parts, u_parts;
};

/// The outer product u^T v.
Matrix outer(const Row& u, const Row& v) {
  Matrix product;
  for (const double left : u) {
    product.emplace_back();
    for (const double right : v) product.back().push_back(left * right);
  }
  return product;
}

/// v W^T: number i is the product of v with row i of W.
Row times_transposed(const Row& v, const Matrix& w) {
  Row product(w.size());
  for (std::size_t i = 0; i < w.size(); ++i)
    for (std::size_t j = 0; j < v.size(); ++j) product[i] += v[j] * w[i][j];
  return product;
}

Formulas by_formulas(const Matrix& x, const Matrix& y, const Matrix& w, const Matrix& u, const Row& b) {
  const std::size_t count = x.size();
  const Row zeros(b.size());
  Formulas f;
  for (std::size_t t = 0; t < count; ++t) {
    const Row& before = t > 0 ? f.h[t - 1] : zeros;
    Row h(b.size());
    for (std::size_t j = 0; j < h.size(); ++j) {
      double a = b[j];
      for (std::size_t i = 0; i < w.size(); ++i) a += x[t][i] * w[i][j];
      for (std::size_t i = 0; i < u.size(); ++i) a += before[i] * u[i][j];
      h[j] = std::tanh(a);
    }
    f.h.push_back(h);
  }
  f.direct = f.later = f.dh = f.da = Matrix(count, zeros);
  f.dx.resize(count);
  f.w_parts.resize(count);
  f.u_parts.resize(count);
  for (std::size_t t = count; t-- > 0;) {
    if (t + 1 < count) f.later[t] = times_transposed(f.da[t + 1], u);
    for (std::size_t j = 0; j < b.size(); ++j) {
      f.direct[t][j] = f.h[t][j] - y[t][j];
      f.dh[t][j] = f.direct[t][j] + f.later[t][j];
      f.da[t][j] = f.dh[t][j] * (1 - f.h[t][j] * f.h[t][j]);
    }
    f.dx[t] = times_transposed(f.da[t], w);
    f.w_parts[t] = outer(x[t], f.da[t]);
    f.u_parts[t] = outer(t > 0 ? f.h[t - 1] : zeros, f.da[t]);
  }
  return f;
}

Row sum_of(const Matrix& parts) {
  Row sum(parts.front().size());
  for (const Row& part : parts)
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
  return sum;
}

/// The parts of a weight's gradient on the tape, a row of numbers for each time step.
Matrix parts_on_tape(const TapeView& view, const TapeSweep& sweep, const Variable& weight) {
  Matrix parts(static_cast<std::size_t>(steps), Row(static_cast<std::size_t>(weight.size())));
  for (const TapeSweepStep& step : sweep.steps) {
    const TapeRecord& record = view.records[step.record];
    for (std::size_t i = 0; i < record.inputs.size(); ++i) {
      if (view.values[record.inputs[i]].variable == weight && step.leaving[i])
        parts.at(static_cast<std::size_t>(record.step)) = step.leaving[i].to_vector<double>();
    }
  }
  return parts;
}

void teach(lesson::Claims& claims) {
  const SimpleRNN rnn({.units = units, .return_sequences = true, .seed = 1, .dtype = float64});
  const Tensor x = random_normal({1, steps, features}, 0, 1, float64, 2);
  const Tensor y = random_normal({1, steps, units}, 0, 0.5, float64, 3);
  rnn->build_once(x.shape());
  const std::vector<Variable> weights = rnn->weights();  // W, U and b.
  weights[2].assign(random_normal({units}, 0, 0.1, float64, 4));
  const auto loss_of = [&](const Tensor& h) { return sum(square(h - y)) / 2; };

  const Formulas f = by_formulas(matrix_of(x[0]), matrix_of(y[0]), matrix_of(weights[0]),
                                 matrix_of(weights[1]), weights[2].value().to_vector<double>());

  // A tape that keeps all records the steps one by one.
  GradientTape tape({.keep_all = true});
  tape.watch(x);
  const Tensor loss = loss_of(rnn(x));
  const TapeView view = tape.view();
  const TapeSweep sweep = tape.sweep(loss);
  Matrix h, dh;
  for (Index t = 0; t < steps; ++t) {
    std::size_t i = 0;
    while (view.values.at(i).name != "h_" + std::to_string(t)) ++i;
    h.push_back(view.values[i].tensor.to_vector<double>());
    dh.push_back(sweep.gradients[i].to_vector<double>());
  }

  std::printf("The gradient with respect to the state h_t of %d units:\n\n", static_cast<int>(units));
  std::printf("  t %24s %26s %26s %26s\n", "h_t - y_t", "+ dL/da_{t+1} U^T", "= dL/dh_t", "on the tape");
  for (std::size_t t = 0; t < f.h.size(); ++t) {
    std::printf("%3zu", t);
    for (const Row& column : {f.direct[t], f.later[t], f.dh[t], dh[t]}) {
      std::printf(" ");
      for (const double value : column) std::printf(" %8.4f", value);
    }
    std::printf("\n");
  }
  std::printf("\n");
  claims.check(lesson::difference(joined(f.h), joined(h)) <= 1e-12, "the states agree to 1e-12");
  claims.check(lesson::difference(joined(f.dh), joined(dh)) <= 1e-12,
               "the gradients with respect to the states agree to 1e-12");

  Matrix w_parts, u_parts;  // A row for each time step.
  for (std::size_t t = 0; t < f.h.size(); ++t) {
    w_parts.push_back(joined(f.w_parts[t]));
    u_parts.push_back(joined(f.u_parts[t]));
  }
  const Matrix formulas[] = {w_parts, u_parts, f.da};
  const char* const names[] = {"W", "U", "b"};

  std::printf("\nOne weight, U[0][1], gets a part from each step:\n\n  t %14s %14s\n", "formula",
              "on the tape");
  const Matrix taped = parts_on_tape(view, sweep, weights[1]);
  for (std::size_t t = 0; t < f.h.size(); ++t)
    std::printf("%3zu %14.8f %14.8f\n", t, u_parts[t][1], taped[t][1]);
  std::printf("sum %14.8f %14.8f\n\n", sum_of(u_parts)[1], sum_of(taped)[1]);

  // The loop that training uses is compiled.
  GradientTape compiled;
  compiled.watch(x);
  const Tensor same_loss = loss_of(rnn(x));
  const std::vector<Tensor> gradients = compiled.gradient(same_loss, {weights[0], weights[1], weights[2], x});
  for (std::size_t i = 0; i < 3; ++i) {
    const Matrix on_tape = parts_on_tape(view, sweep, weights[i]);
    claims.check(lesson::difference(joined(formulas[i]), joined(on_tape)) <= 1e-12,
                 std::string("the part of each step of dL/d") + names[i] + " agrees to 1e-12");
    claims.check(lesson::difference(sum_of(formulas[i]), gradients[i].to_vector<double>()) <= 1e-12,
                 std::string("their sum is dL/d") + names[i] + " of the compiled loop, to 1e-12");
  }
  claims.check(lesson::difference(joined(f.dx), gradients[3].to_vector<double>()) <= 1e-12,
               "dL/dx_t agrees to 1e-12 at each step");
}

}  // namespace

int main(int argc, char** argv) {
  return lesson::run("bptt_by_formulas", argc, argv,
                     [](lesson::Claims& claims, const auto&) { teach(claims); });
}
