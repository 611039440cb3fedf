#pragma once

#include <initializer_list>
#include <utility>
#include <vector>

namespace unspool {

/// Values by key, as a dict in Python: {{0, 1.0}, {1, 2.5}}, or a std::map. Entries are in the order in which
/// they were given; of equal keys the first counts.
template <class Key, class Value>
class Dictionary {
 public:
  /// A key and its value.
  using Entry = std::pair<Key, Value>;

  ///@{
  /// No entries, these, or those of a std::map.
  Dictionary();
  Dictionary(std::initializer_list<Entry> entries);
  Dictionary(std::vector<Entry> entries);
  template <class Map>
  requires requires { typename Map::mapped_type; }
  Dictionary(const Map& map) : Dictionary(std::vector<Entry>(map.begin(), map.end())) {}
  Dictionary(const Dictionary& other);
  Dictionary(Dictionary&& other) noexcept;
  Dictionary& operator=(const Dictionary& other);
  Dictionary& operator=(Dictionary&& other) noexcept;
  ~Dictionary();
  ///@}

  /// The value of a key; null if there is none.
  const Value* find(const Key& key) const&;
  ///@{
  /// As in a standard container of entries.
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  ///@}

 private:
  std::vector<Entry> entries_;
};

// What follows is compiled once for each type: extern template class Dictionary<Index, double>.

template <class Key, class Value>
Dictionary<Key, Value>::Dictionary() = default;
template <class Key, class Value>
Dictionary<Key, Value>::Dictionary(std::initializer_list<Entry> entries) : entries_(entries) {}
template <class Key, class Value>
Dictionary<Key, Value>::Dictionary(std::vector<Entry> entries) : entries_(std::move(entries)) {}
template <class Key, class Value>
Dictionary<Key, Value>::Dictionary(const Dictionary& other) = default;
template <class Key, class Value>
Dictionary<Key, Value>::Dictionary(Dictionary&& other) noexcept = default;
template <class Key, class Value>
Dictionary<Key, Value>& Dictionary<Key, Value>::operator=(const Dictionary& other) = default;
template <class Key, class Value>
Dictionary<Key, Value>& Dictionary<Key, Value>::operator=(Dictionary&& other) noexcept = default;
template <class Key, class Value>
Dictionary<Key, Value>::~Dictionary() = default;
template <class Key, class Value>
const Value* Dictionary<Key, Value>::find(const Key& key) const& {
  for (const Entry& entry : entries_) {
    if (entry.first == key) return &entry.second;
  }
  return nullptr;
}

}  // namespace unspool
