#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include <unspool/core/class_name.h>
#include <unspool/core/error.h>
#include <unspool/core/registry.h>

namespace unspool::internal {

struct NameTable::State {
  std::string kind;
  std::vector<NameEntry> (*built_in)();
  std::string how_to_add;
  std::string module;

  std::once_flag loaded;
  mutable std::shared_mutex mutex;
  std::vector<NameEntry> entries;
  /// How many of the entries, the first, are built-in ones.
  std::size_t built_in_count = 0;

  void load() {
    std::call_once(loaded, [this] {
      if (built_in != nullptr) entries = built_in();
      built_in_count = entries.size();
      for (NameEntry& entry : entries) {
        if (entry.module.empty()) entry.module = module;
      }
    });
  }

  const NameEntry* find(std::string_view name) const {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const NameEntry& e) { return e.name == name; });
    return found == entries.end() ? nullptr : &*found;
  }

  std::string advice() const {
    return how_to_add.empty() ? std::string() : "; a class of your own is made known by " + how_to_add;
  }
};

void refuse_other(const Config& made, const Config& read) {
  if (read.is_null() || read.empty() || read == made) return;
  throw ValueError("expected the arguments " + to_json(made) +
                   " of an object that is made without any, got " + to_json(read) +
                   "; give the class a static from_config(const Config&) that makes it from them");
}

NameTable::NameTable(std::string kind, std::vector<NameEntry> (*built_in)(), std::string how_to_add,
                     std::string module)
    : state_(std::make_shared<State>()) {
  state_->kind = std::move(kind);
  state_->built_in = built_in;
  state_->how_to_add = std::move(how_to_add);
  state_->module = std::move(module);
}
NameTable::~NameTable() = default;

const std::string& NameTable::kind() const { return state_->kind; }

void NameTable::add(NameEntry entry) {
  state_->load();
  if (entry.name.empty()) throw ValueError("expected a name for a class of " + kind() + ", got \"\"");
  const std::unique_lock lock(state_->mutex);
  std::vector<NameEntry>& entries = state_->entries;
  const NameEntry* known = state_->find(entry.name);
  if (known == nullptr) {
    entries.push_back(std::move(entry));
    return;
  }
  const auto place = static_cast<std::size_t>(known - entries.data());
  if (place < state_->built_in_count) {
    throw ValueError("the name " + in_quotes(entry.name) + " belongs to a built-in class of " + kind());
  }
  if (known->type != entry.type) {
    throw ValueError("the name " + in_quotes(entry.name) + " belongs to another class of " + kind());
  }
  entries[place] = std::move(entry);
}

std::shared_ptr<void> NameTable::create(std::string_view name, const Config& config) const {
  state_->load();
  // Called without the lock: an object may be made of others.
  Callable<std::shared_ptr<void>(const Config&)> factory;
  {
    const std::shared_lock lock(state_->mutex);
    if (const NameEntry* found = state_->find(name)) factory = found->factory;
  }
  if (!factory) throw KeyError(unknown(name, config, {}));
  return factory(config);
}

bool NameTable::contains(std::string_view name) const {
  state_->load();
  const std::shared_lock lock(state_->mutex);
  return state_->find(name) != nullptr;
}

std::optional<std::string> NameTable::name_of(std::type_index type) const {
  state_->load();
  const std::shared_lock lock(state_->mutex);
  for (const NameEntry& entry : state_->entries) {
    if (entry.type == type) return entry.name;
  }
  return std::nullopt;
}

std::string NameTable::name_of(const std::type_info& type) const {
  if (std::optional<std::string> name = name_of(std::type_index(type))) return *std::move(name);
  throw KeyError("the class " + class_name_of(type) + " of " + kind() + " has no name" + state_->advice());
}

std::vector<std::string> NameTable::names() const {
  state_->load();
  const std::shared_lock lock(state_->mutex);
  std::vector<std::string> names;
  for (const NameEntry& entry : state_->entries) names.push_back(entry.name);
  return names;
}

std::string NameTable::unknown(std::string_view name, const Config& config,
                               const std::vector<std::string>& also_known) const {
  std::vector<std::string> known = names();
  known.insert(known.end(), also_known.begin(), also_known.end());
  // Of two names equally near, the one in small letters is what is written by hand.
  std::stable_partition(known.begin(), known.end(), [](const std::string& one) {
    return std::none_of(one.begin(), one.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  });
  return config.path() + ": no " + kind() + " is called " + in_quotes(name) + did_you_mean(name, known) +
         state_->advice();
}

Config NameTable::serialize(const std::string& name, const Config& arguments) const {
  if (name.empty()) {
    throw ValueError("this " + kind() +
                     " is a function without a name, which a config cannot hold: make it known by " +
                     state_->how_to_add + " and use it by its name");
  }
  if (state_->module.empty()) return Config::map({{"class_name", name}, {"config", arguments}});
  state_->load();
  std::string module;
  {
    const std::shared_lock lock(state_->mutex);
    if (const NameEntry* found = state_->find(name)) module = found->module;
  }
  // Keras leaves the registered name out for the classes that it exports.
  const bool exported = !module.empty() && !module.starts_with("keras.src.");
  return Config::map({{"module", module.empty() ? Config() : Config(module)},
                      {"class_name", name.substr(name.find('>') + 1)},
                      {"config", arguments},
                      {"registered_name", exported ? Config() : Config(name)}});
}

std::pair<std::string, Config> NameTable::parse(const Config& config) const {
  // Errors about arguments that are not written say where the name stood.
  const Config none = Config::map().named(config.path());
  if (config.is_string()) return {config.as<std::string>(), none};
  if (!config.is_map()) {
    config.fail("the name of a known " + kind() + ", or null, or a map with \"class_name\"");
  }
  const std::optional<Config> arguments = config.find("config");
  // Keras' form of a function: its name stands in place of the arguments.
  if (arguments && arguments->is_string()) return {arguments->as<std::string>(), none};
  std::string name = config["class_name"].as<std::string>();
  const std::optional<Config> registered = config.find("registered_name");
  if (registered && registered->is_string()) {
    std::string own = registered->as<std::string>();
    if (contains(own) || !contains(name)) name = std::move(own);
  }
  return {std::move(name), arguments && !arguments->is_null() ? *arguments : none};
}

}  // namespace unspool::internal
