#include <unspool/core/internal/config_text.h>
#include <unspool/core/named_handle.h>

namespace unspool {

NamedObject::~NamedObject() = default;

namespace internal {

HandleBase::~HandleBase() = default;
HandleBase::HandleBase(const HandleBase& other) = default;
HandleBase::HandleBase(HandleBase&& other) noexcept = default;
HandleBase& HandleBase::operator=(const HandleBase& other) = default;
HandleBase& HandleBase::operator=(HandleBase&& other) noexcept = default;
HandleBase::HandleBase(std::shared_ptr<NamedObject> object) : object_(std::move(object)) {}

std::string HandleBase::class_name() const { return object_ ? object_->class_name() : std::string(); }

bool HandleBase::equals(const HandleBase& other) const {
  if (object_ == other.object_) return true;
  if (object_ == nullptr || other.object_ == nullptr) return false;
  const std::string name = object_->class_name();
  return !name.empty() && name == other.object_->class_name() &&
         object_->get_config() == other.object_->get_config();
}

std::string HandleBase::text() const {
  if (object_ == nullptr) return "none";
  std::string name = object_->class_name();
  if (name.empty()) return "a function";
  const Config arguments = object_->get_config();
  if (arguments.is_null()) return name;
  std::string text;
  for (const auto& [key, value] : arguments.items()) {
    if (!text.empty()) text += ", ";
    text += key + "=" + text_of(value);
  }
  return name + "(" + text + ")";
}

}  // namespace internal
}  // namespace unspool
