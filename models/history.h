#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/shape.h>

namespace unspool {

namespace detail {
[[noreturn]] void fail_no_value(std::string_view name, const std::vector<std::string>& known);
}

/// Values by name, in the order in which they came.
template <class T>
class NamedValues {
 public:
  using Entry = std::pair<std::string, T>;

  NamedValues() = default;
  NamedValues(std::initializer_list<Entry> entries) : entries_(entries) {}

  bool contains(std::string_view name) const { return find(name) != entries_.end(); }
  /// KeyError that names the nearest.
  const T& operator[](std::string_view name) const {
    const auto found = find(name);
    if (found == entries_.end()) detail::fail_no_value(name, names());
    return found->second;
  }
  /// The value of this name, made if there is none.
  T& get_or_add(std::string_view name) {
    const auto found = find(name);
    if (found != entries_.end()) return entries_[static_cast<std::size_t>(found - entries_.begin())].second;
    return entries_.emplace_back(std::string(name), T()).second;
  }
  void set(std::string_view name, T value) { get_or_add(name) = std::move(value); }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Entry& entry : entries_) all.push_back(entry.first);
    return all;
  }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  friend bool operator==(const NamedValues&, const NamedValues&) = default;

 private:
  auto find(std::string_view name) const {
    auto entry = entries_.begin();
    while (entry != entries_.end() && entry->first != name) ++entry;
    return entry;
  }
  std::vector<Entry> entries_;
};

/// The loss and the metrics of a batch or an epoch.
using Logs = NamedValues<double>;

/// What fit() returns: for each name a value an epoch, and the numbers of the epochs.
struct History {
  NamedValues<std::vector<double>> history = {};
  std::vector<Index> epoch = {};
  const std::vector<double>& operator[](std::string_view name) const;
};

}  // namespace unspool
