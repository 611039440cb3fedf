#include <atomic>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <unspool/core/registry.h>

#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

struct Animal {
  virtual ~Animal() = default;
  int legs = 0;
};
struct Dog : Animal {};
struct Bird : Animal {};
struct Fish : Animal {};

template <class T>
std::shared_ptr<Animal> make(const Config& config) {
  auto animal = std::make_shared<T>();
  animal->legs = config.get("legs", 0);
  return animal;
}

std::atomic<int> tables_read = 0;

std::vector<Registry<Animal>::Entry> built_in() {
  ++tables_read;
  return {Registry<Animal>::entry<Dog>("Dog", make<Dog>), Registry<Animal>::entry<Bird>("Bird", make<Bird>)};
}

}  // namespace

TEST_CASE("classes are made by name and named by type") {
  tables_read = 0;
  Registry<Animal> registry("animal", built_in, "register_animal");
  CHECK(tables_read == 0);
  CHECK(registry.names() == std::vector<std::string>{"Dog", "Bird"});
  CHECK(registry.create("Dog", Config::map({{"legs", 4}}))->legs == 4);
  CHECK(registry.name_of(*registry.create("Bird", Config::map())) == "Bird");
  CHECK(tables_read == 1);

  CHECK(message_of<KeyError>([&] { registry.create("dog", Config::map()); }) ==
        "config: no animal is called \"dog\": did you mean \"Dog\"?; a class of your own is made known by "
        "register_animal");
  CHECK_THROWS_AS(registry.name_of(Fish()), KeyError);
  registry.add<Fish>("my>Fish", make<Fish>);
  registry.add<Fish>("Fish", make<Fish>);
  CHECK(registry.name_of(Fish()) == "my>Fish");
  CHECK(registry.contains("Fish"));
  CHECK_FALSE(registry.contains("Cat"));
  CHECK_NOTHROW(registry.add<Fish>("Fish", make<Fish>));
  CHECK(registry.names().size() == 4);
  CHECK_THROWS_AS(registry.add<Dog>("Fish", make<Dog>), ValueError);
  CHECK_THROWS_AS(registry.add<Fish>("Dog", make<Fish>), ValueError);
}

TEST_CASE("a registry serves several threads") {
  Registry<Animal> registry("animal", built_in);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&registry, t] {
      for (int i = 0; i < 100; ++i) {
        registry.add<Fish>("fish " + std::to_string(t) + " " + std::to_string(i), make<Fish>);
        registry.create("Dog", Config::map());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(registry.names().size() == 402);
}
