#include <cmath>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/named_function.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/regularizer.h>

namespace unspool {

const Fields& L1Options::fields() {
  using O = L1Options;
  static const Fields all = fields_of<O>(field("l1", &O::l1, "the factor"));
  return all;
}

const Fields& L2Options::fields() {
  using O = L2Options;
  static const Fields all = fields_of<O>(field("l2", &O::l2, "the factor"));
  return all;
}

const Fields& L1L2Options::fields() {
  using O = L1L2Options;
  static const Fields all = fields_of<O>(field("l1", &O::l1, "the factor of sum(|x|)"),
                                         field("l2", &O::l2, "the factor of sum(x^2)"));
  return all;
}

const Fields& OrthogonalRegularizerOptions::fields() {
  using O = OrthogonalRegularizerOptions;
  static const Fields all = fields_of<O>(field("factor", &O::factor, "the factor"),
                                         field("mode", &O::mode, "\"rows\" or \"columns\""));
  return all;
}

namespace {

void check_factor(std::string_view regularizer, std::string_view argument, double factor) {
  if (!std::isfinite(factor) || factor < 0) {
    throw ValueError(
        fmt::format("{}: {}: expected a finite number >= 0, got {}", regularizer, argument, factor));
  }
}

double rounded(double factor) { return static_cast<double>(static_cast<float>(factor)); }

struct L1Kind {
  static constexpr auto name = "L1";
  using Options = L1Options;
  static void check(const Options& options) { check_factor(name, "l1", options.l1); }
  static Tensor call(const Options& options, const Tensor& x) { return sum(abs(x)) * rounded(options.l1); }
};

struct L2Kind {
  static constexpr auto name = "L2";
  using Options = L2Options;
  static void check(const Options& options) { check_factor(name, "l2", options.l2); }
  static Tensor call(const Options& options, const Tensor& x) { return sum(square(x)) * rounded(options.l2); }
};

struct L1L2Kind {
  static constexpr auto name = "L1L2";
  using Options = L1L2Options;
  static void check(const Options& options) {
    check_factor(name, "l1", options.l1);
    check_factor(name, "l2", options.l2);
  }
  static Tensor call(const Options& options, const Tensor& x) {
    if (options.l1 == 0 && options.l2 == 0) return Tensor::scalar(0, x.dtype());
    // A factor of 0 makes no 0 * inf.
    if (options.l1 == 0) return L2Kind::call({options.l2}, x);
    if (options.l2 == 0) return L1Kind::call({options.l1}, x);
    return L1Kind::call({options.l1}, x) + L2Kind::call({options.l2}, x);
  }
};

struct OrthogonalRegularizerKind {
  static constexpr auto name = "OrthogonalRegularizer";
  using Options = OrthogonalRegularizerOptions;
  static void check(const Options& options) {
    check_factor(name, "factor", options.factor);
    if (options.mode != "rows" && options.mode != "columns") {
      throw ValueError("OrthogonalRegularizer: mode: expected \"rows\" or \"columns\", got " +
                       in_quotes(options.mode));
    }
  }
  static Tensor call(const Options& options, const Tensor& x) {
    if (x.rank() != 2) throw ValueError("OrthogonalRegularizer: expected a matrix, got " + describe(x));
    const bool rows = options.mode == "rows";
    const Index count = x.shape()[rows ? 0 : 1];
    const Tensor unit = x * rsqrt(maximum(sum(square(x), {rows ? 1 : 0}, true), 1e-12));
    const Tensor cosines = matmul(unit, unit, !rows, rows);
    const Tensor others = abs(cosines * (1 - Tensor::eye(count, count, x.dtype())));
    const double pairs = static_cast<double>(count) * (static_cast<double>(count) - 1) / 2;
    return sum(others) * (rounded(options.factor) * 0.5 / pairs);
  }
};

template <class Kind>
using BuiltInRegularizer = internal::BuiltInFunction<RegularizerBase, Kind>;

std::vector<Registry<RegularizerBase>::Entry> built_in_regularizers() {
  return internal::entries_of<RegularizerBase, BuiltInRegularizer, L1Kind, L2Kind, L1L2Kind,
                              OrthogonalRegularizerKind>();
}

template <class Kind>
Regularizer made_regularizer(typename Kind::Options options) {
  return Regularizer(make_shared_as<RegularizerBase, BuiltInRegularizer<Kind>>(std::move(options)));
}

}  // namespace

template class NamedHandle<Regularizer, const RegularizerBase, regularizer_registry>;

Regularizer::Regularizer() : SealedRegularizer(Key()) {}
Regularizer::Regularizer(const Regularizer& other) = default;
Regularizer::Regularizer(Regularizer&& other) noexcept = default;
Regularizer& Regularizer::operator=(const Regularizer& other) = default;
Regularizer& Regularizer::operator=(Regularizer&& other) noexcept = default;
Regularizer::~Regularizer() = default;
Regularizer::Regularizer(const char* name) : SealedRegularizer(Key()), NamedHandle(name) {}
Regularizer::Regularizer(const std::string& name) : SealedRegularizer(Key()), NamedHandle(name) {}
Regularizer::Regularizer(std::shared_ptr<const RegularizerBase> object)
    : SealedRegularizer(Key()), NamedHandle(std::move(object)) {}

Registry<RegularizerBase>& regularizer_registry() {
  static Registry<RegularizerBase> registry("regularizer", &built_in_regularizers, "register_regularizer",
                                            "keras.regularizers");
  return registry;
}

std::string RegularizerBase::class_name() const { return regularizer_registry().name_of(*this); }

std::shared_ptr<const RegularizerBase> Regularizer::of_function(RegularizerBase::Function function) {
  return make_shared_as<RegularizerBase, internal::UserFunction<RegularizerBase>>("", std::move(function));
}

Tensor Regularizer::operator()(const Tensor& x) const { return object().call(x); }

void register_regularizer(const std::string& name, const RegularizerBase::Function& function) {
  internal::add_function<internal::UserFunction<RegularizerBase>>(regularizer_registry(), name, function);
}

Regularizer internal::make_l1(const L1Options& options) { return made_regularizer<L1Kind>(options); }
Regularizer internal::make_l2(const L2Options& options) { return made_regularizer<L2Kind>(options); }
Regularizer internal::make_l1l2(const L1L2Options& options) { return made_regularizer<L1L2Kind>(options); }
Regularizer internal::make_orthogonal_regularizer(const OrthogonalRegularizerOptions& options) {
  return made_regularizer<OrthogonalRegularizerKind>(options);
}

}  // namespace unspool
