#include "support.h"

using namespace unspool;

TEST_CASE("names are counted in the whole process, until the session is cleared") {
  clear_session();
  CHECK(unique_name("dense") == "dense");
  CHECK(unique_name("dense") == "dense_1");
  CHECK(unique_name("lstm") == "lstm");
  CHECK(unique_name("dense") == "dense_2");
  clear_session();
  CHECK(unique_name("dense") == "dense");
}

TEST_CASE("a layer's class is named without its namespace") {
  CHECK(class_name_of(typeid(layers::Dense)) == "Dense");
  CHECK(Dense({.units = 1})->class_name() == "Dense");
}
