#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace unspool {

namespace internal {

/// For each of `names` the place of its value among the values with the names `given` ("": by position), or
/// -1 if it has none. Throws ValueError, which begins with `what`, for a name that is not among `names`, for
/// one that comes twice, and for values by position that are not as many as `names`.
std::vector<std::ptrdiff_t> places_of(const std::vector<std::string>& names,
                                      const std::vector<std::string>& given, std::string_view what);

[[noreturn]] void fail_position(std::size_t position, std::size_t count);
[[noreturn]] void fail_name(std::string_view name, const std::vector<std::string>& names);

/// A value that is one T or several, such as the outputs of a layer.
template <class V, class T>
concept ListOf = requires(const std::remove_cvref_t<V>& list) {
  { list.all() } -> std::same_as<const std::vector<T>&>;
};

}  // namespace internal

/// Values for the inputs or the outputs of a model: one value, several in their order, or several by name:
///   "mse"
///   {"mse", "mae"}
///   {{"price", "mse"}, {"kind", "sparse_categorical_crossentropy"}}
/// The name of an output is that of the layer that it comes from. The members are compiled once for each T:
/// core/internal/named_list_members.h.
template <class T>
class NamedList {
 public:
  /// A value with the name of what it is for, "" if it is given by position.
  struct Entry {
    ///@{
    /// From a value, alone or behind a name.
    template <class V>
    requires std::convertible_to<V, T> Entry(V&& given) : value(std::forward<V>(given)) {}
    Entry(std::string for_name, T given) : name(std::move(for_name)), value(std::move(given)) {}
    ///@}
    std::string name;  ///< Of an input or an output; may be empty.
    T value;           ///< What it gets.
  };

  ///@{
  /// No values, or those of another list.
  NamedList();
  NamedList(const NamedList& other);
  NamedList(NamedList&& other) noexcept;
  NamedList& operator=(const NamedList& other);
  NamedList& operator=(NamedList&& other) noexcept;
  ~NamedList();
  ///@}
  /// One value.
  template <class V>
  requires(std::convertible_to<V, T> && !std::same_as<std::remove_cvref_t<V>, NamedList> &&
           !internal::ListOf<V, T>) NamedList(V&& value)
      : NamedList(Alone(), T(std::forward<V>(value))) {}
  ///@{
  /// Several values, all of them with names or none.
  NamedList(std::initializer_list<Entry> entries);
  NamedList(std::vector<Entry> entries);
  ///@}
  ///@{
  /// Several values, in order: of a vector, or all of the outputs of a layer.
  NamedList(const std::vector<T>& values);
  template <internal::ListOf<T> V>
  NamedList(const V& list) : NamedList(list.all()) {}
  ///@}

  /// Whether there are no values.
  bool empty() const { return entries_.empty(); }
  /// Whether there is one value that was given without a list around it.
  bool alone() const { return alone_; }
  ///@{
  /// The values with their names, as they were given; a copy for temporaries.
  const std::vector<Entry>& entries() const& { return entries_; }
  std::vector<Entry> entries() &&;
  ///@}
  /// The number of values.
  std::size_t size() const { return entries_.size(); }
  ///@{
  /// The value at this position, counted from 0, or of this name. Throws IndexError or KeyError if there is
  /// none.
  const T& operator[](std::size_t position) const&;
  const T& operator[](std::string_view name) const&;
  T operator[](std::size_t position) const&& { return (*this)[position]; }
  T operator[](std::string_view name) const&& { return (*this)[name]; }
  ///@}

  /// The values in the order of `names`; `otherwise` where there is none. Throws ValueError, which begins
  /// with `what`, for a name that is not among these, for one that comes twice, and for values by position
  /// that are not as many.
  std::vector<T> in_order_of(const std::vector<std::string>& names, std::string_view what,
                             const T& otherwise = T()) const;

 private:
  struct Alone {};
  NamedList(Alone, T value);

  std::vector<Entry> entries_;
  bool alone_ = false;
};

}  // namespace unspool
