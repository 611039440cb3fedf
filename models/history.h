#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/shape.h>

namespace unspool {

/// Values by name, in the order in which they were added: of double and std::vector<double>.
template <class T>
class NamedValues {
 public:
  using Entry = std::pair<std::string, T>;
  using Entries = std::vector<Entry>;

  // All of it is compiled once, in history.cpp, so that those who only hold such values need not.
  NamedValues();
  NamedValues(std::initializer_list<Entry> entries);
  NamedValues(const NamedValues& other);
  NamedValues(NamedValues&& other) noexcept;
  NamedValues& operator=(const NamedValues& other);
  NamedValues& operator=(NamedValues&& other) noexcept;
  ~NamedValues();

  bool contains(std::string_view name) const;
  /// KeyError that names the nearest.
  const T& operator[](std::string_view name) const;
  /// The value of this name, made if there is none.
  T& get_or_add(std::string_view name);
  void set(std::string_view name, T value);

  std::vector<std::string> names() const;
  std::size_t size() const;
  bool empty() const;
  typename Entries::const_iterator begin() const;
  typename Entries::const_iterator end() const;
  bool operator==(const NamedValues& other) const;

 private:
  typename Entries::const_iterator find(std::string_view name) const;
  Entries entries_;
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
