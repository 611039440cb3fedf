#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/internal/config_text.h>

namespace unspool {
namespace {

const void* at(const void* options, std::size_t offset) {
  return static_cast<const std::byte*>(options) + offset;
}
void* at(void* options, std::size_t offset) { return static_cast<std::byte*>(options) + offset; }

void check_keys(const Config& config, const std::vector<std::string>& known,
                const std::vector<std::string>& also_allowed) {
  const auto in = [](const std::vector<std::string>& names, const std::string& key) {
    return std::find(names.begin(), names.end(), key) != names.end();
  };
  for (const std::string& key : config.keys()) {
    if (!in(known, key) && !in(also_allowed, key)) {
      throw ValueError(config.path() + ": unknown key " + in_quotes(key) + did_you_mean(key, known));
    }
  }
}

}  // namespace

void detail::fail_integer_range(IntegerRange range, const std::string& got) {
  throw ValueError("expected an integer " + to_string(range) + ", got " + got);
}

std::string Fields::Type::name() const {
  return run(Task::name, nullptr, nullptr, nullptr).as<std::string>();
}

Config Fields::Type::to_config(const void* value) const {
  return run(Task::to_config, value, nullptr, nullptr);
}

void Fields::Type::from_config(const Config& config, void* value) const {
  run(Task::from_config, nullptr, value, &config);
}

bool Fields::Type::equal(const void* a, const void* b) const {
  return run(Task::equal, a, const_cast<void*>(b), nullptr).as<bool>();
}

void Fields::Type::copy(const void* from, void* to) const { run(Task::copy, from, to, nullptr); }

Fields::Fields(std::vector<One> all) : all_(std::move(all)) {}

std::vector<std::string> Fields::names() const {
  std::vector<std::string> names;
  names.reserve(all_.size());
  for (const One& field : all_) names.emplace_back(field.name);
  return names;
}

bool Fields::writes(std::string_view name) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const One& field) { return field.name == name && field.written != Written::never; });
}

Config Fields::to_config(const void* options, const void* defaults) const {
  std::vector<Config::Entry> entries;
  entries.reserve(all_.size());
  for (const One& field : all_) {
    const void* value = at(options, field.offset);
    if (field.written == Written::never) continue;
    if (field.written == Written::unless_default && field.type->equal(value, at(defaults, field.offset))) {
      continue;
    }
    entries.emplace_back(field.name, field.type->to_config(value));
  }
  return Config::map(std::move(entries));
}

void Fields::from_config(const Config& config, void* options,
                         const std::vector<std::string>& also_allowed) const {
  check_keys(config, names(), also_allowed);
  for (const One& field : all_) {
    if (const std::optional<Config> value = config.find(field.name)) {
      field.type->from_config(*value, at(options, field.offset));
    } else if (field.type->required) {
      throw ValueError(config.path() + ": expected the required key " + in_quotes(field.name) + ", got none");
    }
  }
}

bool Fields::equal(const void* a, const void* b) const {
  return std::all_of(all_.begin(), all_.end(), [&](const One& field) {
    return field.type->equal(at(a, field.offset), at(b, field.offset));
  });
}

std::string Fields::describe(const void* options) const {
  std::string text;
  for (const One& field : all_) {
    if (!text.empty()) text += ", ";
    text +=
        std::string(field.name) + "=" + internal::text_of(field.type->to_config(at(options, field.offset)));
  }
  return text;
}

std::vector<FieldInfo> Fields::table(const void* defaults) const {
  std::vector<FieldInfo> table;
  for (const One& field : all_) {
    FieldInfo info{.name = std::string(field.name),
                   .type = field.type->name(),
                   .required = field.type->required,
                   .what = std::string(field.what)};
    if (!info.required) info.fallback = field.type->to_config(at(defaults, field.offset));
    table.push_back(std::move(info));
  }
  return table;
}

void Fields::copy(const Fields& fields_of_from, const void* from, void* to) const {
  for (const One& field : all_) {
    const auto same = std::find_if(fields_of_from.all_.begin(), fields_of_from.all_.end(),
                                   [&](const One& other) { return other.name == field.name; });
    if (same == fields_of_from.all_.end()) continue;
    const void* value = at(from, same->offset);
    if (same->type == field.type) {
      field.type->copy(value, at(to, field.offset));
    } else {
      field.type->from_config(same->type->to_config(value), at(to, field.offset));
    }
  }
}

}  // namespace unspool
