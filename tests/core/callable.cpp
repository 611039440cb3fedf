#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <unspool/core/callable.h>
#include <unspool/core/error.h>

using namespace unspool;

namespace {

int doubled(int x) { return 2 * x; }

/// Counts how many of it are alive, so that a leak and a double free show.
struct Counted {
  explicit Counted(int& alive) : alive_(&alive) { ++*alive_; }
  Counted(const Counted& other) : alive_(other.alive_) { ++*alive_; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*alive_; }
  int operator()(int x) const { return x + *alive_; }

 private:
  int* alive_;
};

}  // namespace

TEST_CASE("callable: calls functions, lambdas and std::functions, and converts to a std::function") {
  const Callable<int(int)> function = doubled;
  const Callable<int(int)> lambda = [n = 3](int x) { return n * x; };
  const Callable<int(int)> standard = std::function<int(int)>(doubled);
  CHECK(function(4) == 8);
  CHECK(lambda(4) == 12);
  CHECK(standard(4) == 8);
  CHECK(std::function<int(int)>(lambda)(5) == 15);
  // Results and arguments convert.
  CHECK(Callable<std::string(int)>([](double x) { return x > 1 ? "more" : "less"; })(2) == "more");
  CHECK(Callable<double(int)>(function)(1) == 2);
  int seen = 0;
  const Callable<void(int&)> writes = [](int& x) { return ++x; };
  writes(seen);
  CHECK(seen == 1);
  const Callable<int(std::unique_ptr<int>)> takes = [](std::unique_ptr<int> x) { return *x; };
  CHECK(takes(std::make_unique<int>(7)) == 7);
}

TEST_CASE("callable: empty ones say so") {
  using F = Callable<int(int)>;
  CHECK_FALSE(F());
  CHECK_FALSE(F(nullptr));
  CHECK_FALSE(F(std::function<int(int)>()));
  CHECK_FALSE(F(static_cast<int (*)(int)>(nullptr)));
  CHECK_FALSE(Callable<double(int)>(F()));
  CHECK(F(doubled));
  CHECK(F([](int x) { return x; }));
  CHECK_THROWS_AS(F()(1), RuntimeError);
}

TEST_CASE("callable: copies copy the function object, which lives as long as one of them") {
  int alive = 0;
  {
    Callable<int(int)> first = Counted(alive);
    CHECK(alive == 1);
    const Callable<int(int)> second = first;
    CHECK(alive == 2);
    Callable<int(int)> third = std::move(first);
    CHECK(alive == 2);
    CHECK(third(10) == 12);
    third = second;
    CHECK(alive == 2);
    const Callable<int(int)>& itself = third;
    third = itself;
    CHECK(third(10) == 12);
    third = nullptr;
    CHECK(alive == 1);
    CHECK(second(10) == 11);
  }
  CHECK(alive == 0);

  Callable<int()> counts = [n = 0]() mutable { return ++n; };
  CHECK(counts() == 1);
  const Callable<int()> copy = counts;
  CHECK(counts() == 2);
  CHECK(copy() == 2);
}

TEST_CASE("callable: refuses what cannot be called so") {
  static_assert(!std::is_constructible_v<Callable<int(int)>, std::string (*)(int)>);
  static_assert(!std::is_constructible_v<Callable<int(int)>, int (*)(const char*)>);
  static_assert(!std::is_constructible_v<Callable<int()>, int>);
  static_assert(std::is_nothrow_move_constructible_v<Callable<int()>>);
}

namespace {

/// As a handle found by name is: empty or callable, and comparable with what converts to it.
struct NamedDouble {
  NamedDouble() = default;
  NamedDouble(const char* text) : name(text) {}
  explicit operator bool() const { return !name.empty(); }
  bool operator==(const NamedDouble&) const = default;
  int operator()(int x) const { return 2 * x; }
  std::string name;
};

}  // namespace

TEST_CASE("Callable: made from a handle, it is empty where the handle is") {
  CHECK(!Callable<int(int)>(NamedDouble()));
  CHECK(Callable<int(int)>(NamedDouble("double"))(21) == 42);
}
