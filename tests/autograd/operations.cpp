#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <string>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/check_operation.h>
#include <unspool/autograd/elementwise.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>

using namespace unspool;

namespace {

Specs same_spec(const Call& call) {
  Specs specs(1);
  specs[0] = {call.shape(), call.dtype()};
  return specs;
}

/// x less the mean of its row.
void center(const KernelCall& call) {
  const Shape& shape = *call.inputs[0].shape;
  const Index width = std::max<Index>(1, shape.rank() == 0 ? 1 : shape[-1]);
  visit_dtype(call.inputs[0].dtype, [&]<class T>(T) {
    const T* x = call.inputs[0].as<T>();
    T* y = call.outputs[0].as<T>();
    for (Index row = 0; row < shape.elements(); row += width) {
      T total{};
      for (Index i = 0; i < width; ++i) total = static_cast<T>(total + x[row + i]);
      for (Index i = 0; i < width; ++i) {
        y[row + i] = static_cast<T>(x[row + i] - total / static_cast<T>(width));
      }
    }
  });
}

/// The sum of two neighbours along the last axis.
Specs halved(const Call& call) {
  Specs specs = same_spec(call);
  const Index size = call.shape()[-1];
  specs[0].shape.set(-1, size == unknown ? unknown : size / 2);
  return specs;
}

void pair_sums(const KernelCall& call) {
  visit_dtype(call.inputs[0].dtype, [&]<class T>(T) {
    const Index count = call.inputs[0].shape->elements() / 2;
    const T* x = call.inputs[0].as<T>();
    for (Index i = 0; i < count; ++i) {
      call.outputs[0].as<T>()[i] = static_cast<T>(x[2 * i] + x[2 * i + 1]);
    }
  });
}

void pair_sums_gradient(Backward& b) { b.dx() = reshape(stack({b.dy(), b.dy()}, -1), b.x().shape()); }

std::vector<Example> rectangles() { return {{{{.shape = {3, 4}}}}, {{{.shape = {2, 2, 2}}}}}; }

void claims_same(const Call&, std::span<Rows> operands) { operands[0] = Rows::same; }
void claims_summed(const Call&, std::span<Rows> operands) { operands[0] = Rows::summed; }

/// Right records and false ones: each false one differs from a right one in one part, which a check must
/// name.
constexpr Operation records[] = {
    {.name = "cube",
     .summary = "x^3",
     .kernel = elementwise([](auto x) { return x * x * x; }),
     .gradient = [](Backward& b) { b.dx() = 3 * b.dy() * b.x() * b.x(); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    {.name = "pair_sums",
     .summary = "sums of two neighbours",
     .shape = halved,
     .kernel = {.run = pair_sums},
     .gradient = pair_sums_gradient,
     .rows = claims_same,
     .examples = rectangles},
    {.name = "center",
     .summary = "x less the mean of its row",
     .shape = same_spec,
     .kernel = {.run = center},
     .gradient = [](Backward& b) { b.dx() = b.dy() - mean(b.dy(), {-1}, true); },
     .rows = claims_same,
     .examples = rectangles},

    {.name = "wrong gradient",
     .summary = "x^3",
     .kernel = elementwise([](auto x) { return x * x * x; }),
     .gradient = [](Backward& b) { b.dx() = 2 * b.dy() * b.x() * b.x(); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    // Right to the first order: the rule hides how the gradient depends on x.
    {.name = "wrong second gradient",
     .summary = "x^3",
     .kernel = elementwise([](auto x) { return x * x * x; }),
     .gradient =
         [](Backward& b) {
           const Tensor hidden = Tensor::from(b.x().to_vector<double>(), b.x().shape());
           b.dx() = 3 * b.dy() * hidden * hidden;
         },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
    {.name = "wrong gradient shape",
     .summary = "sums of two neighbours",
     .shape = halved,
     .kernel = {.run = pair_sums},
     .gradient = [](Backward& b) { b.dx() = b.dy(); },
     .rows = claims_same,
     .examples = rectangles},
    {.name = "keeps too much",
     .summary = "x^3",
     .kernel = elementwise([](auto x) { return x * x * x; }),
     .gradient = [](Backward& b) { b.dx() = 3 * b.dy() * b.x() * b.x(); },
     .keep = keep::input() | keep::output(),
     .examples = {{-2, 2}}},
    {.name = "reads what is not kept",
     .summary = "x^3",
     .kernel = elementwise([](auto x) { return x * x * x; }),
     .gradient = [](Backward& b) { b.dx() = 3 * b.dy() * b.x() * b.x(); },
     .examples = {{-2, 2}}},
    {.name = "fills what nobody needs",
     .summary = "a + b",
     .kernel = elementwise([](auto a, auto b) { return a + b; }),
     .gradient = [](Backward& b) { b.dx(0) = b.dx(1) = b.dy(); },
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "wrong rows",
     .summary = "running sums along the first axis",
     .shape = same_spec,
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Index count = call.inputs[0].shape->elements();
                      visit_dtype(call.inputs[0].dtype, [&]<class T>(T) {
                        T total{};
                        for (Index i = 0; i < count; ++i) {
                          call.outputs[0].as<T>()[i] = total =
                              static_cast<T>(total + call.inputs[0].as<T>()[i]);
                        }
                      });
                    }},
     .rows = claims_same,
     .examples = rectangles},
    {.name = "rows that are not there",
     .summary = "the sum over rows",
     .shape =
         [](const Call& call) {
           Specs specs = same_spec(call);
           specs[0].shape.erase(0);
           return specs;
         },
     .kernel = {.run =
                    [](const KernelCall& call) {
                      const Index width = call.outputs[0].shape->elements();
                      visit_dtype(call.inputs[0].dtype, [&]<class T>(T) {
                        T* y = call.outputs[0].as<T>();
                        std::fill_n(y, width, T{});
                        for (Index i = 0; i < call.inputs[0].shape->elements(); ++i) {
                          y[i % width] = static_cast<T>(y[i % width] + call.inputs[0].as<T>()[i]);
                        }
                      });
                    }},
     .rows = claims_same,
     .examples = rectangles},
    {.name = "wrong sum of rows",
     .summary = "x less the mean of its row",
     .shape = same_spec,
     .kernel = {.run = center},
     .rows = claims_summed,
     .examples = rectangles},
    {.name = "no addition",
     .summary = "a - 2 b",
     .kernel = elementwise([](auto a, auto b) { return a - 2 * b; }),
     .form = [](const Call&) -> Form { return form::Addition{}; },
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "no sum over rows",
     .summary = "x less the mean of its row",
     .shape = same_spec,
     .kernel = {.run = center},
     .rows = claims_same,
     .form = [](const Call& call) -> Form { return call.rank() == 2 ? Form(form::RowSum{}) : Form(); },
     .examples = rectangles},
    {.name = "other columns",
     .summary = "sums of two neighbours",
     .shape = halved,
     .kernel = {.run = pair_sums},
     .rows = claims_same,
     .form = [](const Call&) -> Form { return form::Columns{{Index{0}}}; },
     .examples = rectangles},
    {.name = "columns that are not there",
     .summary = "sums of two neighbours",
     .shape = halved,
     .kernel = {.run = pair_sums},
     .rows = claims_same,
     .form = [](const Call& call) -> Form { return form::Columns{{call.shape()[1]}}; },
     .examples = rectangles},
    {.name = "a product of one",
     .summary = "sums of two neighbours",
     .shape = halved,
     .kernel = {.run = pair_sums},
     .rows = claims_same,
     .form = [](const Call&) -> Form { return form::Product{}; },
     .examples = rectangles},
    {.name = "no part",
     .summary = "sums of two neighbours",
     .shape = halved,
     .kernel = {.run = pair_sums},
     .rows = claims_same,
     .form = [](const Call& call) -> Form {
       return form::Parts{{Shape(std::vector<Index>(static_cast<std::size_t>(call.rank())))}};
     },
     .examples = rectangles},
    {.name = "a part that is not there",
     .summary = "sums of two neighbours",
     .shape = halved,
     .kernel = {.run = pair_sums},
     .rows = claims_same,
     .form = [](const Call& call) -> Form { return form::Parts{{call.shape()}}; },
     .examples = rectangles},
    {.name = "not placed",
     .summary = "x less the mean of its row",
     .shape = same_spec,
     .kernel = {.run = center},
     .rows = claims_same,
     .form = [](const Call& call) -> Form {
       return form::Placed{Shape(std::vector<Index>(static_cast<std::size_t>(call.rank())))};
     },
     .examples = rectangles},
    {.name = "placed outside",
     .summary = "x less the mean of its row",
     .shape = same_spec,
     .kernel = {.run = center},
     .rows = claims_same,
     .form = [](const Call& call) -> Form { return form::Placed{call.shape()}; },
     .examples = rectangles},
    {.name = "no concatenation",
     .summary = "x less the mean of its row",
     .shape = same_spec,
     .kernel = {.run = center},
     .rows = claims_same,
     .form = [](const Call&) -> Form { return form::Concatenation{0}; },
     .examples = rectangles},
    {.name = "no sum",
     .summary = "sums of two neighbours",
     .shape = halved,
     .kernel = {.run = pair_sums},
     .rows = claims_same,
     .form = [](const Call&) -> Form { return form::Sum{}; },
     .examples = rectangles},
    {.name = "no transposition",
     .summary = "x less the mean of its row",
     .shape = same_spec,
     .kernel = {.run = center},
     .rows = claims_same,
     .form = [](const Call& call) -> Form { return call.rank() == 2 ? Form(form::Transposition{}) : Form(); },
     .examples = rectangles},
    {.name = "no broadcast",
     .summary = "2 x",
     .kernel = elementwise([](auto x) { return x + x; }),
     .form = [](const Call&) -> Form { return form::Broadcast{}; },
     .examples = {{-2, 2}}},
    {.name = "a broadcast to less",
     .summary = "sums of two neighbours",
     .shape = halved,
     .kernel = {.run = pair_sums},
     .rows = claims_same,
     .form = [](const Call&) -> Form { return form::Broadcast{}; },
     .examples = rectangles},
    {.name = "no selection",
     .summary = "a - 2 b",
     .kernel = elementwise([](auto a, auto b) { return a - 2 * b; }),
     .form = [](const Call&) -> Form { return form::Selection{}; },
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "other bounds",
     .summary = "x",
     .kernel = elementwise([](auto x) { return x; }),
     .bounds = {.low = -1, .high = 1},
     .examples = {{-2, 2}}},
    {.name = "shape too large",
     .summary = "sums of two neighbours",
     .shape = same_spec,
     .kernel = {.run = pair_sums},
     .rows = rows::mixed,
     .examples = rectangles},
    {.name = "shape too small",
     .summary = "sums of two neighbours",
     .shape =
         [](const Call& call) {
           Specs specs = halved(call);
           specs[0].shape.set(-1, 1);
           return specs;
         },
     .kernel = {.run = pair_sums},
     .rows = rows::mixed,
     .examples = rectangles},
    {.name = "shape of unknown sizes",
     .summary = "sums of two neighbours",
     .shape =
         [](const Call& call) {
           Specs specs = halved(call);
           if (specs[0].shape[-1] == unknown) specs[0].shape.set(-1, 7);
           return specs;
         },
     .kernel = {.run = pair_sums},
     .rows = rows::mixed,
     .examples = rectangles},
    {.name = "shape that throws",
     .summary = "sums of two neighbours",
     .shape =
         [](const Call& call) {
           if (!call.shape().known()) call.fail("sizes must be known");
           return halved(call);
         },
     .kernel = {.run = pair_sums},
     .rows = rows::mixed,
     .examples = rectangles},
    {.name = "float32 differs",
     .summary = "x",
     .kernel = elementwise([](auto x) { return sizeof(x) == 4 ? x + static_cast<decltype(x)>(0.5) : x; }),
     .examples = {{-2, 2}}},
    {.name = "no summary",
     .summary = "",
     .kernel = elementwise([](auto x) { return x; }),
     .examples = {{0, 1}}},
    {.name = "multiply",
     .summary = "x",
     .kernel = elementwise([](auto x) { return x; }),
     .examples = {{0, 1}}},
};
constexpr OperationTable table(records);

bool found(OperationRef operation, const std::string& what) {
  const CheckReport report = check_operation(operation);
  const bool found = std::any_of(report.failures.begin(), report.failures.end(), [&](const auto& failure) {
    return failure.find(what) != std::string::npos && failure.find(operation->name) != std::string::npos;
  });
  CHECK_MESSAGE(found, to_string(report));
  return found && !report;
}

}  // namespace

TEST_CASE("operations: every record of every table keeps its word") {
  std::size_t count = 0;
  for (const OperationList& list : operation_tables()) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      const CheckReport report = check_operation(list[i]);
      CHECK_MESSAGE(static_cast<bool>(report), to_string(report));
      CHECK_MESSAGE(report.checks > 10, list[i]->name);
      ++count;
    }
  }
  CHECK(count > 60);
}

TEST_CASE("operations: a right record passes") {
  for (const OperationRef operation : {table["cube"], table["pair_sums"], table["center"]}) {
    const CheckReport report = check_operation(operation);
    CHECK_MESSAGE(static_cast<bool>(report), to_string(report));
  }
}

TEST_CASE("operations: false records are caught") {
  CHECK(found(table["wrong gradient"], "first gradient"));
  CHECK(found(table["wrong second gradient"], "second gradient"));
  CHECK(found(table["wrong gradient shape"], "expected a gradient of the shape and dtype of operand 0"));
  CHECK(found(table["keeps too much"], "keep: output 0 is kept, but"));
  CHECK(found(table["reads what is not kept"], "keep: the gradient rule reads a tensor that is not kept"));
  CHECK(found(table["fills what nobody needs"], "gradient: dx(1) is set though only dx(0) is needed"));
  CHECK(found(table["wrong rows"], "rows: output 0: row 1 computed alone and with the others differ"));
  CHECK(found(table["rows that are not there"], "rows: output 0 does not have the rows"));
  CHECK(found(table["wrong sum of rows"], "rows: "));
  CHECK(found(table["no addition"], "form: output 0 and the sum of both differ"));
  CHECK(found(table["no sum over rows"],
              "form: a sum over the rows of float64[3, 4] has 12 elements, expected 4"));
  CHECK(found(table["other columns"], "form: output 0 and the columns differ"));
  CHECK(found(table["columns that are not there"], "form: columns"));
  CHECK(found(table["a product of one"],
              "form: a product of 1 operands has 1 outputs, expected 2 operands and 1 outputs"));
  CHECK(found(table["no part"], "form: output 0 and the parts differ"));
  CHECK(found(table["a part that is not there"], "is out of range for float64[3, 4]"));
  CHECK(found(table["not placed"], "form: output 0 and the placed part differ"));
  CHECK(found(table["placed outside"], "placed at [3, 4], is out of range for float64[3, 4]"));
  CHECK(found(table["no concatenation"], "form: output 0 and the concatenation differ"));
  CHECK(found(table["no sum"], "form: the sum of float64[3, 4] has 6 elements, expected 1"));
  CHECK(found(table["no transposition"], "form: output 0 and the transposed matrix differ"));
  CHECK(found(table["no broadcast"], "form: output 0 and the broadcast differ"));
  CHECK(found(table["a broadcast to less"], "form: float64[3, 4] cannot be broadcast to float64[3, 2]"));
  CHECK(found(table["no selection"], "form: a selection of 2 operands has 1 outputs, expected 3"));
  CHECK(found(table["other bounds"], "bounds: output 0 has"));
  CHECK(found(table["shape too large"], "does not write all elements"));
  CHECK(found(table["shape too small"], "writes past the end"));
  CHECK(found(table["shape of unknown sizes"], "shape: for"));
  CHECK(found(table["shape that throws"], "sizes must be known"));
  CHECK(found(table["float32 differs"], "float32"));
  CHECK(found(table["no summary"], "expected a summary, got none"));
  CHECK(found(table["multiply"], "another operation has this name"));
}
