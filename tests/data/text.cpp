#include <doctest/doctest.h>

#include <unspool/core/error.h>
#include <unspool/data/integer_lookup.h>
#include <unspool/data/string_lookup.h>
#include <unspool/data/text_vectorization.h>
#include <unspool/serialization/file.h>

#include "../serialization/folder.h"

using namespace unspool;

namespace {

using Strings = std::vector<std::string>;

const Strings sentences{"foo bar", "bar baz", "baz bada boom"};

}  // namespace

TEST_CASE("the examples of Keras' TextVectorization") {
  TextVectorization layer({.max_tokens = 5000, .output_sequence_length = 4});
  layer.adapt(sentences);
  CHECK(layer(Strings{"foo qux bar", "qux baz"}).to_vector<int>() ==
        std::vector<int>{4, 1, 3, 0, 1, 2, 0, 0});
  const TextVectorization given({.vocabulary = {"earth", "wind", "and", "fire"}});
  CHECK(given.get_vocabulary() == Strings{"", "[UNK]", "earth", "wind", "and", "fire"});
  CHECK(given.get_vocabulary(false) == Strings{"earth", "wind", "and", "fire"});
  CHECK(given.vocabulary_size() == 6);
  CHECK(describe(given("earth and fire")) == "int64[3]");
  CHECK(given.tokens(given(Strings{"earth, and Fire", "x"})) == Strings{"earth", "and", "fire", "[UNK]"});
}

TEST_CASE("functions of one's own, and texts that are read in parts") {
  TextVectorization layer({.standardize = [](const std::string& text) { return text + ".x"; },
                           .split =
                               [](const std::string& text) {
                                 const std::size_t at = text.find('.');
                                 return Strings{text.substr(0, at), text.substr(at + 1)};
                               }});
  std::size_t part = 0;
  layer.adapt([&]() -> std::optional<Strings> {
    if (part == sentences.size()) return {};
    return Strings{sentences[part++]};
  });
  CHECK(layer.get_vocabulary() == Strings{"", "[UNK]", "x", "foo bar", "baz bada boom", "bar baz"});
  CHECK_THROWS_WITH_AS(layer.get_config(),
                       "TextVectorization: expected standardize by name for a config, got a function",
                       ValueError);
}

TEST_CASE("characters are code points, also of text that is not UTF-8") {
  const TextVectorization layer({.standardize = None, .split = "character", .vocabulary = {"a"}});
  // As tf.strings.unicode_split() does it.
  CHECK(layer.split("a\xff\xc3"
                    "b\xe2\x82"
                    "c") == Strings{"a", "\xef\xbf\xbd", "\xef\xbf\xbd", "b", "\xef\xbf\xbd", "c"});
  CHECK(layer.split("\xed\xa0\x80\xf0\x9f") == Strings(4, "\xef\xbf\xbd"));
  CHECK(layer.split("ñ€😀") == Strings{"ñ", "€", "😀"});
}

TEST_CASE("vocabularies in files") {
  const Folder folder;
  TextVectorization layer;
  layer.adapt(sentences);
  layer.save_vocabulary(folder / "vocabulary.txt");
  CHECK(read_file(folder / "vocabulary.txt") == "\n[UNK]\nbaz\nbar\nfoo\nboom\nbada\n");
  TextVectorization again;
  again.load_vocabulary(folder / "vocabulary.txt");
  CHECK(again.get_vocabulary() == layer.get_vocabulary());
  // As Keras writes it: no end of the last line.
  write_file_atomically(folder / "keras.txt", "[UNK]\r\nb\r\na");
  StringLookup lookup;
  lookup.load_vocabulary(folder / "keras.txt");
  CHECK(lookup.get_vocabulary() == Strings{"[UNK]", "b", "a"});
  CHECK(lookup.tokens(lookup({"a", "c", "b"})) == Strings{"a", "[UNK]", "b"});
  StringLookup lines({.vocabulary = {"a\nb"}});
  CHECK_THROWS_AS(lines.save_vocabulary(folder / "x.txt"), ValueError);
  write_file_atomically(folder / "empty.txt", "");
  CHECK_THROWS_AS(lookup.load_vocabulary(folder / "empty.txt"), FileError);
  StringLookup weighted({.vocabulary = {"a"}, .idf_weights = {1}, .output_mode = "tf_idf"});
  CHECK_THROWS_WITH_AS(weighted.save_vocabulary(folder / "x.txt"), doctest::Contains("got \"tf_idf\""),
                       ValueError);
}

TEST_CASE("lookups refuse what does not fit") {
  CHECK_THROWS_WITH_AS(
      TextVectorization({.standardize = "lowercase"}),
      doctest::Contains("as standardize, got \"lowercase\"; known: lower_and_strip_punctuation, lower,"),
      ValueError);
  CHECK_THROWS_WITH_AS(TextVectorization({.split = "words"}),
                       doctest::Contains("expected a name, None or a function as split, got \"words\""),
                       ValueError);
  CHECK_THROWS_WITH_AS(TextVectorization({.output_mode = "ints"}),
                       doctest::Contains("expected the name of an output_mode, got \"ints\""), ValueError);
  CHECK_THROWS_WITH_AS(TextVectorization({.output_mode = "count", .output_sequence_length = 3}),
                       doctest::Contains("for output_mode \"int\" only"), ValueError);
  CHECK_THROWS_WITH_AS(TextVectorization({.ngrams = 0}), doctest::Contains("expected ngrams >= 1, got 0"),
                       ValueError);
  CHECK_THROWS_WITH_AS(TextVectorization({.max_tokens = 1}),
                       doctest::Contains("expected max_tokens > 1, got 1"), ValueError);
  CHECK_THROWS_WITH_AS(TextVectorization({.output_mode = "count"})(Strings{"a"}),
                       doctest::Contains("call adapt() or set_vocabulary() first"), RuntimeError);
  CHECK_THROWS_WITH_AS(TextVectorization().adapt(Strings{"", " "}),
                       doctest::Contains("expected at least one token, got none"), ValueError);
  CHECK_THROWS_WITH_AS(StringLookup({.vocabulary = {"a", "b", "a"}}), doctest::Contains("got \"a\" twice"),
                       ValueError);
  CHECK_THROWS_WITH_AS(StringLookup({.max_tokens = 3, .vocabulary = {"a", "b", "c"}}),
                       doctest::Contains("at most max_tokens = 3 with the special tokens, got 4"),
                       ValueError);
  CHECK_THROWS_WITH_AS(StringLookup({.num_oov_indices = 0, .vocabulary = {"a"}})({"b"}),
                       doctest::Contains("expected tokens of the vocabulary, got \"b\""), ValueError);
  CHECK_THROWS_WITH_AS(StringLookup({.num_oov_indices = 2}),
                       doctest::Contains("expected num_oov_indices of 0 or 1"), ValueError);
  CHECK_THROWS_WITH_AS(StringLookup({.vocabulary = {"a"}}).tokens(Tensor::of<std::int64_t>({2})),
                       doctest::Contains("expected an index from 0 to 1, got 2"), IndexError);
  CHECK_THROWS_WITH_AS(StringLookup({.vocabulary = {"a"}})(std::vector<Strings>{{"a"}, {"a", "a"}}),
                       doctest::Contains("expected samples of one length"), ValueError);
  CHECK_THROWS_WITH_AS(IntegerLookup().adapt(Tensor::of({1.5F})),
                       doctest::Contains("expected integers, got float32[1]"), TypeError);
  CHECK_THROWS_WITH_AS(StringLookup::from_config(Config::map({{"invert", true}})),
                       doctest::Contains("tokens() gives the tokens of indices"), ValueError);
}
