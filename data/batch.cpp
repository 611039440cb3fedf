#include <unspool/data/batch.h>

namespace unspool {

template class NamedList<Tensor>;

}  // namespace unspool
