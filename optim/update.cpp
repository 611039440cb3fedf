#include <vector>

#include <unspool/core/kernels/machine.h>
#include <unspool/optim/update.h>

namespace unspool {

Index update_task_elements() { return machine::optimizer_task_elements; }

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

}  // namespace unspool
