#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/callback_path.h>

namespace unspool {

std::string internal::callback_path(std::string in_front, const std::string& option, const char* callback) {
  if (option.empty()) return in_front;
  throw ValueError(fmt::format("{}: expected one path, got {} and, among the options, {}", callback,
                               in_quotes(in_front), in_quotes(option)));
}

}  // namespace unspool
