#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/mistake.h>
#include <unspool/core/shape.h>

namespace unspool {

/// Values by name, in the order in which they were added. T is double or std::vector<double>.
template <class T>
class NamedValues {
 public:
  /// A name and its value.
  using Entry = std::pair<std::string, T>;
  /// All names and values.
  using Entries = std::vector<Entry>;

  // Defined and instantiated in history.cpp, so that programs need not compile it.

  /// No values.
  NamedValues();
  /// These values, whose names must differ.
  NamedValues(std::initializer_list<Entry> entries);
  NamedValues(const NamedValues& other);
  NamedValues(NamedValues&& other) noexcept;
  NamedValues& operator=(const NamedValues& other);
  NamedValues& operator=(NamedValues&& other) noexcept;
  ~NamedValues();

  /// Whether there is a value of this name.
  bool contains(std::string_view name) const;
  ///@{
  /// The value of this name; a copy for temporaries. Throws KeyError if there is none, with the nearest name.
  const T& operator[](std::string_view name) const&;
  T operator[](std::string_view name) &&;
  const T& at(std::string_view name) const& { return (*this)[name]; }
  T at(std::string_view name) && { return std::move(*this)[name]; }
  ///@}
  /// The value at this position, as in the list that Keras' evaluate() returns: 0 is the loss, 1 the first
  /// metric, -1 the last one. Throws IndexError if out of range.
  T operator[](Index position) const& requires std::same_as<T, double> { return value_at(position); }
  /// The same for a temporary.
  T operator[](Index position) && requires std::same_as<T, double> { return value_at(position); }
  /// Does not compile: an epoch is the index of the values of one name.
  UNSPOOL_MISTAKE("an epoch is the second index: history[\"loss\"][epoch]",
                  operator[](Index epoch) const& requires(!std::same_as<T, double>));
  /// Nor does this.
  UNSPOOL_MISTAKE(
      "an epoch is the second index: history[\"loss\"][epoch]", operator[](Index epoch) &&
                                                                    requires(!std::same_as<T, double>));
  /// The value of this name, which is added if there is none.
  T& get_or_add(std::string_view name);
  /// Replaces or adds a value.
  void set(std::string_view name, T value);

  /// The names, in order.
  std::vector<std::string> names() const;
  ///@{
  /// As in a standard container of entries.
  std::size_t size() const;
  bool empty() const;
  typename Entries::const_iterator begin() const;
  typename Entries::const_iterator end() const;
  ///@}
  /// Whether names, values and order are equal.
  bool operator==(const NamedValues& other) const;

 private:
  const T& value_at(Index position) const;
  typename Entries::const_iterator find(std::string_view name) const;
  Entries entries_;
};

/// The loss and the metrics of a batch or an epoch.
using Logs = NamedValues<double>;
namespace internal {
void copy_values(const Logs& logs, std::span<double> values);
}

/// Prints names and values: "loss: 0.3214 - accuracy: 0.9012".
std::ostream& operator<<(std::ostream& stream, const Logs& logs);

/// All values as an array, in order: `auto [loss, accuracy] = unpack<2>(model.evaluate(x, y))`. Throws
/// ValueError if their number is not `count`.
template <std::size_t count>
std::array<double, count> unpack(const Logs& logs) {
  std::array<double, count> values;
  internal::copy_values(logs, values);
  return values;
}

/// What fit() returns: the loss and the metrics of every epoch.
struct History {
  NamedValues<std::vector<double>> history = {};  ///< For each name, one value for each epoch.
  std::vector<Index> epoch = {};                  ///< The numbers of the epochs, counted from 0.
  bool interrupted = false;                       ///< Whether Ctrl-C ended training.
  ///@{
  /// The values of this name; a copy for temporaries. Throws KeyError if there are none, with the nearest
  /// name.
  const std::vector<double>& operator[](std::string_view name) const&;
  std::vector<double> operator[](std::string_view name) &&;
  ///@}
  ///@{
  /// Names and values: for (const auto& [name, values] : history).
  auto begin() const { return history.begin(); }
  auto end() const { return history.end(); }
  ///@}
  ///@{
  /// Does not compile: an epoch is the index of the values of one name.
  UNSPOOL_MISTAKE("an epoch is the second index: history[\"loss\"][epoch]", operator[](Index epoch) const&);
  UNSPOOL_MISTAKE("an epoch is the second index: history[\"loss\"][epoch]", operator[](Index epoch) &&);
  ///@}
};

}  // namespace unspool
