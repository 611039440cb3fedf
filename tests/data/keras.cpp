#include <doctest/doctest.h>

#include <unspool/autograd/creation.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/data/integer_lookup.h>
#include <unspool/data/sequences.h>
#include <unspool/data/string_lookup.h>
#include <unspool/data/text_vectorization.h>
#include <unspool/data/timeseries.h>
#include <unspool/serialization/file.h>

using namespace unspool;

// What Keras gives: keras_text.json, which keras_text.py beside it writes.
namespace {

using Strings = std::vector<std::string>;

std::vector<Config> keras_cases(const char* group) {
  static const Config all = from_json(read_file("tests/data/keras_text.json"));
  return all[group].elements();
}

void check_output(const Tensor& got, const Config& expected) {
  CHECK(got.shape() == expected["shape"].as<Shape>());
  const std::vector<Config> values = expected["values"].elements();
  const std::vector<double> elements = got.to_vector<double>();
  REQUIRE(elements.size() == values.size());
  for (std::size_t i = 0; i < elements.size(); ++i) {
    CAPTURE(i);
    CHECK(elements[i] == doctest::Approx(values[i].as<double>()).epsilon(1e-6));
  }
}

Tensor integers(const Config& config) {
  std::vector<std::int64_t> all;
  Index rows = 0;
  for (const Config& row : config.elements()) {
    for (const std::int64_t one : row.as<std::vector<std::int64_t>>()) all.push_back(one);
    ++rows;
  }
  return Tensor::from(all, {rows, static_cast<Index>(all.size()) / rows});
}

/// The layer of a case as it is, and from its own config.
template <class Lookup, class Adapt>
std::vector<Lookup> lookups_of(const Config& one, const Adapt& adapt) {
  Lookup lookup = Lookup::from_config(one["config"]);
  if (!one["adapt"].is_null()) adapt(lookup);
  return {lookup, Lookup::from_config(from_json(to_json(lookup.get_config())))};
}

}  // namespace

TEST_CASE("texts as in Keras") {
  int seen = 0;
  for (const Config& one : keras_cases("text")) {
    CAPTURE(to_json(one["class"]));
    CAPTURE(to_json(one["config"]));
    const std::string name = one["class"].as<std::string>();
    if (name == "TextVectorization") {
      const auto adapt = [&](TextVectorization& layer) { layer.adapt(one["adapt"].as<Strings>()); };
      for (const TextVectorization& layer : lookups_of<TextVectorization>(one, adapt)) {
        CHECK(layer.get_vocabulary() == one["vocabulary"].as<Strings>());
        check_output(layer(one["given"].as<Strings>()), one["output"]);
        ++seen;
      }
    } else if (name == "StringLookup") {
      using Samples = std::vector<Strings>;
      const auto adapt = [&](StringLookup& layer) { layer.adapt(one["adapt"].as<Samples>()); };
      const bool single = one["given"][0].is_string();
      for (const StringLookup& layer : lookups_of<StringLookup>(one, adapt)) {
        CHECK(layer.get_vocabulary() == one["vocabulary"].as<Strings>());
        check_output(single ? layer(one["given"].as<Strings>()) : layer(one["given"].as<Samples>()),
                     one["output"]);
        ++seen;
      }
    } else {
      const auto adapt = [&](IntegerLookup& layer) { layer.adapt(integers(one["adapt"])); };
      for (const IntegerLookup& layer : lookups_of<IntegerLookup>(one, adapt)) {
        CHECK(layer.get_vocabulary() == one["vocabulary"].as<std::vector<std::int64_t>>());
        check_output(layer(integers(one["given"])), one["output"]);
        ++seen;
      }
    }
  }
  CHECK(seen == 160);
}

TEST_CASE("pad_sequences as in Keras") {
  for (const Config& one : keras_cases("pad_sequences")) {
    const Config given = one["options"];
    CAPTURE(to_json(one));
    PadSequencesOptions options;
    if (given.contains("maxlen")) options.maxlen = given["maxlen"].as<Index>();
    if (given.contains("dtype")) options.dtype = given["dtype"].as<DType>();
    options.padding = given.get("padding", "pre");
    options.truncating = given.get("truncating", "pre");
    options.value = given.get("value", 0.0);
    check_output(pad_sequences(one["sequences"].as<std::vector<std::vector<int>>>(), options), one["output"]);
  }
}

TEST_CASE("timeseries_dataset as in Keras") {
  for (const Config& one : keras_cases("timeseries")) {
    const Config given = one["options"];
    CAPTURE(to_json(given));
    const Tensor data = arange(one["steps"].as<Index>());
    TimeseriesOptions options{.sequence_length = one["length"].as<Index>(),
                              .sequence_stride = given.get<Index>("sequence_stride", 1),
                              .sampling_rate = given.get<Index>("sampling_rate", 1),
                              .batch_size = 1000};
    if (given.contains("start_index")) options.start_index = given["start_index"].as<Index>();
    if (given.contains("end_index")) options.end_index = given["end_index"].as<Index>();
    const Tensor targets = arange(100, 100 + one["steps"].as<Index>());
    const Batch batch = *timeseries_dataset(data, targets, options).iterate().next();
    check_output(batch.x[0], one["x"]);
    check_output(batch.y[0], one["y"]);
  }
}
