#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <unspool/core/dtype.h>
#include <unspool/core/mistake.h>
#include <unspool/core/shape.h>

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

/// The named parameters of one use of an operation (an axis, a shape, a flag). Immutable and cheap to copy;
/// an empty one allocates no memory.
class Attributes {
 public:
  /// The types of values.
  using Value = std::variant<bool, Index, double, DType, Shape, std::vector<Index>, std::string,
                             std::shared_ptr<const Payload>>;
  /// A name, which must be a string literal, and its value.
  using Entry = std::pair<const char*, Value>;

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
    const T* value = std::get_if<T>(&at(name));
    if (value == nullptr) fail_type(name);
    return *value;
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
  bool flag(std::string_view name) const { return get<bool>(name); }
  Index integer(std::string_view name) const { return get<Index>(name); }
  double number(std::string_view name) const { return get<double>(name); }
  const Shape& shape(std::string_view name) const& { return get<Shape>(name); }
  Shape shape(std::string_view name) const&& { return get<Shape>(name); }
  const std::vector<Index>& integers(std::string_view name) const& { return get<std::vector<Index>>(name); }
  std::vector<Index> integers(std::string_view name) const&& { return get<std::vector<Index>>(name); }
  ///@}

  /// A copy with one value replaced or added.
  Attributes with(const char* name, Value value) const;

  ///@{
  /// The entries, in order.
  auto begin() const { return entries_ ? entries_->begin() : none.begin(); }
  auto end() const { return entries_ ? entries_->end() : none.end(); }
  ///@}
  /// Whether names, values and order are equal; payloads are equal if they are one object.
  friend bool operator==(const Attributes& a, const Attributes& b);

 private:
  using Entries = std::vector<Entry>;
  static const Entries none;
  const Value& at(std::string_view name) const;
  [[noreturn]] void fail_type(std::string_view name) const;

  std::shared_ptr<const Entries> entries_;
};

/// An empty list of attributes.
extern const Attributes no_attributes;

/// "axis=-1, keepdims=true".
std::string to_string(const Attributes& attributes);

}  // namespace unspool
