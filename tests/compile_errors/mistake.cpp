// The ways of core/mistake.h: scripts/check-compile-errors.sh says how to add a case.
#include <concepts>
#include <span>
#include <type_traits>

#include <unspool/core/mistake.h>

struct Value {
  const int* begin() const&;
  UNSPOOL_MISTAKE("the value is a temporary: name it first", begin() const&&);
  Value& operator=(const Value&) & = default;
  template <class T>
  UNSPOOL_MISTAKE("write x = x.with(i, value)", operator=(T&&) &&);
};
UNSPOOL_MISTAKE("write equal(a, b)", operator==(const Value& a, const Value& b));

Value make();
Value x;

//! write equal(a, b)
if (x == x) return;

//! name it first
const int* begin = make().begin();

//! write x = x.with(i, value)
make() = x;

//! write x = x.with(i, value)
make() = 3;

//+
x = make();
const int* begin = x.begin();

// Templates that ask get the answer no.

//+
static_assert(!std::equality_comparable<Value>);
static_assert(!std::is_assignable_v<Value, Value> && std::is_assignable_v<Value&, Value>);
