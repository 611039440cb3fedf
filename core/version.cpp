#include <unspool/core/version.h>

namespace unspool {

#define UNSPOOL_TEXT_OF(number) #number
#define UNSPOOL_TEXT(number) UNSPOOL_TEXT_OF(number)

std::string_view version() {
  return UNSPOOL_TEXT(UNSPOOL_VERSION_MAJOR) "." UNSPOOL_TEXT(UNSPOOL_VERSION_MINOR) "." UNSPOOL_TEXT(
      UNSPOOL_VERSION_PATCH);
}

}  // namespace unspool
