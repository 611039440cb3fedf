#include <cmath>
#include <doctest/doctest.h>

#include <unspool/core/error.h>
#include <unspool/data/csv_dataset.h>
#include <unspool/data/table.h>
#include <unspool/serialization/file.h>

#include "../serialization/folder.h"

using namespace unspool;

namespace {

using Strings = std::vector<std::string>;

Table table_of(const std::string& text, const CsvOptions& options = {}) {
  const Folder folder;
  write_file_atomically(folder / "data.csv", text);
  return read_table(folder / "data.csv", options);
}

const char* const weather =
    "\xEF\xBB\xBFstation, day ,temperature,\"rain, mm\"\r\n"
    "Oslo,2024-02-28,-1.5,0\r\n"
    "\"New \"\"York\"\"\",2024-02-29,NA,+12\r\n"
    "\r\n"
    "\"two\nlines\",2024-03-01T06:30:00Z,1e1,\r\n";

}  // namespace

TEST_CASE("a table with text, dates and missing values") {
  const Table table = table_of(weather);
  CHECK(table.rows() == 3);
  CHECK(table.names() == Strings{"station", "day", "temperature", "rain, mm"});
  CHECK(table.kind("station") == Table::Kind::text);
  CHECK(table.kind("day") == Table::Kind::date);
  CHECK(table.kind("temperature") == Table::Kind::number);
  CHECK(table.text("station") == Strings{"Oslo", "New \"York\"", "two\nlines"});
  const std::vector<float> temperatures = table["temperature"].to_vector<float>();
  CHECK(temperatures[0] == -1.5F);
  CHECK(std::isnan(temperatures[1]));
  CHECK(temperatures[2] == 10);
  CHECK(table.present("temperature").to_vector<int>() == std::vector<int>{1, 0, 1});
  CHECK(table.column("day", int64).to_vector<std::int64_t>() ==
        std::vector<std::int64_t>{1709078400, 1709164800, 1709274600});
  CHECK(describe(table.numbers()) == "float32[3, 2]");
  CHECK(describe(table.columns({"rain, mm", "day"}, float64)) == "float64[3, 2]");
  const Table full = table.without_missing({"temperature"});
  CHECK(full.rows() == 2);
  CHECK(full.text("station") == Strings{"Oslo", "two\nlines"});
  CHECK(full.column("temperature", int32).to_vector<int>() == std::vector<int>{-1, 10});
  CHECK(table.without_missing().rows() == 1);
  CHECK_THROWS_WITH_AS(table.column("temperature", int32),
                       doctest::Contains("got missing ones: use without_missing()"), ValueError);
  CHECK_THROWS_WITH_AS(table["station"],
                       doctest::Contains("expected numbers or dates in column \"station\", got text"),
                       TypeError);
  CHECK_THROWS_WITH_AS(table["temprature"], doctest::Contains("did you mean \"temperature\"?"), KeyError);
}

TEST_CASE("files of other kinds") {
  const Table german =
      table_of("Datum;Wert\n01.01.2009 00:10:00;3\n02.01.2009 23:59:59.5;4\n", {.separator = ';'});
  CHECK(german.column("Datum", float64).to_vector<double>() == std::vector<double>{1230768600, 1230940799.5});
  const Table plain = table_of("1\ta\n2\tb\n", {.separator = '\t', .names = {"number", "letter"}});
  CHECK(plain.rows() == 2);
  CHECK(plain.text("letter") == Strings{"a", "b"});
  CHECK(table_of("1,2\n", {.header = true}).rows() == 0);
  CHECK(table_of("a,b\nc,d\n", {.header = false}).text("0") == Strings{"a", "c"});
  CHECK(table_of("a,b\n-999,1\n", {.missing = {"-999"}}).present("a").to_vector<int>() ==
        std::vector<int>{0});
  CHECK_THROWS_WITH_AS(table_of("a,b\n1\n"),
                       doctest::Contains("data.csv:2: expected 2 cells, as in the lines before, got 1"),
                       FileError);
  CHECK_THROWS_WITH_AS(
      table_of("a,b\n\"1,2\n"),
      doctest::Contains("data.csv:2: expected the end of a cell in quotes, got the end of the file"),
      FileError);
  CHECK_THROWS_WITH_AS(table_of("a,b\n\"1\"x,2\n"), doctest::Contains("behind a cell in quotes, got \"x\""),
                       FileError);
  CHECK_THROWS_WITH_AS(table_of("1,2\n", {.names = {"a"}}),
                       doctest::Contains("expected names for 2 columns, got 1"), ValueError);
  CHECK_THROWS_AS(read_table("/tmp"), FileError);
}

TEST_CASE("dates") {
  CHECK(parse_date("1970-01-01") == 0);
  CHECK(parse_date("2000/02/29 12:00") == 951825600);
  CHECK(parse_date("1969-12-31T23:59:59Z") == -1);
  for (const char* wrong : {"2001-02-29", "2000-13-01", "2000-01-01 24:00", "2000-01-01x", "2000-1-1",
                            "01/02/2000", "", "12", "2000-01-01 12"})
    CHECK_FALSE(parse_date(wrong).has_value());
}

TEST_CASE("a CSV file as a dataset") {
  const Folder folder;
  write_file_atomically(folder / "iris.csv", "length,width,species\n1,2,b\n3,4,a\nNA,5,b\n6,7,b\n");
  const std::string path = folder / "iris.csv";
  const CsvDatasetOptions options{
      .x = {"length", "width"},
      .y = {"species"},
      .lookups = {{"species", StringLookup({.num_oov_indices = 0, .vocabulary = {"a", "b"}})}},
      .drop_missing = true};
  const Batch batch = *csv_dataset(path, options).batch(8).iterate().next();
  CHECK(batch.x[0].to_vector<float>() == std::vector<float>{1, 2, 3, 4, 6, 7});
  CHECK(batch.y[0].to_vector<int>() == std::vector<int>{1, 0, 1});
  CHECK(describe(batch.y[0]) == "int64[3]");
  // Each pass reads the file again; rows may be made by a function.
  const Dataset widths = csv_dataset(path, [](const CsvReader& row) {
    return Batch{Tensor::scalar(row["length"].missing() ? -1.0F : static_cast<float>(row["width"].number()))};
  });
  for (int pass = 0; pass < 2; ++pass)
    CHECK(widths.batch(4).prefetch().iterate().next()->x[0].to_vector<float>() ==
          std::vector<float>{2, 4, -1, 7});
  const auto first = [&](const CsvDatasetOptions& given) {
    return *csv_dataset(path, given).skip(2).batch(1).iterate().next();
  };
  CHECK(first({.x = {"length"}, .fill = 9}).x[0].to_vector<float>() == std::vector<float>{9});
  CHECK_THROWS_WITH_AS(
      first({.x = {"length"}}),
      doctest::Contains(
          "iris.csv:4: expected a number in column length, got a missing value: set .fill or .drop_missing"),
      FileError);
  CHECK_THROWS_WITH_AS(first({.x = {"width"}, .y = {"species"}}),
                       doctest::Contains("expected a number in column species, got \"b\""), FileError);
  CHECK_THROWS_WITH_AS(csv_dataset(path, {.x = {"with"}}), doctest::Contains("did you mean \"width\"?"),
                       KeyError);
  CHECK_THROWS_WITH_AS(csv_dataset(path, CsvDatasetOptions()), doctest::Contains("expected the columns of x"),
                       ValueError);
}
