#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/small_vector.h>
#include <unspool/core/threads.h>
#include <unspool/optim/update.h>

namespace unspool {

double sum_of_squares(const Tensor& tensor) {
  constexpr Index piece = machine::sum_of_squares_elements;
  const Index size = tensor.size();
  std::vector<double> parts(static_cast<std::size_t>((size + piece - 1) / piece));
  visit_floating(tensor.dtype(), [&]<class T>(T) {
    const T* const x = tensor.data<T>().data();
    parallel_for(size, piece, [&](Index begin, Index end) {
      double part = 0;
      for (Index i = begin; i < end; ++i) part += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      parts[static_cast<std::size_t>(begin / piece)] = part;
    });
  });
  double sum = 0;
  for (double part : parts) sum += part;
  return sum;
}

void internal::update_by_loop(UpdateLoop loop, const void* rule, DType dtype, const Tensor& gradient,
                              std::span<const Variable* const> variables) {
  const auto elements = [&](const Tensor& tensor) {
    if (tensor.dtype() != dtype) {
      throw TypeError(fmt::format("update_elements: expected a gradient and variables of {}, got {}",
                                  name_of(dtype), describe(tensor)));
    }
    return tensor.raw();
  };
  SmallVector<Tensor, 4> old;
  SmallVector<Tensor, 4> made;
  SmallVector<const void*, 4> from;
  SmallVector<void*, 4> to;
  for (const Variable* const variable : variables) {
    old.push_back(variable->value());
    from.push_back(elements(old.back()));
    made.push_back(TensorAccess::allocate(variable->shape(), dtype));
    to.push_back(TensorAccess::data(made.back()));
  }
  const UpdateElements all{elements(gradient), from.data(), to.data()};
  parallel_for(gradient.size(), machine::optimizer_task_elements,
               [&](Index begin, Index end) { loop(rule, all, begin, end); });
  for (std::size_t k = 0; k < made.size(); ++k) variables[k]->assign(made[k]);
}

}  // namespace unspool
