#include <ostream>
#include <string>

#include <unspool/core/dtype.h>
#include <unspool/core/error.h>

namespace unspool {

std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::float64:
      return "float64";
    case DType::int32:
      return "int32";
    case DType::int64:
      return "int64";
    case DType::boolean:
      return "bool";
  }
  return "?";
}

std::ostream& operator<<(std::ostream& stream, DType dtype) { return stream << name_of(dtype); }

DType dtype_of(std::string_view name) {
  for (DType dtype : {float32, float64, int32, int64, boolean}) {
    if (name == name_of(dtype)) return dtype;
  }
  throw TypeError("expected the dtype float32, float64, int32, int64 or bool, got \"" + std::string(name) +
                  '"');
}

void detail::fail_not_floating(DType dtype) {
  throw TypeError("expected the dtype float32 or float64, got " + std::string(name_of(dtype)));
}

}  // namespace unspool
