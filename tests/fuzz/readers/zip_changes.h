#pragma once

#include <functional>
#include <string>

#include "mutator.h"

namespace unspool::fuzz {

/// Changes the bytes of a member of this name.
using ChangeMember = std::function<std::string(const std::string& name, const std::string& bytes)>;

/// A zip archive with some other members, or with other bytes and checksums that fit them.
std::string change_zip(Mutator& mutator, const std::string& bytes, std::size_t most,
                       const ChangeMember& change);

}  // namespace unspool::fuzz
