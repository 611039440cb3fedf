#include <doctest/doctest.h>
#include <string>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/attribute_value.h>
#include <unspool/autograd/axes.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/variable.h>
#include <unspool/core/error.h>
#include <unspool/core/small_vector.h>

using namespace unspool;

namespace {

const char* const long_name = "a name that is too long to lie within the string that holds it";

// The only handle on a variable.
Variable lone() {
  return Variable(Tensor::ones({2, 3}),
                  {.name = long_name, .regularizer = [](const Tensor& x) { return x + 1; }});
}

}  // namespace

// Under the address sanitizer these find what reads memory that was given back.
TEST_CASE("variable: what a temporary lends lives as long as it is used") {
  const std::string& name = lone().name();
  const std::string& path = lone().path();
  CHECK(name == long_name);
  CHECK(path == long_name);
  for (const Index size : lone().shape()) CHECK(size > 1);
  const Callable<Tensor(const Tensor&)>& regularizer = lone().regularizer();
  CHECK(regularizer(Tensor::scalar(1.0F)).item<float>() == 2);
}

TEST_CASE("variable: its shape outlives an assignment") {
  const Variable variable = lone();
  const Shape& shape = variable.shape();
  const std::vector<Index> sizes(variable.shape().begin(), variable.shape().end());
  CHECK(sizes == std::vector<Index>{2, 3});
  variable.assign(Tensor::zeros({2, 3}));
  CHECK(shape == Shape{2, 3});
}

TEST_CASE("variable: as a number, and in words") {
  const Variable variable(Tensor::of({2.5}), {.name = "rate"});
  CHECK(float(variable) == 2.5F);
  CHECK(int(variable) == 2);
  CHECK(variable.describe() == "rate float32[1]");
  CHECK(Variable().describe() == "an empty variable");
  GradientTape tape;
  const Tensor loss = variable * 2;
  CHECK(float(tape.gradient(loss, variable)) == 2);
}

TEST_CASE("autograd: parts of other temporaries live as long as they are used") {
  const Tensor& tensor = Source(Tensor::ones({2})).tensor();
  CHECK(tensor.size() == 2);
  for (const Source& source : Sources({lone(), lone()}).list()) CHECK(source.variable().name() == long_name);
  for (const Index axis : Attributes{{"axes", std::vector<Index>{3, 3}}}.integers("axes")) CHECK(axis == 3);
  for (const Index axis : Axes({4, 4}).list()) CHECK(axis == 4);
  const Shape& shape = Attributes{{"shape", Shape{5}}}.shape("shape");
  CHECK(shape == Shape{5});
  const auto strings = [] { return SmallVector<std::string, 1>{long_name, "b"}; };
  const std::string& first = strings()[0];
  CHECK(first == long_name);
  CHECK(strings().front() == long_name);
  CHECK(strings().back() == "b");
}

TEST_CASE("variable: numbers and other floating dtypes are assigned as in Keras") {
  const Variable sum(Tensor::zeros({2}, float64), {.name = "sum"});
  sum.assign_add(1);
  sum.assign_sub(0.25F);
  sum.assign_add(Tensor::of({1, 2}));
  CHECK(sum.value().to_vector<double>() == std::vector<double>{1.75, 2.75});
  sum.assign(Tensor::of({0.5, 1.5}));
  CHECK(sum.dtype() == float64);
  CHECK(sum.value().to_vector<double>() == std::vector<double>{0.5, 1.5});
  sum.assign(3);
  CHECK(sum.value().to_vector<double>() == std::vector<double>{3, 3});
  const Variable count(Tensor::scalar(std::int32_t{1}), {.name = "count"});
  count.assign_add(2);
  CHECK(count.value().item<std::int32_t>() == 3);
  CHECK_THROWS_WITH_AS(count.assign(0.5), doctest::Contains("expected a whole number"), TypeError);
  CHECK_THROWS_AS(count.assign(Tensor::scalar(1.0F)), TypeError);
}
