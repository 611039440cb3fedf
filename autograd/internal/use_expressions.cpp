#include <algorithm>
#include <optional>
#include <variant>

#include <unspool/autograd/internal/axes.h>
#include <unspool/autograd/internal/use_expressions.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {
namespace {

using scan_compiler::Program;
using scan_compiler::Use;

/// How many axes an expression has in front of those of its value: sums over the batch keep an axis of
/// size 1. Nothing if its shape is another one.
std::optional<int> extra_axes(Expr a, const Shape& shape) {
  const int extra = a->shape.rank() - shape.rank();
  if (extra < 0 || !(a->shape.sub(extra, a->shape.rank()) == shape)) return std::nullopt;
  return without_leading_ones(a->shape) == without_leading_ones(shape) ? std::optional(extra) : std::nullopt;
}

bool is_matrix(Expr a) { return a->shape.rank() == 2; }
bool is_zero(Expr a) { return a->kind == ExpressionKind::number && a->number == 0; }

/// What each form is in the algebra. Where an operand's expression has another shape than the value, because
/// it is broadcast, and the form depends on the shape, the result is empty.
class FormWriter {
 public:
  FormWriter(Algebra& algebra, const Program& program, const Use& use, const std::vector<Expr>& operands)
      : algebra_(algebra), program_(program), use_(use), operands_(operands) {}

  std::vector<Expr> operator()(std::monostate) const {
    return use_.operation->kernel.view ? one(moved()) : std::vector<Expr>();
  }

  std::vector<Expr> operator()(const form::Product& product) const {
    if (!is_matrix(operands_[0]) || !is_matrix(operands_[1])) return {};
    const Expr a = product.transpose_a ? algebra_.transpose(operands_[0]) : operands_[0];
    const Expr b = product.transpose_b ? algebra_.transpose(operands_[1]) : operands_[1];
    return {algebra_.matmul(a, b)};
  }

  std::vector<Expr> operator()(const form::Columns& columns) const {
    form::Parts parts;
    for (const Index first : columns.first) {
      Shape begin(std::vector<Index>(static_cast<std::size_t>(from().rank())));
      begin.set(1, first);
      parts.begin.push_back(begin);
    }
    return (*this)(parts);
  }

  std::vector<Expr> operator()(const form::Parts& parts) const {
    const std::optional<int> extra = extra_axes(operands_[0], from());
    if (!extra) return {};
    std::vector<Expr> made;
    for (std::size_t i = 0; i < use_.outputs.size(); ++i) {
      const Shape& size = to(i);
      Expr part = operands_[0];
      for (int axis = 0; axis < size.rank(); ++axis) {
        const Index first = parts.begin[i][axis];
        part = algebra_.part(part, axis + *extra, first, first + size[axis]);
      }
      made.push_back(part);
    }
    return made;
  }

  std::vector<Expr> operator()(const form::Placed& placed) const {
    Expr a = operands_[0];
    const std::optional<int> extra = extra_axes(a, from());
    if (!extra) return {};
    for (int axis = 0; axis < from().rank(); ++axis) {
      const Index first = placed.begin[axis];
      Shape before = a->shape;
      Shape behind = a->shape;
      before.set(axis + *extra, first);
      behind.set(axis + *extra, to()[axis] - first - from()[axis]);
      a = algebra_.join({algebra_.number(0, before), a, algebra_.number(0, behind)}, axis + *extra);
    }
    return {a};
  }

  std::vector<Expr> operator()(const form::Concatenation& joined) const {
    int rank = 0;
    for (const Expr operand : operands_) rank = std::max(rank, operand->shape.rank());
    std::vector<Expr> pieces;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      const Shape& shape = program_.spec(use_.inputs[i]).shape;
      Expr piece = operands_[i];
      if (piece->kind == ExpressionKind::number) {
        Shape own = shape;
        while (own.rank() < rank) own.insert(0, 1);
        piece = algebra_.number(piece->number, own);
      }
      if (piece->shape.rank() != rank || !extra_axes(piece, shape)) return {};
      pieces.push_back(piece);
    }
    return {algebra_.join(pieces, joined.axis + rank - from().rank())};
  }

  std::vector<Expr> operator()(form::RowSum) const {
    return is_matrix(operands_[0]) ? one(algebra_.row_sum(operands_[0])) : one(moved());
  }

  std::vector<Expr> operator()(form::Sum) const {
    return {algebra_.function("sum_all", {operands_[0]}, to(), false)};
  }

  std::vector<Expr> operator()(form::Addition) const { return {algebra_.add(operands_[0], operands_[1])}; }

  std::vector<Expr> operator()(form::Transposition) const {
    return operands_[0]->shape == from() ? one(algebra_.transpose(operands_[0])) : std::vector<Expr>();
  }

  std::vector<Expr> operator()(form::Broadcast) const { return {operands_[0]}; }

  /// A condition is 1 or 0.
  std::vector<Expr> operator()(form::Selection) const {
    return is_zero(operands_[2]) ? one(algebra_.multiply(operands_[1], operands_[0])) : std::vector<Expr>();
  }

 private:
  static std::vector<Expr> one(Expr a) { return a == nullptr ? std::vector<Expr>() : std::vector<Expr>{a}; }

  /// The operand, if the output has the same elements.
  Expr moved() const {
    return without_leading_ones(from()) == without_leading_ones(to()) ? operands_[0] : nullptr;
  }

  const Shape& from() const { return program_.spec(use_.inputs[0]).shape; }
  const Shape& to(std::size_t i = 0) const { return program_.spec(use_.outputs[i]).shape; }

  Algebra& algebra_;
  const Program& program_;
  const Use& use_;
  const std::vector<Expr>& operands_;
};

}  // namespace

Form form_of(const Program& program, const Use& use) {
  if (use.operation->form == nullptr) return {};
  Tensors operands;
  for (const scan_compiler::Value input : use.inputs) {
    const Spec& spec = program.spec(input);
    operands.push_back(TensorAccess::abstract(spec.shape, spec.dtype));
  }
  return use.operation->form({*use.operation, operands, use.attributes});
}

std::vector<Expr> expressions_of(Algebra& algebra, const Program& program, const Use& use,
                                 const std::vector<Expr>& operands) {
  if (std::vector<Expr> known =
          std::visit(FormWriter(algebra, program, use, operands), form_of(program, use));
      !known.empty()) {
    return known;
  }
  const Operation& operation = *use.operation;
  if (!operation.formula.empty() && operation.elementwise())
    return {algebra.from_formula(operation.formula, operands, program.spec(use.outputs[0]).shape)};
  std::string name(operation.name);
  if (!use.attributes.empty()) name += "[" + to_string(use.attributes) + "]";
  std::vector<Expr> made;
  for (std::size_t i = 0; i < use.outputs.size(); ++i) {
    made.push_back(algebra.function(i == 0 ? name : fmt::format("{}.{}", name, i), operands,
                                    program.spec(use.outputs[i]).shape, operation.elementwise()));
  }
  return made;
}

}  // namespace unspool::internal
