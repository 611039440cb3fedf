#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <unspool/core/dtype.h>
#include <unspool/core/shape.h>

namespace unspool {

/// What an operation carries beside its operands when no plain value will do (a user's gradient, a traced
/// body).
class Payload {
 public:
  virtual ~Payload() = default;
  /// A word for printed tapes.
  virtual std::string describe() const = 0;
};

/// The named settings of one use of an operation (an axis, a shape, a flag): immutable, cheap to copy, free
/// when there are none.
class Attributes {
 public:
  using Value = std::variant<bool, Index, double, DType, Shape, std::vector<Index>, std::string,
                             std::shared_ptr<const Payload>>;
  /// Names are string literals.
  using Entry = std::pair<const char*, Value>;

  Attributes() = default;
  Attributes(std::initializer_list<Entry> entries);

  bool empty() const { return entries_ == nullptr; }
  const Value* find(std::string_view name) const;
  /// KeyError if there is none of that name, TypeError if it is of another type.
  template <class T>
  const T& get(std::string_view name) const {
    const T* value = std::get_if<T>(&at(name));
    if (value == nullptr) fail_type(name);
    return *value;
  }
  /// `fallback` if there is none of that name.
  template <class T>
  T get_or(std::string_view name, T fallback) const {
    return find(name) == nullptr ? std::move(fallback) : get<T>(name);
  }
  bool flag(std::string_view name) const { return get<bool>(name); }
  Index integer(std::string_view name) const { return get<Index>(name); }
  double number(std::string_view name) const { return get<double>(name); }
  const Shape& shape(std::string_view name) const { return get<Shape>(name); }
  const std::vector<Index>& integers(std::string_view name) const { return get<std::vector<Index>>(name); }

  /// A copy with one value replaced or added.
  Attributes with(const char* name, Value value) const;

  auto begin() const { return entries_ ? entries_->begin() : none.begin(); }
  auto end() const { return entries_ ? entries_->end() : none.end(); }
  friend bool operator==(const Attributes& a, const Attributes& b);

 private:
  using Entries = std::vector<Entry>;
  static const Entries none;
  const Value& at(std::string_view name) const;
  [[noreturn]] void fail_type(std::string_view name) const;

  std::shared_ptr<const Entries> entries_;
};

/// None: what most operations have.
extern const Attributes no_attributes;

/// "axis=-1, keepdims=true".
std::string to_string(const Attributes& attributes);

}  // namespace unspool
