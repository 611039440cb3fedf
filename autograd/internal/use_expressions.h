#pragma once

#include <vector>

#include <unspool/autograd/internal/expression.h>
#include <unspool/autograd/scan/program.h>

namespace unspool::internal {

/// What a use of an operation is, beside a kernel.
Form form_of(const scan_compiler::Program& program, const scan_compiler::Use& use);

/// The outputs of a use as expressions of its operands: by its form, by the formula of its record, or else as
/// a function with the name of the operation.
std::vector<Expr> expressions_of(Algebra& algebra, const scan_compiler::Program& program,
                                 const scan_compiler::Use& use, const std::vector<Expr>& operands);

}  // namespace unspool::internal
