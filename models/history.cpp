#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/models/history.h>

namespace unspool {

void detail::fail_no_value(std::string_view name, const std::vector<std::string>& known) {
  throw KeyError("no value is called " + in_quotes(name) + did_you_mean(name, known));
}

const std::vector<double>& History::operator[](std::string_view name) const { return history[name]; }

}  // namespace unspool
