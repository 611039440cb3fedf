#pragma once

#include <unspool/core/named_list.h>

// The members of NamedList, for the source that instantiates it for a type: template class NamedList<Loss>.
// Programs see only that it is instantiated, and so do not compile these.

namespace unspool {

template <class T>
NamedList<T>::NamedList() = default;
template <class T>
NamedList<T>::NamedList(const NamedList& other) = default;
template <class T>
NamedList<T>::NamedList(NamedList&& other) noexcept = default;
template <class T>
NamedList<T>& NamedList<T>::operator=(const NamedList& other) = default;
template <class T>
NamedList<T>& NamedList<T>::operator=(NamedList&& other) noexcept = default;
template <class T>
NamedList<T>::~NamedList() = default;
template <class T>
NamedList<T>::NamedList(std::initializer_list<Entry> entries) : entries_(entries) {}
template <class T>
NamedList<T>::NamedList(std::vector<Entry> entries) : entries_(std::move(entries)) {}
template <class T>
NamedList<T>::NamedList(const std::vector<T>& values) : entries_(values.begin(), values.end()) {}
template <class T>
NamedList<T>::NamedList(Alone, T value) : alone_(true) {
  entries_.push_back(Entry(std::string(), std::move(value)));
}
template <class T>
std::vector<typename NamedList<T>::Entry> NamedList<T>::entries() && {
  return std::move(entries_);
}

template <class T>
const T& NamedList<T>::operator[](std::size_t position) const& {
  if (position >= entries_.size()) internal::fail_position(position, entries_.size());
  return entries_[position].value;
}

template <class T>
const T& NamedList<T>::operator[](std::string_view name) const& {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return entry.value;
  }
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.name);
  internal::fail_name(name, names);
}

template <class T>
std::vector<T> NamedList<T>::in_order_of(const std::vector<std::string>& names, std::string_view what,
                                         const T& otherwise) const {
  if (entries_.empty()) return std::vector<T>(names.size(), otherwise);
  std::vector<std::string> given;
  for (const Entry& entry : entries_) given.push_back(entry.name);
  std::vector<T> values;
  for (const std::ptrdiff_t place : internal::places_of(names, given, what)) {
    values.push_back(place < 0 ? otherwise : entries_[static_cast<std::size_t>(place)].value);
  }
  return values;
}

}  // namespace unspool
