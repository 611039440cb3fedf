#include <algorithm>
#include <cmath>
#include <ostream>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/history.h>

namespace unspool {

template <class T>
NamedValues<T>::NamedValues() = default;
template <class T>
NamedValues<T>::NamedValues(std::initializer_list<Entry> entries) : entries_(entries) {}
template <class T>
NamedValues<T>::NamedValues(const NamedValues& other) = default;
template <class T>
NamedValues<T>::NamedValues(NamedValues&& other) noexcept = default;
template <class T>
NamedValues<T>& NamedValues<T>::operator=(const NamedValues& other) = default;
template <class T>
NamedValues<T>& NamedValues<T>::operator=(NamedValues&& other) noexcept = default;
template <class T>
NamedValues<T>::~NamedValues() = default;

template <class T>
bool NamedValues<T>::contains(std::string_view name) const {
  return find(name) != end();
}

template <class T>
const T& NamedValues<T>::operator[](std::string_view name) const& {
  const auto found = find(name);
  if (found == end()) {
    throw KeyError("expected a name in the logs, got " + in_quotes(name) + did_you_mean(name, names()));
  }
  return found->second;
}

template <class T>
T NamedValues<T>::operator[](std::string_view name) && {
  return std::as_const(*this)[name];
}

template <class T>
const T& NamedValues<T>::value_at(Index position) const {
  const Index count = static_cast<Index>(size());
  if (position < -count || position >= count) {
    throw IndexError(fmt::format("expected the position of one of {} values ({}), got {}", count,
                                 internal::joined(names(), ", "), position));
  }
  return entries_[static_cast<std::size_t>(position < 0 ? position + count : position)].second;
}

template <class T>
T& NamedValues<T>::get_or_add(std::string_view name) {
  const auto found = find(name);
  if (found != end()) return entries_[static_cast<std::size_t>(found - begin())].second;
  return entries_.emplace_back(std::string(name), T()).second;
}

template <class T>
void NamedValues<T>::set(std::string_view name, T value) {
  get_or_add(name) = std::move(value);
}

template <class T>
std::vector<std::string> NamedValues<T>::names() const {
  std::vector<std::string> all;
  for (const Entry& entry : entries_) all.push_back(entry.first);
  return all;
}

template <class T>
std::size_t NamedValues<T>::size() const {
  return entries_.size();
}

template <class T>
bool NamedValues<T>::empty() const {
  return entries_.empty();
}

template <class T>
typename NamedValues<T>::Entries::const_iterator NamedValues<T>::begin() const {
  return entries_.begin();
}

template <class T>
typename NamedValues<T>::Entries::const_iterator NamedValues<T>::end() const {
  return entries_.end();
}

template <class T>
bool NamedValues<T>::operator==(const NamedValues& other) const {
  return entries_ == other.entries_;
}

template <class T>
typename NamedValues<T>::Entries::const_iterator NamedValues<T>::find(std::string_view name) const {
  return std::find_if(begin(), end(), [&](const Entry& entry) { return entry.first == name; });
}

std::ostream& operator<<(std::ostream& stream, const Logs& logs) {
  const char* separator = "";
  for (const auto& [name, value] : logs) {
    const bool fixed = std::abs(value) > 1e-3 || value == 0 || !std::isfinite(value);
    stream << separator << name << ": "
           << (fixed ? fmt::format("{:.4f}", value) : fmt::format("{:.4e}", value));
    separator = " - ";
  }
  return stream;
}

template class NamedValues<double>;
template class NamedValues<std::vector<double>>;

const std::vector<double>& History::operator[](std::string_view name) const& { return history[name]; }
std::vector<double> History::operator[](std::string_view name) && { return std::as_const(history)[name]; }

void internal::copy_values(const Logs& logs, std::span<double> values) {
  if (logs.size() != values.size()) {
    throw ValueError(fmt::format("unpack<{}>: expected as many values as names, got {} values ({})",
                                 values.size(), logs.size(), internal::joined(logs.names(), ", ")));
  }
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = logs[static_cast<Index>(i)];
}

}  // namespace unspool
