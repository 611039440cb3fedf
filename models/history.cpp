#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/models/history.h>

namespace unspool::detail {

void fail_no_value(std::string_view name, const std::vector<std::string>& known) {
  throw KeyError("no value is called " + in_quotes(name) + did_you_mean(name, known));
}

}  // namespace unspool::detail
