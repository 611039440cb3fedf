#include <doctest/doctest.h>

#include <unspool/core/error.h>
#include <unspool/data/csv.h>
#include <unspool/serialization/file.h>

#include "../serialization/folder.h"

using namespace unspool;

namespace {
Tensor read(const std::string& text) {
  const Folder folder;
  write_file_atomically(folder / "data.csv", text);
  return read_csv(folder / "data.csv");
}
}  // namespace

TEST_CASE("numbers in lines") {
  const Tensor table = read("1,2.5\n-3,4e2\n");
  CHECK(describe(table) == "float32[2, 2]");
  CHECK(table.to_vector<float>() == std::vector<float>{1, 2.5, -3, 400});
  CHECK(describe(read("a,b,c\r\n1, 2 ,3\r\n\r\n4,5,6")) == "float32[2, 3]");
  CHECK(read("7").item<float>() == 7);
}

TEST_CASE("what is no table") {
  CHECK_THROWS_WITH_AS(read("1,2\n3,x\n"), doctest::Contains("data.csv:2: expected a number, got \"x\""),
                       FileError);
  CHECK_THROWS_WITH_AS(read("1,2\n3\n"), doctest::Contains(":2: expected 2 cells"), FileError);
  CHECK_THROWS_WITH_AS(read("1,\n"), doctest::Contains("got \"\""), FileError);
  CHECK_THROWS_WITH_AS(read("1,x\n"), doctest::Contains(":1:"), FileError);
  CHECK_THROWS_AS(read(""), FileError);
  CHECK_THROWS_AS(read("a,b\n"), FileError);
  CHECK_THROWS_AS(read_csv("no/such/file.csv"), FileError);
}
