#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/mistake.h>
#include <unspool/core/shape.h>

namespace unspool {

class Attributes;
struct AttributeEntry;
struct AttributeValue;

namespace detail {
template <class T>
const T& attribute_as(const Attributes& attributes, std::string_view name);
}

/// The named parameters of one use of an operation (an axis, a shape, a flag). Immutable and cheap to copy;
/// an empty one allocates no memory.
class Attributes {
 public:
  ///@{
  /// A value, and a name with a value: autograd/attribute_value.h.
  using Value = AttributeValue;
  using Entry = AttributeEntry;
  ///@}

  /// No attributes.
  Attributes() = default;
  /// These attributes, whose names must differ.
  Attributes(std::initializer_list<Entry> entries);

  /// Whether there are none.
  bool empty() const { return entries_ == nullptr; }
  /// The value of this name; null if there is none.
  const Value* find(std::string_view name) const&;
  UNSPOOL_MISTAKE("the attributes are a temporary: name them first", find(std::string_view name) const&&);
  ///@{
  /// The value of this name. Throws KeyError if there is none, TypeError if it is of another type.
  template <class T>
  const T& get(std::string_view name) const& {
    return detail::attribute_as<T>(*this, name);
  }
  template <class T>
  T get(std::string_view name) const&& {
    return get<T>(name);
  }
  ///@}
  /// The value of this name, or `fallback` if there is none. Throws TypeError if it is of another type.
  template <class T>
  T get_or(std::string_view name, T fallback) const {
    return find(name) == nullptr ? std::move(fallback) : get<T>(name);
  }
  ///@{
  /// get<T>() for the types that are used most.
  bool flag(std::string_view name) const;
  Index integer(std::string_view name) const;
  double number(std::string_view name) const;
  const Shape& shape(std::string_view name) const&;
  Shape shape(std::string_view name) const&& { return shape(name); }
  const std::vector<Index>& integers(std::string_view name) const&;
  std::vector<Index> integers(std::string_view name) const&&;
  ///@}

  /// A copy with one value replaced or added. The name must be a string literal.
  Attributes with(const char* name, Value value) const;

  ///@{
  /// The entries, in order.
  const Entry* begin() const;
  const Entry* end() const;
  ///@}
  /// Whether names, values and order are equal; payloads are equal if they are one object.
  friend bool operator==(const Attributes& a, const Attributes& b);

 private:
  using Entries = std::vector<Entry>;

  std::shared_ptr<const Entries> entries_;
};

/// An empty list of attributes.
extern const Attributes no_attributes;

/// "axis=-1, keepdims=true".
std::string to_string(const Attributes& attributes);

}  // namespace unspool
