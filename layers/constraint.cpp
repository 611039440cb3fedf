#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/layers/constraint.h>
#include <unspool/layers/internal/named_function.h>

namespace unspool {

Config ConfigValue<AxisList>::to(const AxisList& axes) {
  return axes.list().size() == 1 ? Config(axes.list()[0]) : to_config(axes.list());
}
AxisList ConfigValue<AxisList>::from(const Config& config) {
  return config.is_list() ? AxisList(config.as<std::vector<Index>>()) : AxisList(config.as<Index>());
}

const Fields& MaxNormOptions::fields() {
  using O = MaxNormOptions;
  static const Fields all = fields_of<O>(field("max_value", &O::max_value, "the largest norm"),
                                         field("axis", &O::axis, "over which norms are taken"));
  return all;
}

const Fields& UnitNormOptions::fields() {
  using O = UnitNormOptions;
  static const Fields all = fields_of<O>(field("axis", &O::axis, "over which norms are taken"));
  return all;
}

const Fields& MinMaxNormOptions::fields() {
  using O = MinMaxNormOptions;
  static const Fields all = fields_of<O>(field("min_value", &O::min_value, "the smallest norm"),
                                         field("max_value", &O::max_value, "the largest norm"),
                                         field("rate", &O::rate, "how much of the way to go at each step"),
                                         field("axis", &O::axis, "over which norms are taken"));
  return all;
}

struct Constraint::Implementation : internal::NamedFunction<const Tensor&> {};

namespace {

using ConstraintFunctions = internal::NamedFunctions<Constraint::Implementation, const Tensor&>;

constexpr double epsilon = 1e-7;

Tensor norms_of(const Tensor& x, const AxisList& axis) { return sqrt(sum(square(x), axis.list(), true)); }

struct MaxNormKind {
  static constexpr std::string_view name = "MaxNorm";
  using Options = MaxNormOptions;
  static void check(const Options&) {}
  static Tensor call(const Options& options, const Tensor& x) {
    const Tensor norms = norms_of(x, options.axis);
    return x * (clip(norms, 0, options.max_value) / (norms + epsilon));
  }
};

struct UnitNormKind {
  static constexpr std::string_view name = "UnitNorm";
  using Options = UnitNormOptions;
  static void check(const Options&) {}
  static Tensor call(const Options& options, const Tensor& x) {
    return x / (norms_of(x, options.axis) + epsilon);
  }
};

struct MinMaxNormKind {
  static constexpr std::string_view name = "MinMaxNorm";
  using Options = MinMaxNormOptions;
  static void check(const Options&) {}
  static Tensor call(const Options& options, const Tensor& x) {
    const Tensor norms = norms_of(x, options.axis);
    const Tensor wanted =
        clip(norms, options.min_value, options.max_value) * options.rate + norms * (1 - options.rate);
    return x * (wanted / (norms + epsilon));
  }
};

struct NonNegKind {
  static constexpr std::string_view name = "NonNeg";
  using Options = internal::NoOptions;
  static void check(const Options&) {}
  static Tensor call(const Options&, const Tensor& x) { return maximum(x, 0); }
};

ConstraintFunctions& constraint_functions() {
  static ConstraintFunctions all(
      "constraint", {ConstraintFunctions::entry<MaxNormKind>(), ConstraintFunctions::entry<UnitNormKind>(),
                     ConstraintFunctions::entry<MinMaxNormKind>(), ConstraintFunctions::entry<NonNegKind>()});
  return all;
}

template <class Kind>
Constraint made_constraint(typename Kind::Options options) {
  return Constraint(std::make_shared<internal::KindFunction<Constraint::Implementation, Kind, const Tensor&>>(
      std::move(options)));
}

}  // namespace

Constraint::~Constraint() = default;
Constraint::Constraint(const Constraint& other) = default;
Constraint::Constraint(Constraint&& other) noexcept = default;
Constraint& Constraint::operator=(const Constraint& other) = default;
Constraint& Constraint::operator=(Constraint&& other) noexcept = default;
Constraint::Constraint(const char* name) : Constraint(std::string(name)) {}
Constraint::Constraint(const std::string& name) : implementation_(constraint_functions().by_name(name)) {}

Constraint::Constraint(std::function<Tensor(const Tensor&)> function)
    : implementation_(
          std::make_shared<internal::UserFunction<Implementation, const Tensor&>>("", std::move(function))) {}

Tensor Constraint::operator()(const Tensor& x) const {
  if (implementation_ == nullptr) throw ValueError("this Constraint is empty: it was made without a name");
  return (*implementation_)(x);
}

std::string Constraint::class_name() const { return implementation_ ? implementation_->class_name() : ""; }
Config Constraint::config() const { return constraint_functions().serialize(implementation_); }
Constraint Constraint::from_config(const Config& config) {
  return Constraint(constraint_functions().deserialize(config));
}

bool operator==(const Constraint& a, const Constraint& b) {
  return internal::same_function(a.implementation_, b.implementation_);
}

void register_constraint(const std::string& name, std::function<Tensor(const Tensor&)> function) {
  constraint_functions().add(name, std::move(function));
}

Constraint MaxNorm(MaxNormOptions options) { return made_constraint<MaxNormKind>(std::move(options)); }
Constraint UnitNorm(UnitNormOptions options) { return made_constraint<UnitNormKind>(std::move(options)); }
Constraint MinMaxNorm(MinMaxNormOptions options) {
  return made_constraint<MinMaxNormKind>(std::move(options));
}
Constraint NonNeg() { return made_constraint<NonNegKind>({}); }

}  // namespace unspool
