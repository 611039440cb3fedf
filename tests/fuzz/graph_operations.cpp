// Operations in the graph of a file that call what no program can call.
#include <doctest/doctest.h>
#include <string>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/layers/input.h>
#include <unspool/models/saving.h>

#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A model with a product and a sum.
Snapshot snapshot_of_graph() {
  const Tensor x = Input({.shape = {3}});
  const Model model({x}, {sum(x * Tensor::full({3}, 0.5f), {1})});
  return to_snapshot(model);
}

/// The part of a text from `begin` to the first `end` after it.
std::string part(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t first = text.find(begin);
  REQUIRE_MESSAGE(first != std::string::npos, begin);
  const std::size_t last = text.find(end, first);
  REQUIRE_MESSAGE(last != std::string::npos, end);
  return text.substr(first, last + end.size() - first);
}

std::string refusal_of(Snapshot snapshot, const std::string& old_part, const std::string& new_part) {
  std::string text = to_json(snapshot.config);
  const std::size_t at = text.find(old_part);
  REQUIRE_MESSAGE(at != std::string::npos, old_part);
  snapshot.config = from_json(text.replace(at, old_part.size(), new_part));
  return message_of<FileError>([&] { from_snapshot(snapshot, "the file"); });
}

}  // namespace

TEST_CASE("an operation of a graph has as many tensors as its kernel reads") {
  const Snapshot snapshot = snapshot_of_graph();
  const std::string text = to_json(snapshot.config);
  CHECK_NOTHROW(from_snapshot(snapshot));
  const std::string constant = part(text, "{\"class_name\": \"__tensor__\"", "}}");
  const std::string fewer = refusal_of(snapshot, ", " + constant, "");
  CHECK_MESSAGE(contains(fewer, "expected 2 tensors for the operation multiply, got 1"), fewer);
  const std::string more = refusal_of(snapshot, constant, constant + ", " + constant);
  CHECK_MESSAGE(contains(more, "expected 2 tensors for the operation multiply, got 3"), more);
}

TEST_CASE("an operation of a graph has the attributes that its kernel reads") {
  const Snapshot snapshot = snapshot_of_graph();
  const std::string attributes = part(to_json(snapshot.config), "{\"axes\"", "}");
  for (const char* other : {"{}", "{\"axes\": [1]}", "{\"axes\": true, \"keepdims\": false}"}) {
    const std::string error = refusal_of(snapshot, attributes, other);
    CHECK_MESSAGE(contains(error, "expected the attributes of the operation sum"), error);
  }
}

TEST_CASE("a graph computes nothing while it is read") {
  const Snapshot snapshot = snapshot_of_graph();
  const std::string text = to_json(snapshot.config);
  const std::string constant = part(text, "{\"class_name\": \"__tensor__\"", "}}");
  const std::string arguments = part(text, "{\"args\": [{\"class_name\": \"__keras_tensor__\"", constant);
  const std::string error = refusal_of(snapshot, arguments, "{\"args\": [" + constant + ", " + constant);
  CHECK_MESSAGE(contains(error, "got constants alone"), error);
}
