#include <algorithm>

#include "format.h"

namespace unspool::fuzz {

const std::vector<Format>& formats() {
  static const std::vector<Format> all{{"native", read_native, change_native},
                                       {"keras", read_keras, change_keras},
                                       {"weights_h5", read_weights_h5, change_hdf5},
                                       {"legacy_h5", read_legacy_h5, change_hdf5},
                                       {"safetensors", read_safetensors, change_safetensors},
                                       {"npy", read_npy, change_bytes},
                                       {"npz", read_npz, change_npz},
                                       {"config", read_config, change_config}};
  return all;
}

const Format& format(std::string_view name) {
  const auto found =
      std::find_if(formats().begin(), formats().end(), [&](const Format& one) { return one.name == name; });
  if (found == formats().end()) throw std::out_of_range("no format is called " + std::string(name));
  return *found;
}

}  // namespace unspool::fuzz
