#pragma once

#include <string>

#include <unspool/autograd/scan/gradient.h>
#include <unspool/autograd/scan/phases.h>
#include <unspool/autograd/scan/traced_scan.h>
#include <unspool/unspool.h>

/// Programs that tests of the compiler's passes start from: two rows, four inputs, three units. Steps name
/// what they compute, since C++ does not say which operand of + comes first, and the tests compare programs
/// as text.
namespace unspool::testing {

/// h' = tanh(x W + h U + b), with h' of all steps as output.
inline scan_compiler::SharedProgram::Pointer simple_rnn_program(const ScanOptions& options = {}) {
  const Tensor w = Tensor::ones({4, 3});
  const Tensor u = Tensor::ones({3, 3});
  const Tensor b = Tensor::ones({3});
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    const Tensor of_state = matmul(carry[0], u);
    const Tensor h = tanh(matmul(x[0], w) + b + of_state);
    return ScanStep{.carry = {h}, .outputs = {h}};
  };
  const Tensor x = Tensor::ones(options.time_axis == 0 ? Shape{5, 2, 4} : Shape{2, 5, 4});
  return scan_compiler::trace_scan(step, {Tensor::zeros({2, 3})}, {x}, options).program;
}

/// The simple recurrent unit (Lei et al. 2018): c' = f c + (1 - f) z, y = r tanh(c') + (1 - r) s, where z, f,
/// r and s are the four parts of x W. Its recurrence is elementwise.
inline scan_compiler::SharedProgram::Pointer sru_program() {
  const Tensor w = Tensor::ones({4, 12});
  const auto step = [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
    const auto [z, forget, reset, s] = split<4>(matmul(x[0], w));
    const Tensor f = sigmoid(forget);
    const Tensor r = sigmoid(reset);
    const Tensor fresh = (1 - f) * z;
    const Tensor c = f * carry[0] + fresh;
    const Tensor skipped = (1 - r) * s;
    return ScanStep{.carry = {c}, .outputs = {r * tanh(c) + skipped}};
  };
  return scan_compiler::trace_scan(step, {Tensor::zeros({2, 3})}, {Tensor::ones({5, 2, 4})}, {}).program;
}

/// The program of the gradient with respect to everything floating, given the gradients with respect to the
/// carry and the output. `forward` is the program that also outputs what this one reads.
struct GradientProgram {
  scan_compiler::SharedProgram::Pointer forward;
  scan_compiler::SharedProgram::Pointer backward;
};
inline GradientProgram gradient_program(const scan_compiler::SharedProgram::Pointer& program) {
  const std::vector<bool> needed = [&] {
    std::vector<bool> all(program->program().inputs());
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = !program->program().spec(program->program().input(i)).shape.empty();
    }
    return all;
  }();
  const auto body = program->body(needed);
  std::vector<bool> given(body->shared().program().outputs(), false);
  given[0] = given[1] = true;
  return {body->shared().shared_from_this(), body->shared().gradient(needed, given)->program};
}

}  // namespace unspool::testing
