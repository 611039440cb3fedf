#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <unspool/autograd/operation.h>

namespace unspool {

namespace internal {

void run_broadcast(BlockFunction block, const KernelCall& call);

/// Calls row(inputs, output) for each row of a block.
template <std::size_t operands, class Row>
void each_row(const KernelBlock& block, Row row) {
  const void* inputs[operands];
  for (std::size_t i = 0; i < operands; ++i) inputs[i] = block.inputs[i];
  void* output = block.output;
  for (Index r = 0;;) {
    row(inputs, output);
    if (++r == block.rows) return;
    for (std::size_t i = 0; i < operands; ++i) {
      inputs[i] = static_cast<const std::byte*>(inputs[i]) + block.row_bytes[i];
    }
    output = static_cast<std::byte*>(output) + block.row_bytes[operands];
  }
}

template <class F, class T, class Out>
void unary_block(const KernelBlock& block) {
  each_row<1>(block, [&](const void* const* inputs, void* output) {
    const T* x = static_cast<const T*>(inputs[0]);
    Out* y = static_cast<Out*>(output);
    for (Index i = 0; i < block.count; ++i) y[i] = static_cast<Out>(F{}(x[i]));
  });
}

template <class F, class T, class Out>
void binary_block(const KernelBlock& block) {
  each_row<2>(block, [&](const void* const* inputs, void* output) {
    const T* a = static_cast<const T*>(inputs[0]);
    const T* b = static_cast<const T*>(inputs[1]);
    Out* y = static_cast<Out*>(output);
    // One loop for each combination of steps, so that the compiler vectorizes all of them.
    if (block.steps[0] == 1 && block.steps[1] == 1) {
      for (Index i = 0; i < block.count; ++i) y[i] = static_cast<Out>(F{}(a[i], b[i]));
    } else if (block.steps[0] == 1) {
      for (Index i = 0; i < block.count; ++i) y[i] = static_cast<Out>(F{}(a[i], *b));
    } else if (block.steps[1] == 1) {
      for (Index i = 0; i < block.count; ++i) y[i] = static_cast<Out>(F{}(*a, b[i]));
    } else {
      for (Index i = 0; i < block.count; ++i) y[i] = static_cast<Out>(F{}(*a, *b));
    }
  });
}

template <class F, class A, class T, class Out>
void ternary_block(const KernelBlock& block) {
  each_row<3>(block, [&](const void* const* inputs, void* output) {
    const A* a = static_cast<const A*>(inputs[0]);
    const T* b = static_cast<const T*>(inputs[1]);
    const T* c = static_cast<const T*>(inputs[2]);
    Out* y = static_cast<Out*>(output);
    const Index sa = block.steps[0];
    const Index sb = block.steps[1];
    const Index sc = block.steps[2];
    if (sa == 1 && sb == 1 && sc == 1) {
      for (Index i = 0; i < block.count; ++i) y[i] = static_cast<Out>(F{}(a[i], b[i], c[i]));
    } else {
      for (Index i = 0; i < block.count; ++i) y[i] = static_cast<Out>(F{}(a[i * sa], b[i * sb], c[i * sc]));
    }
  });
}

/// The operands that a function takes: numbers, numbers or bools, or a bool and two elements.
enum class Takes : std::uint8_t { numbers, numbers_and_bool, choice };

/// Computes a block by calling the function, for all dtypes that the function takes; float32 only if
/// `floats`. Other dtypes do not get here: the shape rule throws TypeError.
template <class F, Takes takes, bool floats>
[[gnu::noinline]] void plain_block(const KernelBlock& block) {
  visit_dtype(block.input_dtype, [&]<class T>(T) {
    if constexpr (!floats && std::is_same_v<T, float>) {
      return;
    } else if constexpr (takes == Takes::choice) {
      ternary_block<F, bool, T, T>(block);
    } else if constexpr (takes == Takes::numbers && std::is_same_v<T, bool>) {
      return;
    } else if constexpr (std::is_invocable_v<F, T>) {
      unary_block<F, T, std::invoke_result_t<F, T>>(block);
    } else if constexpr (std::is_invocable_v<F, T, T>) {
      binary_block<F, T, std::invoke_result_t<F, T, T>>(block);
    } else if constexpr (std::is_invocable_v<F, T, T, T>) {
      ternary_block<F, T, T, std::invoke_result_t<F, T, T, T>>(block);
    }
  });
}

template <class F, Takes takes, BlockFunction of_floats>
void block_of(const KernelBlock& block) {
  if (of_floats != nullptr && block.input_dtype == float32) return of_floats(block);
  plain_block<F, takes, of_floats == nullptr>(block);
}

template <class F, Takes takes, BlockFunction of_floats>
constexpr Kernel elementwise_kernel() {
  static_assert(std::is_empty_v<F>, "the function of an elementwise operation has no captures");
  return {.run = [](const KernelCall& call) { run_broadcast(&block_of<F, takes, of_floats>, call); },
          .block = &block_of<F, takes, of_floats>,
          .of_floats = of_floats};
}

}  // namespace internal

/// The kernel of an elementwise operation, from a function of one, two or three numbers of the same type:
/// elementwise([](auto a, auto b) { return a * b; }). Constrain its parameters (`std::floating_point auto x`)
/// if it is meant for some dtypes only. A function that returns bool makes an operation of dtype bool.
/// elementwise<block>(function) computes float32 with `block`, which must compute the same as the function.
template <BlockFunction of_floats = nullptr, class F>
constexpr Kernel elementwise(F) {
  return internal::elementwise_kernel<F, internal::Takes::numbers, of_floats>();
}
/// Like elementwise(), from a function that takes bool as well.
template <BlockFunction of_floats = nullptr, class F>
constexpr Kernel elementwise_with_bool(F) {
  return internal::elementwise_kernel<F, internal::Takes::numbers_and_bool, of_floats>();
}
/// Like elementwise(), from a function of a bool and two elements of the same type.
template <BlockFunction of_floats = nullptr, class F>
constexpr Kernel elementwise_choice(F) {
  return internal::elementwise_kernel<F, internal::Takes::choice, of_floats>();
}

}  // namespace unspool
