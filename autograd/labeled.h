#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

#include <unspool/core/tensor.h>

/// Names of values, for tapes, plans, pictures and errors; docs/design/seeing.md.
namespace unspool {

/// A name that lives as long as the program; empty by default.
class Label {
 public:
  Label() = default;
  /// A string literal.
  consteval Label(const char* literal) : text_(literal) {}
  /// Keeps a copy of `text` until the program ends, one for all labels of this text.
  static Label of(const std::string& text);
  /// The name that a tensor carries by itself.
  static Label carried_by(const Tensor& tensor) { return Label(internal::TensorAccess::name(tensor), 0); }

  /// Whether there is a name.
  explicit operator bool() const { return text_ != nullptr; }
  /// The characters; null if there is no name.
  const char* text() const { return text_; }
  /// Whether both have the same characters.
  friend bool operator==(Label a, Label b);

 private:
  constexpr Label(const char* text, int) : text_(text) {}
  const char* text_ = nullptr;
};

///@{
/// Returns `tensor`, named for those who record or print it: tapes, traces and plans, pictures, errors. The
/// first name that a value gets is the one that it keeps there. Nothing is computed or recorded, and a
/// compiled step has no instruction for it.
///
///     const Tensor f = labeled(sigmoid(xf + matmul(h, uf)), "f");
///
/// A string that is no literal is kept until the program ends. Throws ValueError if the tensor is empty.
Tensor labeled(const Tensor& tensor, Label label);
template <std::same_as<std::string> S>
Tensor labeled(const Tensor& tensor, const S& label) {
  return labeled(tensor, Label::of(label));
}
///@}
/// The name of a value as errors and tapes print it, with the time step if it belongs to one: "f_2". Empty if
/// it has none, or if only a tape of another thread, or one that ended, knows it.
std::string label_of(const Tensor& tensor);

/// While it lives, values that get a name on this thread, and records of tapes that keep all, belong to this
/// time step. RNN sets it for the steps that it does not compile.
class [[nodiscard("it ends at once: give it a name")]] TimeStep {
 public:
  /// Time step t, from 0 on.
  explicit TimeStep(Index t);
  ~TimeStep();
  TimeStep(const TimeStep&) = delete;
  TimeStep& operator=(const TimeStep&) = delete;

 private:
  std::int32_t outer_;
};

namespace internal {

/// Names a value for the trace or the tapes that record it, if any does.
void note_label(const Tensor& tensor, Label label);
/// The name of a value of a time step, -1 for none: "f_2" for f, "x_2" for x_t.
std::string label_at(Label label, std::int32_t step);
/// Numbers the names that occur several times: kernel, kernel.2, kernel.3. Empty ones stay.
void tell_apart(std::vector<std::string>& names);

}  // namespace internal

}  // namespace unspool
