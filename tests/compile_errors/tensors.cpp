// First guesses at tensors that do not compile: scripts/check-compile-errors.sh says how to add one.
#include <concepts>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

Tensor make();
Tensor x, y;
Variable v;

//! write equal(a, b), or all(equal(a, b)) for one answer
if (x == y) return;

//! write not_equal(a, b)
if (x != y) return;

//! write equal(a, b)
if (v == x) return;

//! write equal(x, number)
if (x == 3) return;

//! write not_equal(x, number)
if (x != 0.5) return;

//! tensors do not change: write x = x.with(i, value)
x[0] = y;

//! tensors do not change: write x = x.with(i, value)
x[0][1] = 2;

//! tensors do not change: write x = x.with(i, value)
make() = y;

//+
x = x.with(0, y).with({0, 1}, 2);

//! name it first
const void* first = make().raw();

//! the shape is a temporary: name it first
const Index* begin = make().shape().begin();

//+
std::vector<Index> sizes(v.shape().begin(), v.shape().end());

//+
for (Index size : make().shape()) static_cast<void>(size);

//+
for (float value : make().data<float>()) static_cast<void>(value);

//! write v.assign(value)
v = x;

//! write v.assign(value)
v = 0.5;

//! write v.assign_add(delta)
v += x;

//! write v.assign_sub(delta)
v -= 1;

//! write v.assign(v * factor)
v *= 2;

//! write v.assign(v / divisor)
v /= 2;

//! write sum(x, axis, keepdims)
sum(x, true);

//! write sum(x, axis, keepdims)
mean(x, false);

//! NormOptions //! norm
norm(x, 1);

//! Tensor
Tensor number = 3;

//! Tensor
Tensor list = {1, 2, 3};

//! float
float loss = x;

//! NoneType
Index size = None;

//! a required option
struct CellOptions {
  required<Index> units;
};
CellOptions options{};

// Templates that ask get the answer no.

//+
static_assert(!std::equality_comparable<Tensor> && !std::is_assignable_v<Tensor, Tensor>);
static_assert(std::is_assignable_v<Tensor&, Tensor> && std::is_nothrow_move_assignable_v<Tensor>);

//+
const std::vector<Tensor> all{x, y};
Tensor total = std::accumulate(all.begin(), all.end(), zeros({2}));
