#include <doctest/doctest.h>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/einsum.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/variable.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>

#include "../support/errors.h"
#include "../support/tensors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Tensor tenths(const Shape& shape, double less = 0) { return counting_up(shape) / 10 - less; }

}  // namespace

// Numbers of NumPy 2.4.
TEST_CASE("einsum: of one operand, as in NumPy") {
  const Tensor x = counting_up({2, 3});
  const Tensor square = tenths({3, 4});
  check_tensor(einsum("ij->ji", x), {3, 2}, {0, 3, 1, 4, 2, 5});
  check_tensor(einsum("ba", x), {3, 2}, {0, 3, 1, 4, 2, 5});
  check_tensor(einsum("ij->", x), {}, {15});
  check_tensor(einsum(" i j -> j", x), {3}, {3, 5, 7});
  check_tensor(einsum("ii->i", slice(square, 1, 0, 3)), {3}, {0, 0.5, 1});
  check_tensor(einsum("ii", slice(square, 1, 0, 3)), {}, {1.5});
  check_tensor(einsum("iij->j", counting_up({2, 2, 2})), {2}, {6, 8});
  check_tensor(einsum("...->...", x), {2, 3}, {0, 1, 2, 3, 4, 5});
}

TEST_CASE("einsum: of several operands, as in NumPy") {
  const Tensor x = counting_up({2, 3});
  const Tensor a = tenths({2, 3, 4});
  const Tensor b = tenths({2, 4, 3}, 1);
  const std::vector<double> batches{-0.18, -0.12, -0.06, -1.06, -0.84, -0.62, -1.94, -1.56, -1.18,
                                    3.66,  4.2,   4.74,  4.7,   5.4,   6.1,   5.74,  6.6,   7.46};
  check_tensor(einsum("bij,bjk->bik", a, b), {2, 3, 3}, batches);
  check_tensor(einsum("bij,bjk->bik", {a, b}), {2, 3, 3}, batches);
  check_tensor(einsum("bij,bjk", a, b), {3, 3}, {3.48, 4.08, 4.68, 3.64, 4.56, 5.48, 3.8, 5.04, 6.28});
  check_tensor(einsum("ij,j", x, Tensor::of({1, 2, 3})), {2}, {8, 26});
  check_tensor(einsum("i,j->ij", Tensor::of({1, 2}), Tensor::of({3, 4, 5})), {2, 3}, {3, 4, 5, 6, 8, 10});
  check_tensor(einsum("...ij,jk->...ik", a, b[0]), {2, 3, 3},
               {-0.18, -0.12, -0.06, -1.06, -0.84, -0.62, -1.94, -1.56, -1.18, -2.82, -2.28, -1.74, -3.7, -3,
                -2.3, -4.58, -3.72, -2.86});
  const Tensor heads = einsum("btf,fhd->bthd", a, tenths({4, 3, 2}));
  CHECK(heads.shape() == Shape{2, 3, 3, 2});
  check_tensor(heads[1][2], {3, 2}, {8.04, 8.9, 9.76, 10.62, 11.48, 12.34});
  check_tensor(einsum("bthd,bshd->bhts", tenths({1, 2, 3, 4}), tenths({1, 3, 3, 4})), {1, 3, 2, 3},
               {0.14, 0.86, 1.58, 0.86, 7.34, 13.82, 1.26, 3.9, 6.54, 3.9, 12.3, 20.7, 3.66, 8.22, 12.78,
                8.22, 18.54, 28.86});
  check_tensor(einsum("ij,jk,kl->il", x, transpose(x), x), {2, 3}, {42, 61, 80, 150, 214, 278});
  check_tensor(einsum("ij,ij->i", x, x), {2}, {5, 50});
  check_tensor(einsum("i,i", x[0], x[1]), {}, {14});
  check_tensor(einsum("...j,...j->...", a, a[0]), {2, 3}, {0.14, 1.26, 3.66, 0.86, 3.9, 8.22});
  check_tensor(einsum("ijk,ijl,i->kl", a, a, Tensor::of({1, -1}))[0], {4}, {-7.2, -7.56, -7.92, -8.28});
  // Products without a sum are there for integers, too.
  check_tensor(einsum("i,j->ji", Tensor::of<std::int32_t>({1, 2}), Tensor::of<std::int32_t>({3, 4})), {2, 2},
               {3, 6, 4, 8});
  const Variable kernel(x);
  check_tensor(einsum("ij,kj->ik", x, kernel), {2, 2}, {5, 14, 14, 50});
}

TEST_CASE("einsum: sizes that are not known") {
  const auto shape = [](const char* equation, const std::vector<Shape>& shapes) {
    return spec_of([&](auto& x) { return einsum(equation, x); }, shapes).shape;
  };
  CHECK(shape("btf,fo->bto", {{None, None, 4}, {4, 5}}) == Shape{None, None, 5});
  CHECK(shape("btf,fhd->bthd", {{None, None, 4}, {4, 2, 3}}) == Shape{None, None, 2, 3});
  CHECK(shape("bthd,bshd->bhts", {{None, None, 2, 3}, {None, None, 2, 3}}) == Shape{None, 2, None, None});
  CHECK(shape("bi,bi->b", {{None, 4}, {None, 4}}) == Shape{None});
  CHECK(shape("...i,ij->...j", {{None, None, 4}, {4, 2}}) == Shape{None, None, 2});
  CHECK(shape("bxyk,bkm->bxym", {{None, None, None, 4}, {None, 4, 2}}) == Shape{None, None, None, 2});
}

TEST_CASE("einsum: gradients") {
  const auto random = [](const Shape& shape) {
    return Tensor::generate<double>(shape, [](std::span<double> out) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = 0.3 * static_cast<double>(i % 7) - 1;
    });
  };
  const auto check = [&](const char* equation, const std::vector<Tensor>& operands) {
    CAPTURE(equation);
    CHECK(
        gradcheck([&](const std::vector<Tensor>& x) { return std::vector{einsum(equation, x)}; }, operands));
  };
  check("bij,bjk->bik", {random({2, 2, 3}), random({2, 3, 2})});
  check("ii->i", {random({3, 3})});
  check("btf,fhd->bhtd", {random({2, 2, 3}), random({3, 2, 2})});
  check("ij,jk,ik->i", {random({2, 3}), random({3, 2}), random({2, 2})});
}

TEST_CASE("einsum: errors say what does not fit") {
  const Tensor x = counting_up({2, 3});
  const auto message = [&](const char* equation, const std::vector<Tensor>& operands) {
    return message_of<ValueError>([&] { static_cast<void>(einsum(equation, operands)); });
  };
  CHECK(message("ij,jk", {x}) == "einsum(\"ij,jk\"): expected 2 operands, got 1");
  CHECK(message("ij", {x, x}) == "einsum(\"ij\"): expected 1 operand, got 2");
  CHECK(message("ij", {}) == "einsum(\"ij\"): expected 1 operand, got 0");
  CHECK(message("ijk->i", {x}) == "einsum(\"ijk->i\"): \"ijk\" does not fit float32[2, 3]");
  CHECK(message("i->i", {x}) == "einsum(\"i->i\"): \"i\" does not fit float32[2, 3]");
  CHECK(message("ij->ik", {x}) == "einsum(\"ij->ik\"): no operand has the index 'k' of the result");
  CHECK(message("ij->ii", {x}) == "einsum(\"ij->ii\"): the result has the index 'i' twice");
  CHECK(message("ij,jk->ik", {x, x}) == "einsum(\"ij,jk->ik\"): the index 'j' has sizes 3 and 2");
  CHECK(message("i1", {x}) == "einsum(\"i1\"): expected letters, ',', '->' and '...', got '1'");
  CHECK(message("ii", {x}) == "einsum(\"ii\"): expected axes of one known size for 'i' in float32[2, 3]");
  CHECK(message("...->", {x}) == "einsum(\"...->\"): the result lacks \"...\"");
}

TEST_CASE("dot and outer as in NumPy") {
  const Tensor x = counting_up({2, 3});
  const Tensor a = tenths({2, 3, 4});
  const Tensor b = tenths({2, 4, 3}, 1);
  check_tensor(dot(x, transpose(x)), {2, 2}, {5, 14, 14, 50});
  check_tensor(dot(Tensor::of({1, 2, 3}), Tensor::of({4, 5, 6})), {}, {32});
  check_tensor(dot(Tensor::scalar(2.0F), x), {2, 3}, {0, 2, 4, 6, 8, 10});
  check_tensor(dot(a, Tensor::of({1, 2, 3, 4})), {2, 3}, {2, 6, 10, 14, 18, 22});
  const Tensor all = dot(a, b);
  CHECK(all.shape() == Shape{2, 3, 2, 3});
  check_tensor(all[1][2], {2, 3}, {-4.58, -3.72, -2.86, 5.74, 6.6, 7.46});
  CHECK(sum(all).item<double>() == doctest::Approx(30.24));
  check_tensor(outer(x, Tensor::of({1, 2})), {6, 2}, {0, 0, 1, 2, 2, 4, 3, 6, 4, 8, 5, 10});
  CHECK(spec_of([](auto& y) { return dot(y[0], y[1]); }, {{None, None, 4}, {2, 4, 3}}).shape ==
        Shape{None, None, 2, 3});
}
