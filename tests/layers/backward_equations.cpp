#include <functional>

#include <unspool/autograd/joining.h>
#include <unspool/operation.h>

#include "../support/equation_evaluator.h"
#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Matrix matrix_of(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  return {.rows = static_cast<std::size_t>(shape.rank() < 2 ? 1 : shape[0]),
          .columns = static_cast<std::size_t>(shape.rank() < 1 ? 1 : shape[-1]),
          .values = tensor.to_vector<double>()};
}

/// The part in this row and column of parts of equal sizes.
Matrix part_of(const Matrix& whole, std::size_t row, std::size_t rows, std::size_t column,
               std::size_t columns) {
  Matrix made = Matrix::zeros(whole.rows / rows, whole.columns / columns);
  for (std::size_t r = 0; r < made.rows; ++r) {
    for (std::size_t c = 0; c < made.columns; ++c) {
      made.at(r, c) = whole.at(row * made.rows + r, column * made.columns + c);
    }
  }
  return made;
}

double distance(const Matrix& a, const Matrix& b) {
  if (a.rows != b.rows || a.columns != b.columns) return HUGE_VAL;
  double worst = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    if (!(std::fabs(a.values[i] - b.values[i]) <= worst)) worst = std::fabs(a.values[i] - b.values[i]);
  }
  return worst;
}

/// Evaluates the printed equations of a cell, of float64, and compares all that they give with the cell's own
/// step and the tape's gradients.
void check_equations(const Ref<Cell>& cell, Index features = 3) {
  constexpr Index rows = 3;
  cell->build_once(Shape{rows, features});
  std::vector<Tensor> weights;
  for (const Variable& weight : cell->weights()) {
    weights.push_back(some(weight.shape(), float64, 0.3 + static_cast<double>(weights.size())));
  }
  cell->set_weights(weights);
  const Tensor x = some({rows, features}, float64, 5);
  States states;
  for (const Shape& size : cell->state_sizes()) {
    states.push_back(some(Shape({rows}) + size, float64, 7 + static_cast<double>(states.size())));
  }

  const BackwardEquations equations = backward_equations(cell);
  const std::string text = equations.to_text();
  CAPTURE(text);
  const EquationText printed = sections_of(text);
  EquationEvaluator evaluator;
  auto& values = evaluator.values;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const WeightLine& line = printed.weights.at(i);
    CHECK(line.name == cell->weights()[i].name());
    const Matrix whole = matrix_of(weights[i]);
    values[line.name] = whole;
    for (std::size_t r = 0; r < line.parts.size(); ++r) {
      for (std::size_t c = 0; c < line.parts[r].size(); ++c) {
        values[line.parts[r][c]] = part_of(whole, r, line.parts.size(), c, line.parts[r].size());
      }
    }
  }
  for (const EquationWeight& weight : equations.weights) {
    if (weight.constant) values[weight.name] = matrix_of(weight.constant);
  }
  values["x_t"] = matrix_of(x);
  const std::vector<std::string> names = cell->state_names();
  for (std::size_t i = 0; i < names.size(); ++i) values[names[i]] = matrix_of(states[i]);

  GradientTape tape;
  tape.watch(x);
  for (const Tensor& state : states) tape.watch(state);
  const CellOutput made = cell(x, states);
  const Tensor dy = some(made.output.shape(), float64, 11);
  Tensor target = sum(made.output * dy);
  values["dy_t"] = matrix_of(dy);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Tensor given = some(made.states[i].shape(), float64, 13 + static_cast<double>(i));
    values["d" + names[i] + "_next"] = matrix_of(given);
    target = target + sum(made.states[i] * given);
  }
  std::vector<Source> sources{x};
  for (const Tensor& state : states) sources.emplace_back(state);
  for (const Variable& weight : cell->weights()) sources.emplace_back(weight);
  const std::vector<Tensor> gradients = tape.gradient(target, sources, {.unconnected = Unconnected::zero});

  for (const std::string& line : printed.forward) evaluator.run(line);
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(distance(values.at(names[i] + "_t"), matrix_of(made.states[i])) <= 1e-12);
  }
  for (const std::string& line : printed.backward) evaluator.run(line);
  CHECK(distance(values.at("dx_t"), matrix_of(gradients[0])) <= 1e-10);
  for (std::size_t i = 0; i < names.size(); ++i) {
    CHECK(distance(values.at("d" + names[i]), matrix_of(gradients[i + 1])) <= 1e-10);
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const WeightLine& line = printed.weights[i];
    const Matrix whole = matrix_of(gradients[1 + names.size() + i]);
    CAPTURE(line.name);
    if (line.parts.empty()) CHECK(distance(values.at("d" + line.name), whole) <= 1e-10);
    for (std::size_t r = 0; r < line.parts.size(); ++r) {
      for (std::size_t c = 0; c < line.parts[r].size(); ++c) {
        CHECK(distance(values.at("d" + line.parts[r][c]),
                       part_of(whole, r, line.parts.size(), c, line.parts[r].size())) <= 1e-10);
      }
    }
  }
}

/// A cell of the tests: weights by name and shape, and its step.
class WrittenCell : public Cell {
 public:
  using Weights = std::vector<std::pair<std::string, Shape>>;
  using Step =
      std::function<CellOutput(const Tensor& x, const States& states, const std::vector<Variable>& w)>;

  WrittenCell(Index units, std::vector<std::string> states, Weights weights, Step step)
      : Cell({.state_sizes = std::vector<StateSize>(states.size(), units),
              .state_names = states,
              .dtype = float64}),
        shapes_(std::move(weights)),
        step_(std::move(step)) {}

 protected:
  void build(const Shape&) override {
    for (const auto& [name, shape] : shapes_) weights_.push_back(add_weight({.name = name, .shape = shape}));
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    return step_(x, states, weights_);
  }

 private:
  Weights shapes_;
  Step step_;
  std::vector<Variable> weights_;
};

constexpr Index in_size = 3;
constexpr Index units_of_cell = 4;

Ref<Cell> minimal_gated(bool with_names) {
  return make<WrittenCell>(
      units_of_cell, std::vector<std::string>{"h"},
      WrittenCell::Weights{{"kernel", {in_size, 2 * units_of_cell}},
                           {"recurrent_kernel", {units_of_cell, 2 * units_of_cell}},
                           {"bias", {2 * units_of_cell}}},
      [with_names](const Tensor& x, const States& states, const std::vector<Variable>& w) {
        const Tensor& h = states[0];
        const auto name = [&](const Tensor& tensor, Label label) {
          return with_names ? labeled(tensor, label) : tensor;
        };
        const auto [xf, xc] = split<2>(matmul(x, w[0]) + w[2]);
        const auto [uf, uc] = split<2>(w[1]);
        const Tensor f = name(sigmoid(xf + matmul(h, uf)), "f");
        const Tensor c = name(tanh(xc + matmul(f * h, uc)), "c");
        const Tensor next = (1 - f) * h + f * c;
        return CellOutput{next, {next}};
      });
}

/// Chang et al. 2019: the recurrent matrix is antisymmetric. It is computed once, not at each step.
Ref<Cell> antisymmetric() {
  return make<WrittenCell>(units_of_cell, std::vector<std::string>{"h"},
                           WrittenCell::Weights{{"kernel", {in_size, units_of_cell}},
                                                {"recurrent_kernel", {units_of_cell, units_of_cell}},
                                                {"bias", {units_of_cell}}},
                           [](const Tensor& x, const States& states, const std::vector<Variable>& w) {
                             const Tensor r = w[1];
                             const Tensor matrix = r - transpose(r) - 0.2 * eye(units_of_cell, float64);
                             const Tensor next =
                                 states[0] + 0.1 * tanh(matmul(x, w[0]) + matmul(states[0], matrix) + w[2]);
                             return CellOutput{next, {next}};
                           });
}

/// Kusupati et al. 2018, FastRNN: two weights of one number.
Ref<Cell> fast() {
  return make<WrittenCell>(units_of_cell, std::vector<std::string>{"h"},
                           WrittenCell::Weights{{"kernel", {in_size, units_of_cell}},
                                                {"recurrent_kernel", {units_of_cell, units_of_cell}},
                                                {"bias", {units_of_cell}},
                                                {"alpha", {1}},
                                                {"beta", {1}}},
                           [](const Tensor& x, const States& states, const std::vector<Variable>& w) {
                             const Tensor candidate =
                                 labeled(tanh(matmul(x, w[0]) + matmul(states[0], w[1]) + w[2]), "c");
                             const Tensor next = sigmoid(w[3]) * candidate + sigmoid(w[4]) * states[0];
                             return CellOutput{next, {next}};
                           });
}

/// Gers et al. 2002, with peepholes.
Ref<Cell> peephole() {
  return make<WrittenCell>(units_of_cell, std::vector<std::string>{"h", "c"},
                           WrittenCell::Weights{{"kernel", {in_size, 4 * units_of_cell}},
                                                {"recurrent_kernel", {units_of_cell, 4 * units_of_cell}},
                                                {"peephole", {3 * units_of_cell}},
                                                {"bias", {4 * units_of_cell}}},
                           [](const Tensor& x, const States& states, const std::vector<Variable>& w) {
                             const Tensor& c = states[1];
                             const auto [ai, af, ag, ao] =
                                 split<4>(matmul(x, w[0]) + matmul(states[0], w[1]) + w[3]);
                             const auto [pi, pf, po] = split<3>(w[2]);
                             const Tensor i = labeled(sigmoid(ai + pi * c), "i");
                             const Tensor f = labeled(sigmoid(af + pf * c), "f");
                             const Tensor g = labeled(tanh(ag), "g");
                             const Tensor next_c = f * c + i * g;
                             const Tensor o = labeled(sigmoid(ao + po * next_c), "o");
                             const Tensor next_h = o * tanh(next_c);
                             return CellOutput{next_h, {next_h, next_c}};
                           });
}

/// Rusch and Mishra 2021, coRNN, explicit.
Ref<Cell> oscillators() {
  return make<WrittenCell>(units_of_cell, std::vector<std::string>{"h", "c"},
                           WrittenCell::Weights{{"kernel", {in_size, units_of_cell}},
                                                {"recurrent_kernel", {units_of_cell, units_of_cell}},
                                                {"cell_kernel", {units_of_cell, units_of_cell}},
                                                {"bias", {units_of_cell}}},
                           [](const Tensor& x, const States& states, const std::vector<Variable>& w) {
                             const Tensor& h = states[0];
                             const Tensor& c = states[1];
                             const Tensor a =
                                 tanh(matmul(x, w[0]) + matmul(h, w[1]) + matmul(c, w[2]) + w[3]);
                             const Tensor next_c = c + 0.1 * (a - 0.9 * h - 0.8 * c);
                             const Tensor next_h = h + 0.1 * next_c;
                             return CellOutput{next_h, {next_h, next_c}};
                           });
}

/// Krause et al. 2016: two products in a chain.
Ref<Cell> multiplicative() {
  return make<WrittenCell>(
      units_of_cell, std::vector<std::string>{"h", "c"},
      WrittenCell::Weights{{"kernel", {in_size, 5 * units_of_cell}},
                           {"recurrent_kernel", {units_of_cell, units_of_cell}},
                           {"multiplicative_kernel", {units_of_cell, 4 * units_of_cell}},
                           {"bias", {5 * units_of_cell}}},
      [](const Tensor& x, const States& states, const std::vector<Variable>& w) {
        const std::vector<Tensor> input = split(matmul(x, w[0]) + w[3], {units_of_cell, 4 * units_of_cell});
        const Tensor m = labeled(input[0] * matmul(states[0], w[1]), "m");
        const auto [ai, af, ag, ao] = split<4>(input[1] + matmul(m, w[2]));
        const Tensor next_c =
            labeled(sigmoid(af), "f") * states[1] + labeled(sigmoid(ai), "i") * labeled(tanh(ag), "g");
        const Tensor next_h = labeled(sigmoid(ao), "o") * tanh(next_c);
        return CellOutput{next_h, {next_h, next_c}};
      });
}

/// Collins et al. 2017 in short: relu, and an output that is no state.
Ref<Cell> two_outputs() {
  return make<WrittenCell>(units_of_cell, std::vector<std::string>{"h"},
                           WrittenCell::Weights{{"kernel", {in_size, 2 * units_of_cell}},
                                                {"recurrent_vector", {units_of_cell}},
                                                {"bias", {2 * units_of_cell}}},
                           [](const Tensor& x, const States& states, const std::vector<Variable>& w) {
                             const auto [ay, ah] = split<2>(matmul(x, w[0]) + w[2]);
                             const Tensor next = relu(ah + w[1] * states[0]);
                             return CellOutput{relu(ay) * next, {next}};
                           });
}

std::size_t operations(const std::vector<Equation>& equations) {
  std::size_t count = 0;
  for (const Equation& equation : equations) count += equation.operations;
  return count;
}

}  // namespace

TEST_CASE("the printed equations of the library's cells give the tape's gradients") {
  check_equations(SimpleRNNCell({.units = units_of_cell, .dtype = float64}));
  check_equations(
      SimpleRNNCell({.units = units_of_cell, .activation = "relu", .use_bias = false, .dtype = float64}));
  check_equations(LSTMCell({.units = units_of_cell, .dtype = float64}));
  check_equations(LSTMCell({.units = units_of_cell, .use_bias = false, .dtype = float64}));
  check_equations(GRUCell({.units = units_of_cell, .dtype = float64}));
  check_equations(GRUCell({.units = units_of_cell, .reset_after = false, .dtype = float64}));
}

TEST_CASE("the printed equations of a user's cell give the tape's gradients") {
  check_equations(minimal_gated(true));
  check_equations(minimal_gated(false));
  check_equations(antisymmetric());
  check_equations(fast());
  check_equations(peephole());
  check_equations(oscillators());
  check_equations(multiplicative());
  check_equations(two_outputs());
}

TEST_CASE("equations are simplified to what a person would write") {
  const BackwardEquations mgu = backward_equations(minimal_gated(true), {in_size});
  const auto find = [](const BackwardEquations& equations, const std::string& left) {
    for (const Equation& equation : equations.backward) {
      if (equation.left == left) return equation.right;
    }
    return std::string("missing");
  };
  CHECK(find(mgu, "da_f") == "(dh_t * (c - h) + ds1 * h) * f * (1 - f)");
  const BackwardEquations lstm = backward_equations(LSTMCell({.units = units_of_cell}), {in_size});
  CHECK(find(lstm, "da_f") == "dc_t * c * f * (1 - f)");
  CHECK(find(lstm, "da_o") == "dh_t * tanh(c_t) * o * (1 - o)");
  CHECK(find(lstm, "dc") == "dc_t * f");
  CHECK(find(lstm, "dkernel_f") == "x_t^T @ da_f");
  CHECK(find(lstm, "dbias_f") == "sum(da_f)");
  const BackwardEquations gru = backward_equations(GRUCell({.units = units_of_cell}), {in_size});
  CHECK(find(gru, "da_z") == "dh_t * (h - c) * z * (1 - z)");
}

namespace {

/// Operations with the names of others, that compute something else.
constexpr Operation misnamed_records[] = {
    {.name = "cast",
     .summary = "2 x",
     .kernel = elementwise([](auto x) { return x + x; }),
     .gradient = [](Backward& b) { b.dx() = 2 * b.dy(); },
     .examples = {{-2, 2}}},
    {.name = "where",
     .summary = "a + b + 3 c",
     .kernel = elementwise([](auto a, auto b, auto c) { return a + b + 3 * c; }),
     .gradient =
         [](Backward& b) {
           b.dx(0) = b.dx(1) = b.dy();
           b.dx(2) = 3 * b.dy();
         },
     .examples = {{-2, 2}, {-2, 2}, {-2, 2}}},
};
constexpr OperationTable misnamed(misnamed_records);

}  // namespace

TEST_CASE("equations know operations by what they state, not by their names") {
  const Ref<Cell> cell = make<WrittenCell>(
      units_of_cell, std::vector<std::string>{"h"}, WrittenCell::Weights{{"w", {in_size, units_of_cell}}},
      [](const Tensor& x, const States& states, const std::vector<Variable>& w) {
        const Tensor doubled = apply(misnamed["cast"], matmul(x, w[0]));
        const Tensor h = tanh(apply(misnamed["where"], doubled, states[0], Tensor::zeros({}, float64)));
        return CellOutput{h, {h}};
      });
  const std::string text = backward_equations(cell, {in_size}).to_text();
  CAPTURE(text);
  CHECK(text.find("g1 = cast(a_g1)") != std::string::npos);
  CHECK(text.find("h_t = tanh(where(g1, h, 0))") != std::string::npos);
}

TEST_CASE("what cannot be written as equations is an error that says what to do") {
  CHECK_THROWS_WITH_AS(
      backward_equations(LSTMCell({.units = 2, .name = "cell"})),
      "backward_equations: expected a cell that is built, got cell: call it, or give the size "
      "of its input, backward_equations(cell, {features})",
      ValueError);
  CHECK_THROWS_AS(backward_equations({}), ValueError);
}

// Greff et al., "LSTM: A Search Space Odyssey" (2017), appendix A, without peepholes, and Goodfellow et al.,
// "Deep Learning" (2016), equations 10.8 to 10.9 and 10.17 to 10.28; each of their operations counted once,
// with gates' derivatives written out as f (1 - f) and 1 - g^2.
TEST_CASE("the equations of SimpleRNN and LSTM need no more operations than a textbook's") {
  const BackwardEquations rnn = backward_equations(SimpleRNNCell({.units = units_of_cell}), {in_size});
  // a = b + W h + U x; h = tanh(a): 2 products, 2 additions, tanh.
  CHECK(operations(rnn.forward) <= 5);
  // dh_t: 1 addition; da = dh (1 - h^2): 3; dU, dW: product and addition, 2 each; db: sum and addition, 2; dx
  // and dh: a product each.
  CHECK(operations(rnn.backward) <= 1 + 3 + 2 + 2 + 2 + 1 + 1);
  const BackwardEquations lstm = backward_equations(LSTMCell({.units = units_of_cell}), {in_size});
  // Four gates of 5 operations as above; c = z i + c f: 3; y = h(c) o: 2.
  CHECK(operations(lstm.forward) <= 4 * 5 + 3 + 2);
  // dy: one addition (their sums of R^T d are counted with dh below); do = dy h(c) o (1 - o): 5 with h(c);
  // dc = dy o h'(c) + dc_next: 6; df = dc c f (1 - f): 4; di likewise; dz = dc i (1 - z^2): 4; dc f: 1.
  // dx and dh: 4 products and 3 additions each; dW, dR, db: for each gate 2 each.
  CHECK(operations(lstm.backward) <= 1 + 5 + 6 + 4 + 4 + 4 + 1 + 7 + 7 + 4 * 6);
}
