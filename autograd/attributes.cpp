#include <algorithm>

#include <unspool/autograd/attribute_value.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

struct ValuePrinter {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(Index value) const { return std::to_string(value); }
  std::string operator()(double value) const { return fmt::format("{}", value); }
  std::string operator()(DType value) const { return std::string(name_of(value)); }
  std::string operator()(const Shape& value) const { return to_string(value); }
  std::string operator()(const std::string& value) const { return '"' + value + '"'; }
  std::string operator()(const std::vector<Index>& value) const {
    return fmt::format("{{{}}}", internal::joined(value, ", "));
  }
  std::string operator()(const std::shared_ptr<const Payload>& value) const { return value->describe(); }
};

}  // namespace

constinit const Attributes no_attributes;

Attributes::Attributes(std::initializer_list<Entry> entries)
    : entries_(entries.size() == 0 ? nullptr : std::make_shared<const Entries>(entries)) {}

const AttributeEntry* Attributes::begin() const { return entries_ ? entries_->data() : nullptr; }
const AttributeEntry* Attributes::end() const {
  return entries_ ? entries_->data() + entries_->size() : nullptr;
}

bool Attributes::flag(std::string_view name) const { return get<bool>(name); }
Index Attributes::integer(std::string_view name) const { return get<Index>(name); }
double Attributes::number(std::string_view name) const { return get<double>(name); }
const Shape& Attributes::shape(std::string_view name) const& { return get<Shape>(name); }
const std::vector<Index>& Attributes::integers(std::string_view name) const& {
  return get<std::vector<Index>>(name);
}

std::vector<Index> Attributes::integers(std::string_view name) const&& { return integers(name); }

const AttributeValue* Attributes::find(std::string_view name) const& {
  for (const Entry& entry : *this) {
    if (name == entry.first) return &entry.second;
  }
  return nullptr;
}

const AttributeValue& detail::attribute_at(const Attributes& attributes, std::string_view name) {
  const AttributeValue* value = attributes.find(name);
  if (value == nullptr) {
    throw KeyError("expected an attribute \"" + std::string(name) + "\", got (" + to_string(attributes) +
                   ")");
  }
  return *value;
}

void detail::fail_attribute_type(const Attributes& attributes, std::string_view name) {
  throw TypeError("expected another type of the attribute \"" + std::string(name) + "\", got (" +
                  to_string(attributes) + ")");
}

Attributes Attributes::with(const char* name, Value value) const {
  auto entries = entries_ ? *entries_ : Entries();
  auto same =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.first == name; });
  if (same == entries.end()) {
    entries.emplace_back(name, std::move(value));
  } else {
    same->second = std::move(value);
  }
  Attributes changed;
  changed.entries_ = std::make_shared<const Entries>(std::move(entries));
  return changed;
}

bool operator==(const Attributes& a, const Attributes& b) {
  if (a.entries_ == b.entries_) return true;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first && x.second == y.second; });
}

std::string to_string(const Attributes& attributes) {
  std::string text;
  for (const auto& [name, value] : attributes) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, std::visit(ValuePrinter(), value));
  }
  return text;
}

}  // namespace unspool
