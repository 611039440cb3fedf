#include "format.h"
#include "models.h"
#include "zip_changes.h"

namespace unspool::fuzz {

bool read_keras(std::string_view bytes) { return read_model(".keras", bytes); }

std::string change_keras(Mutator& mutator, const std::string& bytes, std::size_t most) {
  return change_zip(mutator, bytes, most, [&](const std::string& name, const std::string& member) {
    if (name == "config.json") return mutator.json(member, most);
    if (!mutator.one_in(4)) return member;
    return name.ends_with(".json") ? mutator.bytes(member, most) : change_hdf5(mutator, member, most);
  });
}

}  // namespace unspool::fuzz
