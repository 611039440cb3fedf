#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <unspool/autograd/operation.h>
#include <unspool/autograd/scan.h>

namespace unspool::internal {

class ScanPlan;
struct StepGradient;

/// One step of a scan as its trace has it: uses of operations on numbered values. Made by StepTrace, never
/// changed afterwards.
struct StepProgram {
  using Value = int;
  struct Use {
    OperationRef operation;
    SmallVector<Value, 4> inputs;
    SmallVector<Value, 2> outputs;
    Attributes attributes;
  };

  /// A value of each step, and which axis of all of them is time: the first or the second.
  struct Stacked {
    Value value;
    int time_axis = 0;
    friend bool operator==(const Stacked&, const Stacked&) = default;
  };

  std::vector<Spec> values;
  /// The inputs: what the steps hand on, what each step gets, what is the same for all.
  std::vector<Value> carries;
  std::vector<Stacked> sequences;
  std::vector<Value> captured;
  /// In an order in which they can run.
  std::vector<Use> uses;
  /// The outputs: the carries of the next step, what is stacked over the steps, what is summed over them.
  std::vector<Value> next;
  std::vector<Stacked> each;
  std::vector<Value> sums;
  bool reverse = false;

  std::size_t inputs() const { return carries.size() + sequences.size() + captured.size(); }
  std::size_t outputs() const { return next.size() + each.size() + sums.size(); }
  /// Input or output i, in that order.
  Value input(std::size_t i) const;
  Value output(std::size_t i) const;
  /// Input or output i if it has steps, or null.
  const Stacked* stacked_input(std::size_t i) const;
  const Stacked* stacked_output(std::size_t i) const;
  const Spec& spec(Value value) const { return values[static_cast<std::size_t>(value)]; }
  /// Which outputs are floating.
  std::vector<bool> floating_outputs() const;
  std::uint64_t hash() const;
  friend bool operator==(const StepProgram& a, const StepProgram& b);
};

/// Where a value stands in lists of all of them.
inline std::size_t at(StepProgram::Value value) { return static_cast<std::size_t>(value); }

/// Without the uses that no output needs. Inputs stay.
StepProgram without_dead(StepProgram program);

class SharedProgram;

/// What a scan carries as an attribute: its program, and by which inputs it can be differentiated.
class ScanBody : public Payload {
 public:
  ScanBody(std::shared_ptr<const SharedProgram> program, std::vector<bool> needed)
      : program_(std::move(program)), needed_(std::move(needed)) {}
  const SharedProgram& shared() const { return *program_; }
  const std::vector<bool>& needed() const { return needed_; }
  std::string describe() const override;

 private:
  std::shared_ptr<const SharedProgram> program_;
  std::vector<bool> needed_;
};

/// A program that all scans of the same structure share, with what follows from it. Safe from several
/// threads.
class SharedProgram : public CompiledScan, public std::enable_shared_from_this<SharedProgram> {
 public:
  using Pointer = std::shared_ptr<const SharedProgram>;
  using Value = StepProgram::Value;
  using Mask = std::vector<bool>;

  /// The one of this structure; made if there is none.
  static Pointer of(StepProgram program);

  explicit SharedProgram(StepProgram program);
  ~SharedProgram() override;
  SharedProgram(const SharedProgram&) = delete;
  SharedProgram& operator=(const SharedProgram&) = delete;

  const StepProgram& program() const { return program_; }
  const ScanPlan& plan() const;
  std::string plan(Index steps) const override { return plan(steps, 0); }
  /// Of a scan that recomputes `every` so many steps; 0: of one that keeps all.
  std::string plan(Index steps, Index every) const;
  /// The gradient by the inputs that are `needed`, given those by the outputs that are `given`.
  std::shared_ptr<const StepGradient> gradient(const Mask& needed, const Mask& given) const;
  /// The same program that also gives, among `each`, what its gradient by these inputs reads. One object for
  /// one program and mask, as long as the program is remembered.
  std::shared_ptr<const ScanBody> body(const Mask& needed) const;

 private:
  struct GradientEntry {
    Mask needed;
    Mask given;
    std::shared_ptr<const StepGradient> gradient;
  };

  void remember() const;
  void forget() const;
  std::shared_ptr<const StepGradient> known_gradient(const Mask& needed, const Mask& given) const;
  std::shared_ptr<const ScanBody> known_body(const Mask& needed) const;

  StepProgram program_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<ScanPlan> plan_;
  // These may lead back to this program: that of a gradient's gradient is often the program itself. So they
  // are held only while the program is remembered, and nothing holds itself for ever.
  mutable bool remembered_ = false;
  mutable std::vector<GradientEntry> gradients_;
  mutable std::vector<std::shared_ptr<const ScanBody>> bodies_;
};

}  // namespace unspool::internal
