#include <unspool/autograd/axes.h>

namespace unspool {

Axes::Axes(std::initializer_list<Index> axes) : list_(axes) {}
Axes::Axes(std::vector<Index> axes) : list_(std::move(axes)) {}

}  // namespace unspool
