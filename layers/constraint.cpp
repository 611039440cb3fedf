#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/internal/named_function.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/constraint.h>

namespace unspool {

AxisList::AxisList(Index axis) : axes_{axis} {}
AxisList::AxisList(std::initializer_list<Index> axes) : axes_(axes) {}
AxisList::AxisList(std::vector<Index> axes) : axes_(std::move(axes)) {}

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

namespace {

constexpr double epsilon = 1e-7;

Tensor norms_of(const Tensor& x, const AxisList& axis) { return sqrt(sum(square(x), axis.list(), true)); }

struct MaxNormKind {
  static constexpr auto name = "MaxNorm";
  using Options = MaxNormOptions;
  static Tensor call(const Options& options, const Tensor& x) {
    const Tensor norms = norms_of(x, options.axis);
    return x * (clip(norms, 0, options.max_value) / (norms + epsilon));
  }
};

struct UnitNormKind {
  static constexpr auto name = "UnitNorm";
  using Options = UnitNormOptions;
  static Tensor call(const Options& options, const Tensor& x) {
    return x / (norms_of(x, options.axis) + epsilon);
  }
};

struct MinMaxNormKind {
  static constexpr auto name = "MinMaxNorm";
  using Options = MinMaxNormOptions;
  static Tensor call(const Options& options, const Tensor& x) {
    const Tensor norms = norms_of(x, options.axis);
    const Tensor wanted =
        clip(norms, options.min_value, options.max_value) * options.rate + norms * (1 - options.rate);
    return x * (wanted / (norms + epsilon));
  }
};

struct NonNegKind {
  static constexpr auto name = "NonNeg";
  using Options = internal::NoOptions;
  static Tensor call(const Options&, const Tensor& x) { return maximum(x, 0); }
};

template <class Kind>
using BuiltInConstraint = internal::BuiltInFunction<ConstraintBase, Kind>;

std::vector<Registry<ConstraintBase>::Entry> built_in_constraints() {
  return internal::entries_of<ConstraintBase, BuiltInConstraint, MaxNormKind, UnitNormKind, MinMaxNormKind,
                              NonNegKind>();
}

template <class Kind>
Constraint made_constraint(typename Kind::Options options) {
  return Constraint(make_shared_as<ConstraintBase, BuiltInConstraint<Kind>>(std::move(options)));
}

}  // namespace

template class NamedHandle<Constraint, const ConstraintBase, constraint_registry>;

Constraint::Constraint() : SealedConstraint(Key()) {}
Constraint::Constraint(const Constraint& other) = default;
Constraint::Constraint(Constraint&& other) noexcept = default;
Constraint& Constraint::operator=(const Constraint& other) = default;
Constraint& Constraint::operator=(Constraint&& other) noexcept = default;
Constraint::~Constraint() = default;
Constraint::Constraint(const char* name) : SealedConstraint(Key()), NamedHandle(name) {}
Constraint::Constraint(const std::string& name) : SealedConstraint(Key()), NamedHandle(name) {}
Constraint::Constraint(std::shared_ptr<const ConstraintBase> object)
    : SealedConstraint(Key()), NamedHandle(std::move(object)) {}

Registry<ConstraintBase>& constraint_registry() {
  static Registry<ConstraintBase> registry("constraint", &built_in_constraints, "register_constraint",
                                           "keras.constraints");
  return registry;
}

std::string ConstraintBase::class_name() const { return constraint_registry().name_of(*this); }

std::shared_ptr<const ConstraintBase> Constraint::of_function(ConstraintBase::Function function) {
  return make_shared_as<ConstraintBase, internal::UserFunction<ConstraintBase>>("", std::move(function));
}

Tensor Constraint::operator()(const Tensor& x) const { return object().call(x); }

void register_constraint(const std::string& name, const ConstraintBase::Function& function) {
  internal::add_function<internal::UserFunction<ConstraintBase>>(constraint_registry(), name, function);
}

Constraint internal::make_max_norm(const MaxNormOptions& options) {
  return made_constraint<MaxNormKind>(options);
}
Constraint internal::make_unit_norm(const UnitNormOptions& options) {
  return made_constraint<UnitNormKind>(options);
}
Constraint internal::make_min_max_norm(const MinMaxNormOptions& options) {
  return made_constraint<MinMaxNormKind>(options);
}
Constraint internal::make_non_neg(const NoOptions&) { return made_constraint<NonNegKind>({}); }

}  // namespace unspool
