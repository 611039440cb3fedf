#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <unspool/autograd/scan/program.h>
#include <unspool/autograd/scan/thread_trial.h>
#include <unspool/core/array.h>

namespace unspool::scan_compiler {

class Plan;
struct Gradient;
class SharedProgram;

/// What a scan operation carries as an attribute: its program, and the inputs with respect to which it can be
/// differentiated.
class ScanBody : public Payload {
 public:
  ScanBody(std::shared_ptr<const SharedProgram> program, std::vector<bool> needed)
      : program_(std::move(program)), needed_(std::move(needed)) {}
  const SharedProgram& shared() const { return *program_; }
  const std::vector<bool>& needed() const { return needed_; }
  std::string describe() const override;
  std::string place_of_nan(const Call& call) const override;

 private:
  std::shared_ptr<const SharedProgram> program_;
  std::vector<bool> needed_;
};

/// A program that all scans of one structure share, with what is derived from it: the plan and the gradients,
/// each made when it is first asked for. Thread-safe.
class SharedProgram : public CompiledScan, public std::enable_shared_from_this<SharedProgram> {
 public:
  using Pointer = std::shared_ptr<const SharedProgram>;
  using Mask = std::vector<bool>;

  /// The program of this structure from the cache, which holds the 256 that were used last; added if missing.
  static Pointer of(Program program);

  explicit SharedProgram(Program program);
  ~SharedProgram() override;
  SharedProgram(const SharedProgram&) = delete;
  SharedProgram& operator=(const SharedProgram&) = delete;

  const Program& program() const { return program_; }
  const Plan& plan() const;
  /// Runs the plan on whole inputs, on as many threads as are worth it.
  void run(std::span<const Array> inputs, std::span<const Array> outputs, Index steps) const;
  std::string plan(Index steps, PlanOptions options) const override { return plan(steps, 0, options); }
  /// The text of the plans of a scan that keeps only every `every`-th carry; 0: that keeps all.
  std::string plan(Index steps, Index every, PlanOptions options) const;
  std::string to_dot(ScanPicture picture) const override;
  /// This program with all that its gradient reads, and the program of the gradient, with respect to all
  /// floating inputs that are not scalars.
  struct Both {
    std::shared_ptr<const ScanBody> forward;
    Pointer backward;
  };
  Both with_backward() const;
  /// The gradient with respect to the inputs that are `needed`, given those with respect to the outputs that
  /// are `given`.
  std::shared_ptr<const Gradient> gradient(const Mask& needed, const Mask& given) const;
  /// This program with additional stacked outputs: all that its gradient with respect to `needed` reads. The
  /// same object for the same mask, as long as the cache holds this program.
  std::shared_ptr<const ScanBody> body(const Mask& needed) const;

 private:
  struct GradientEntry {
    Mask needed;
    Mask given;
    std::shared_ptr<const Gradient> gradient;
  };

  void remember() const;
  void forget() const;
  std::shared_ptr<const Gradient> known_gradient(const Mask& needed, const Mask& given) const;
  std::shared_ptr<const ScanBody> known_body(const Mask& needed) const;

  Program program_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Plan> plan_;
  mutable ThreadTrial trial_;
  // These may refer back to this program: the program of a gradient's gradient is often the program itself.
  // They are held only while the cache holds the program, so that no reference cycle outlives that.
  mutable bool remembered_ = false;
  mutable std::vector<GradientEntry> gradients_;
  mutable std::vector<std::shared_ptr<const ScanBody>> bodies_;
};

}  // namespace unspool::scan_compiler
