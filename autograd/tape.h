#pragma once

#include <concepts>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/tensor.h>

namespace unspool {

struct TapeView;
struct TapeSweep;
struct TapeSweepOptions;

/// What a gradient is taken with respect to: a tensor that was watched or recorded, or a variable, whose
/// reads are added up.
class Source {
 public:
  ///@{
  /// A tensor or a variable.
  Source(const Tensor& tensor);
  Source(const Variable& variable);
  ///@}
  ///@{
  /// The tensor; empty for a variable.
  const Tensor& tensor() const& { return tensor_; }
  Tensor tensor() const&& { return tensor_; }
  ///@}
  ///@{
  /// The variable; empty for a tensor.
  const Variable& variable() const& { return variable_; }
  Variable variable() const&& { return variable_; }
  ///@}

 private:
  Tensor tensor_;
  Variable variable_;
};

/// A list of sources.
class Sources {
 public:
  ///@{
  /// From any list of tensors or variables.
  Sources(std::initializer_list<Source> sources);
  Sources(std::vector<Source> sources);
  Sources(const std::vector<Tensor>& tensors);
  Sources(const std::vector<Variable>& variables);
  ///@}
  ///@{
  /// The sources, in order.
  const std::vector<Source>& list() const& { return list_; }
  std::vector<Source> list() const&&;
  ///@}

 private:
  std::vector<Source> list_;
};

/// The arguments of a GradientTape.
struct GradientTapeOptions {
  /// Whether gradient() may be called several times. Such a tape records until stop(), and frees nothing
  /// before its end.
  bool persistent = false;
  /// Whether trainable variables are watched when they are read.
  bool watch_accessed_variables = true;
  /// Whether each operand and result is kept, and of each record the layer and the time step, so that the
  /// tape can be shown (see autograd/tape_view.h). gradient() frees nothing, and may be called several times.
  bool keep_all = false;
};

/// What gradient() returns for a source that the target does not depend on: an empty Tensor, or zeros.
enum class Unconnected : std::uint8_t { none, zero };

/// The arguments of GradientTape::gradient().
struct GradientOptions {
  Tensor output_gradient = {};                  ///< The gradient with respect to the target; empty: ones.
  Unconnected unconnected = Unconnected::none;  ///< What an independent source gets.
};

/// Records the operations on watched tensors and variables on its thread, from its construction to its first
/// gradient() (a persistent tape: to stop()), like tf.GradientTape.
///
///     GradientTape tape;
///     Tensor loss = mean(square(matmul(x, w) - y));
///     Tensor dw = tape.gradient(loss, w);
///
/// Tapes nest: an inner tape's gradient() is recorded by the outer ones.
class [[nodiscard("it ends at once: give it a name")]] GradientTape {
 public:
  /// Starts recording.
  explicit GradientTape(GradientTapeOptions options = {});
  ~GradientTape();
  GradientTape(const GradientTape&) = delete;
  GradientTape& operator=(const GradientTape&) = delete;

  ///@{
  /// Records what is computed from this tensor or variable from now on. Throws TypeError unless it is
  /// floating.
  void watch(const Tensor& tensor);
  void watch(const Variable& variable);
  ///@}
  /// Stops recording.
  void stop();

  ///@{
  /// d sum(target * output_gradient) / d source, for one source or several. Call it on the thread that made
  /// the tape. A list of one, {x}, gives a list of one. Throws ValueError if the tape did not record `target`
  /// or a tensor among the sources, RuntimeError for a second call on a tape that is not persistent.
  template <std::convertible_to<Source> S>
  Tensor gradient(const Tensor& target, const S& source, GradientOptions options = {}) {
    return gradient_of(target, source, std::move(options));
  }
  std::vector<Tensor> gradient(const Tensor& target, const Sources& sources, GradientOptions options = {});
  ///@}

  /// The derivative of every element of target with respect to every element of source, of shape
  /// target.shape + source.shape.
  Tensor jacobian(const Tensor& target, const Source& source);

  /// Whether `tensor` is watched by this tape or was computed from a watched one.
  bool recorded(const Tensor& tensor) const;
  /// The number of operations recorded so far, and not freed by a gradient().
  std::size_t size() const;
  /// One line for each recorded operation: its operands, its outputs, and which of them are kept. Values have
  /// the names that labeled() gave them, those of variables, or numbers.
  std::string to_string() const;
  /// The values and records so far, for those who include autograd/tape_view.h.
  TapeView view() const;
  ///@{
  /// The gradients at each record, from `target` back. The tape goes on as if nobody had asked. Throws as
  /// gradient() does, and RuntimeError for a tape that has ended.
  TapeSweep sweep(const Tensor& target) const;
  TapeSweep sweep(const Tensor& target, const TapeSweepOptions& options) const;
  ///@}

 private:
  Tensor gradient_of(const Tensor& target, const Source& source, GradientOptions options);

  class TapeState* state_;  // Owned.
};

///@{
/// Prints the records of a tape as a worksheet: each with its formula, and small values where they are kept.
std::string to_string(const GradientTape& tape);
std::ostream& operator<<(std::ostream& stream, const GradientTape& tape);
///@}

/// While it lives, no tape on this thread records.
class [[nodiscard("it ends at once: give it a name")]] NoGradient {
 public:
  /// Stops recording on this thread.
  NoGradient();
  ~NoGradient();
  NoGradient(const NoGradient&) = delete;
  NoGradient& operator=(const NoGradient&) = delete;

 private:
  bool outer_;
};
/// Returns f(), called without recording.
template <class F>
decltype(auto) no_gradient(F&& f) {
  NoGradient guard;
  return f();
}

/// While it lives, an operation on this thread that computes a NaN from operands without one throws
/// RuntimeError. The message names the operation, its operands, the layer's path, and whether it happened
/// forward or backward.
class [[nodiscard("it ends at once: give it a name")]] DetectAnomaly {
 public:
  /// Starts detection on this thread.
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;

 private:
  bool outer_;
};
/// Returns f(), called with detection of NaN; see DetectAnomaly.
template <class F>
decltype(auto) detect_anomaly(F&& f) {
  DetectAnomaly guard;
  return f();
}

}  // namespace unspool
