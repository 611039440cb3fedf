#include <atomic>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/fields.h>
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

struct SnakeOptions {
  int legs = 0;
  static const Fields& fields() {
    static const Fields all = fields_of<SnakeOptions>(field("legs", &SnakeOptions::legs));
    return all;
  }
};
struct Snake : Animal {
  using Options = SnakeOptions;
  explicit Snake(SnakeOptions options) { legs = options.legs; }
};

std::atomic<int> tables_read = 0;

std::vector<Registry<Animal>::Entry> built_in() {
  ++tables_read;
  return {Registry<Animal>::entry<Dog>("Dog", make<Dog>), Registry<Animal>::entry<Bird>("Bird", make<Bird>)};
}

std::vector<Registry<Animal>::Entry> built_in_elsewhere() {
  std::vector<Registry<Animal>::Entry> entries = built_in();
  entries.back().module = "keras.src.birds";
  return entries;
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
  CHECK_THROWS_AS(registry.add<Dog>("Dog", make<Dog>), ValueError);
  CHECK_THROWS_AS(registry.add<Fish>("", make<Fish>), ValueError);
}

TEST_CASE("a class with an options struct needs no factory") {
  Registry<Animal> registry("animal");
  registry.add<Snake>("Snake");
  CHECK(registry.create("Snake", Config::map({{"legs", 2}}))->legs == 2);
  CHECK_THROWS_AS(registry.create("Snake", Config::map({{"leg", 2}})), ValueError);
}

TEST_CASE("serialized forms, and what is read of them") {
  const Registry<Animal> brief("animal", built_in, "register_animal");
  CHECK(to_json(brief.serialize("Dog", Config::map())) == R"({"class_name": "Dog", "config": {}})");
  CHECK(contains(message_of<ValueError>([&] { brief.serialize("", Config::map()); }), "register_animal"));

  Registry<Animal> zoo("animal", built_in_elsewhere, "register_animal", "zoo");
  zoo.add<Fish>("my>Fish", make<Fish>);
  const Config legs = Config::map({{"legs", 1}});
  const std::vector<std::pair<std::string, std::string>> forms = {
      {"Dog", R"({"module": "zoo", "class_name": "Dog", "config": {"legs": 1}, "registered_name": null})"},
      {"Bird",
       R"({"module": "keras.src.birds", "class_name": "Bird", "config": {"legs": 1}, "registered_name": "Bird"})"},
      {"my>Fish",
       R"({"module": null, "class_name": "Fish", "config": {"legs": 1}, "registered_name": "my>Fish"})"},
  };
  for (const auto& [name, form] : forms) {
    CHECK(to_json(zoo.serialize(name, legs)) == form);
    CHECK(zoo.parse(from_json(form)) == std::pair(name, legs));
  }
  const std::pair dog(std::string("Dog"), Config::map());
  CHECK(zoo.parse("Dog") == dog);
  CHECK(zoo.parse(from_json(R"({"class_name": "Dog"})")) == dog);
  CHECK(zoo.parse(from_json(R"({"class_name": "Dog", "config": null, "registered_name": "zoo>Dog"})")) ==
        dog);
  CHECK(zoo.parse(from_json(R"({"class_name": "function", "config": "Dog"})")) == dog);
  CHECK(
      message_of<TypeError>([&] { zoo.parse(from_json("[3]")[0].named("dogs")); }) ==
      "dogs: expected the name of a known animal, or null, or a map with \"class_name\", got the integer 3");
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
