#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <type_traits>

#include <unspool/core/internal/named_function.h>
#include <unspool/core/named_handle.h>

#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A kind of the test's own: a sound is made of a number.
class SoundBase : public NamedObject {
 public:
  using Function = Callable<std::string(int)>;
  virtual std::string call(int loudness) const = 0;
  std::string class_name() const override;
};
Registry<SoundBase>& sound_registry();

class Sound : public NamedHandle<Sound, const SoundBase, sound_registry> {
 public:
  using NamedHandle::NamedHandle;
  std::string operator()(int loudness) const { return object().call(loudness); }

 private:
  friend NamedHandle;
  static std::shared_ptr<const SoundBase> of_function(SoundBase::Function function) {
    return std::make_shared<internal::UserFunction<SoundBase>>("", std::move(function));
  }
};

struct BarkOptions {
  std::string tone = "low";
  static const Fields& fields() {
    static const Fields all = fields_of<BarkOptions>(field("tone", &BarkOptions::tone));
    return all;
  }
};
struct BarkKind {
  using Options = BarkOptions;
  static constexpr auto name = "LoudBark";
  static constexpr std::string_view aliases[] = {"woof"};
  static void check(Options& options) {
    if (options.tone.empty()) throw ValueError("LoudBark: expected a tone, got \"\"");
    if (options.tone == "deep") options.tone = "low";
  }
  static std::string call(const Options& options, int loudness) {
    return options.tone + std::string(static_cast<std::size_t>(loudness), '!');
  }
};
struct SilenceKind {
  using Options = internal::NoOptions;
  static constexpr auto name = "Silence";
  static std::string call(const Options&, int) { return {}; }
};
template <class Kind>
using BuiltInSound = internal::BuiltInFunction<SoundBase, Kind>;

std::vector<Registry<SoundBase>::Entry> built_in_sounds() {
  return internal::entries_of<SoundBase, BuiltInSound, BarkKind, SilenceKind>();
}

/// A class of a user's.
class Echo : public SoundBase {
 public:
  using Options = BarkOptions;
  explicit Echo(BarkOptions options) : options_(std::move(options)) {}
  std::string call(int loudness) const override { return std::to_string(loudness) + options_.tone; }
  Config get_config() const override { return to_config(options_); }

 private:
  BarkOptions options_;
};
class Unregistered : public Echo {
  using Echo::Echo;
};

std::string SoundBase::class_name() const { return sound_registry().name_of(*this); }
Registry<SoundBase>& sound_registry() {
  static Registry<SoundBase> registry("sound", built_in_sounds, "register_sound", "animal.sounds");
  return registry;
}

const auto whisper = [](int loudness) { return "psst" + std::to_string(loudness); };

Sound bark(BarkOptions options) {
  return Sound(std::make_shared<BuiltInSound<BarkKind>>(std::move(options)));
}

}  // namespace

TEST_CASE("a handle is made from a name, a function, an object or a config") {
  for (const Sound& sound : {Sound("LoudBark"), Sound("loud_bark"), Sound("woof"), bark({}),
                             Sound::from_config("woof"), Sound::from_config(bark({}).config())}) {
    CHECK(sound);
    CHECK(sound(2) == "low!!");
    CHECK(sound.class_name() == "LoudBark");
    CHECK(sound == bark({.tone = "deep"}));
    CHECK_FALSE(sound == bark({.tone = "high"}));
  }
  const Sound by_function = whisper;
  CHECK(by_function(1) == "psst1");
  CHECK(by_function->call(2) == "psst2");
  CHECK(Sound("silence")(3).empty());
  CHECK_FALSE(Sound());
  CHECK_FALSE(Sound::from_config({}));

  static_assert(std::is_convertible_v<const char*, Sound>);
  static_assert(std::is_convertible_v<decltype(whisper), Sound>);
  static_assert(!std::is_convertible_v<std::shared_ptr<Echo>, Sound>);
  static_assert(!std::is_constructible_v<Sound, std::string (*)(std::string)>);
}

TEST_CASE("a handle goes to a config and back, in a struct, too") {
  CHECK(
      to_json(bark({.tone = "high"}).config()) ==
      R"({"module": "animal.sounds", "class_name": "LoudBark", "config": {"tone": "high"}, "registered_name": null})");
  CHECK(Sound().config().is_null());
  for (const Sound& sound : {bark({.tone = "high"}), Sound("silence"), Sound()}) {
    CHECK(from_config<Sound>(from_json(to_json(to_config(sound)))) == sound);
  }
}

TEST_CASE("handles are equal if they hold one object, or objects of one name and equal arguments") {
  CHECK(Sound() == Sound());
  CHECK_FALSE(Sound() == Sound("silence"));
  CHECK_FALSE(Sound("woof") == Sound("silence"));
  // Two functions cannot be compared.
  const Sound by_function = whisper;
  CHECK(by_function == Sound(by_function));
  CHECK_FALSE(by_function == Sound(whisper));
}

TEST_CASE("handles are printed with their arguments") {
  CHECK(to_string(bark({.tone = "high"})) == "LoudBark(tone=\"high\")");
  CHECK(to_string(Sound("silence")) == "Silence()");
  CHECK(to_string(Sound()) == "none");
  CHECK(to_string(Sound(whisper)) == "a function");
}

TEST_CASE("classes and functions of a user's own") {
  const Sound unregistered(std::make_shared<Unregistered>(BarkOptions{}));
  CHECK(message_of<KeyError>([&] { unregistered.config(); }) ==
        "the class Unregistered of sound has no name; a class of your own is made known by register_sound");

  sound_registry().add<Echo>("my>Echo");
  const Sound echo(std::make_shared<Echo>(BarkOptions{.tone = "ooo"}));
  CHECK(echo.class_name() == "my>Echo");
  CHECK(Sound::from_config(from_json(to_json(echo.config())))(3) == "3ooo");
  CHECK(Sound("my>Echo")(3) == "3low");

  CHECK(message_of<ValueError>([&] { Sound(whisper).config(); }) ==
        "this sound is a function without a name, which a config cannot hold: make it known by "
        "register_sound and "
        "use it by its name");
  using Function = internal::UserFunction<SoundBase>;
  internal::add_function<Function>(sound_registry(), "my>whisper", SoundBase::Function(whisper));
  const Sound named = "my>whisper";
  CHECK(to_json(named.config()) ==
        R"({"module": null, "class_name": "whisper", "config": {}, "registered_name": "my>whisper"})");
  CHECK(Sound::from_config(named.config()) == named);
  CHECK(Sound::from_config(named.config())(4) == "psst4");
  CHECK_THROWS_AS(internal::add_function<Function>(sound_registry(), "silence", SoundBase::Function(whisper)),
                  ValueError);
  CHECK_THROWS_AS(internal::add_function<Function>(sound_registry(), "my>none", SoundBase::Function()),
                  ValueError);
  CHECK_FALSE(sound_registry().contains("my>none"));
}

TEST_CASE("errors of handles say what is known, and where a name stood") {
  CHECK(message_of<ValueError>([] { Sound("loud_brak"); }) ==
        "the sound: no sound is called \"loud_brak\": did you mean \"loud_bark\"?; a class of your own is "
        "made known "
        "by register_sound");
  CHECK(contains(
      message_of<ValueError>([] { Sound::from_config(from_json(R"([{"class_name": "Slience"}])")[0]); }),
      "config[0]: no sound is called \"Slience\": did you mean \"Silence\"?"));
  CHECK(contains(message_of<ValueError>([] {
                   Sound::from_config(from_json(R"({"class_name": "LoudBark", "config": {"ton": ""}})"));
                 }),
                 "config.config: unknown key \"ton\": did you mean \"tone\"?"));
  CHECK_THROWS_AS(Sound::from_config(3), TypeError);
  CHECK(message_of<ValueError>([] { bark({.tone = ""}); }) == "LoudBark: expected a tone, got \"\"");
  CHECK(contains(message_of<ValueError>([] { Sound()(1); }), "this sound is empty"));
  CHECK(contains(message_of<ValueError>([] { Sound()->call(1); }), "this sound is empty"));
}
