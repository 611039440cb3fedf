#pragma once

#include <string_view>
#include <utility>
#include <variant>

#include <unspool/autograd/attributes.h>
#include <unspool/core/dtype.h>

namespace unspool {

struct Call;

/// An attribute of an operation that is not a plain value: a gradient of the user's own, the body of a scan.
class Payload {
 public:
  virtual ~Payload() = default;
  /// A word for printed tapes and pictures.
  virtual std::string describe() const = 0;
  /// Where the first NaN arises in a use whose result has one: the operation inside of the payload, and the
  /// time step. Empty if it is not known, or if the payload is not made of operations.
  virtual std::string place_of_nan(const Call&) const { return {}; }
};

/// The value of an attribute.
struct AttributeValue : std::variant<bool, Index, double, DType, Shape, std::vector<Index>, std::string,
                                     std::shared_ptr<const Payload>> {
  using variant::variant;
};

/// A name and its value.
struct AttributeEntry : std::pair<std::string_view, AttributeValue> {
  /// The name must be a string literal.
  AttributeEntry(const char* name, AttributeValue value) : pair(name, std::move(value)) {}
};

namespace detail {

const AttributeValue& attribute_at(const Attributes& attributes, std::string_view name);
[[noreturn]] void fail_attribute_type(const Attributes& attributes, std::string_view name);

template <class T>
const T& attribute_as(const Attributes& attributes, std::string_view name) {
  const T* value = std::get_if<T>(&attribute_at(attributes, name));
  if (value == nullptr) fail_attribute_type(attributes, name);
  return *value;
}

}  // namespace detail

}  // namespace unspool
