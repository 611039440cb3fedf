#include <unspool/core/internal/named_list_members.h>
#include <unspool/models/compile_options.h>

namespace unspool {

template class NamedList<double>;
template class NamedList<Loss>;
template class NamedList<Metrics>;

}  // namespace unspool
