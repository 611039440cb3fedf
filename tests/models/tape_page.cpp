#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <map>
#include <string>
#include <unistd.h>

#include <unspool/autograd/tape_view.h>
#include <unspool/core/config.h>
#include <unspool/serialization/file.h>
#include <unspool/unspool.h>

#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

// The page of a tape, in a browser: Chromium, where it is installed, opens it, and a script of this test
// steps through all of it and reports what it shows.

namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

/// Stands before the page's own script: notes errors, messages and whatever the browser refused to fetch.
constexpr const char* watcher = R"html(<script>
const troubles = [];
addEventListener('error', event => troubles.push(String(event.message)));
addEventListener('securitypolicyviolation', event => troubles.push('request ' + event.blockedURI));
for (const kind of ['error', 'warn']) console[kind] = (...words) => troubles.push(words.join(' '));
</script>
</head>)html";

/// Goes through the page by its keys and controls, and leaves what it saw in an element.
constexpr const char* walker = R"html(<script>
const press = key => document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
const read = box => [...box.querySelectorAll('.tensor')].map(each => ({
  of: each.dataset.of, context: each.dataset.context,
  numbers: [...each.querySelectorAll('td')].map(cell => cell.dataset.number),
  texts: [...each.querySelectorAll('td')].map(cell => cell.textContent)}));
const detail = document.getElementById('detail');
const seen = {records: [], sums: [], cuts: []};
press('Home');
for (let last = null;;) {
  const where = document.getElementById('where').textContent;
  if (where === last) break;
  last = where;
  seen.records.push({where, title: document.getElementById('direction').textContent,
    formulas: [...detail.querySelectorAll('.formula')].map(each => each.textContent), tensors: read(detail)});
  press('ArrowRight');
}
press('ArrowLeft');
seen.back = document.getElementById('where').textContent;
press('Home');
seen.home = document.getElementById('where').textContent;
const cut = document.getElementById('truncation');
for (let c = 0; c <= Number(cut.max); ++c) {
  cut.value = c;
  cut.dispatchEvent(new Event('input'));
  seen.cuts.push(document.getElementById('cut').textContent);
  const sums = [];
  for (const tab of document.querySelectorAll('[role=tab]')) {
    tab.click();
    sums.push({tab: tab.textContent, tensors: read(document.getElementById('sum'))});
  }
  seen.sums.push(sums);
}
seen.cells = document.querySelectorAll('#grid .cell').length;
seen.requests = performance.getEntriesByType('resource').length;
seen.troubles = troubles;
const report = document.createElement('pre');
report.textContent = 'REPORT' + JSON.stringify(seen) + 'END';
document.body.append(report);
</script>
</body>)html";

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string text;
  char buffer[4096];
  for (std::size_t got = 0; (got = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;)
    text.append(buffer, got);
  ::pclose(pipe);
  return text;
}

/// The browser's program; empty if none is installed.
std::string browser() {
  for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
    if (output_of("command -v " + std::string(name) + " 2>/dev/null").empty()) continue;
    return name;
  }
  return {};
}

std::string unescaped(std::string text) {
  for (const auto& [code, character] :
       {std::pair("&lt;", "<"), std::pair("&gt;", ">"), std::pair("&amp;", "&")}) {
    for (std::size_t at = 0; (at = text.find(code, at)) != std::string::npos; ++at) {
      text.replace(at, std::string(code).size(), character);
    }
  }
  return text;
}

/// What the script saw on the page.
Config seen_on(const std::string& page) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("unspool_page_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string file = (folder / "page.html").native();
  write_file_atomically(file, replaced(replaced(page, "</head>", watcher), "</body>", walker));
  const std::string dom =
      output_of(browser() + " --headless --no-sandbox --disable-gpu --user-data-dir=" + folder.native() +
                "/profile --dump-dom file://" + file + " 2>/dev/null");
  std::filesystem::remove_all(folder);
  const std::size_t begin = dom.rfind("<pre>REPORT");
  REQUIRE(begin != std::string::npos);
  const std::size_t start = begin + std::string("<pre>REPORT").size();
  return from_json(unescaped(dom.substr(start, dom.find("END</pre>", start) - start)));
}

/// Whether the page shows exactly these numbers, and each rounded to four digits beside it.
void check_shown(const Config& shown, const Tensor& expected) {
  REQUIRE(static_cast<bool>(expected));
  const std::vector<double> elements = expected.to_vector<double>();
  REQUIRE(shown["numbers"].elements().size() == elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i) {
    CHECK(std::stod(shown["numbers"].elements()[i].as<std::string>()) == elements[i]);
    const double text = std::stod(shown["texts"].elements()[i].as<std::string>());
    CHECK(std::abs(text - elements[i]) <= 0.006 * std::abs(elements[i]));
  }
}

Tensor tensor_of(const Config& shown, const Shape& shape) {
  std::vector<double> elements;
  for (const Config& number : shown["numbers"].elements()) {
    elements.push_back(std::stod(number.as<std::string>()));
  }
  return Tensor::from(elements, shape);
}

double largest_difference(const Tensor& a, const Tensor& b) { return max(abs(a - b)).item<double>(); }

struct Net {
  Ref<layers::RNN> layer = LSTM({.units = 2, .name = "lstm", .dtype = float64});
  Tensor x = labeled(random_normal({2, 3, 2}, 0, 1, float64, 5), "x");
  Tensor loss() const { return labeled(sum(square(layer(x))), "loss"); }
};

}  // namespace

TEST_CASE("write_html: a page that needs nothing else, and says what it is made of") {
  set_random_seed(3);
  const Net net;
  GradientTape tape({.keep_all = true});
  const Tensor loss = net.loss();
  const std::string page = to_html(tape, {.target = loss, .title = "An LSTM <3 steps>"});
  CHECK(contains(page, "<title>An LSTM &lt;3 steps&gt;</title>"));
  CHECK(contains(page, "default-src 'none'"));
  for (const char* word : {"http://", "https://", "src=", "@import", "fetch(", "url("}) {
    CAPTURE(word);
    CHECK_FALSE(contains(page, word));
  }
  // The last result is the target.
  CHECK(to_html(tape, {.title = "An LSTM <3 steps>"}) == page);
  GradientTape ordinary;
  net.loss();
  CHECK_THROWS_WITH_AS(to_html(ordinary), doctest::Contains("{.keep_all = true}"), ValueError);
  CHECK_THROWS_WITH_AS(to_html(GradientTape({.keep_all = true})), doctest::Contains("got an empty one"),
                       ValueError);
}

TEST_CASE("write_html: every number of an LSTM of three steps is the tape's, in a browser" *
          doctest::skip(browser().empty())) {
  set_random_seed(3);
  const Net net;
  GradientTape tape({.keep_all = true});
  tape.watch(net.x);
  const Tensor loss = net.loss();
  const TapeView view = tape.view();
  const TapeSweep sweep = tape.sweep(loss);
  const Config seen = seen_on(to_html(tape, {.target = loss}));
  CHECK(seen["troubles"].elements().empty());
  CHECK(seen["requests"].as<Index>() == 0);

  const std::vector<Config> records = seen["records"].elements();
  REQUIRE(records.size() == view.records.size() + sweep.steps.size());
  const auto value_named = [&](const std::string& name) -> const Tensor& {
    const auto found =
        std::ranges::find_if(view.values, [&](const TapeValue& value) { return value.name == name; });
    REQUIRE(found != view.values.end());
    return found->tensor;
  };
  for (std::size_t r = 0; r < view.records.size(); ++r) {
    CAPTURE(r);
    const TapeRecord& record = view.records[r];
    CHECK(records[r]["formulas"].elements().at(0).as<std::string>() == view.formula(record));
    std::vector<std::size_t> shown = record.inputs;
    shown.insert(shown.end(), record.outputs.begin(), record.outputs.end());
    CHECK(records[r]["tensors"].elements().size() == shown.size());
    for (const Config& tensor : records[r]["tensors"].elements()) {
      check_shown(tensor, value_named(tensor["of"].as<std::string>()));
    }
  }
  int gradients = 0;
  for (std::size_t s = 0; s < sweep.steps.size(); ++s) {
    CAPTURE(s);
    const TapeSweepStep& step = sweep.steps[s];
    const TapeRecord& record = view.records[step.record];
    const Config& shown = records[view.records.size() + s];
    const std::vector<std::string> rules = view.gradient_formulas(record);
    for (const Config& tensor : shown["tensors"].elements()) {
      const auto of = tensor["of"].as<std::string>();
      const auto context = tensor["context"].as<std::string>();
      if (context == "value") {
        check_shown(tensor, value_named(of));
        continue;
      }
      const std::vector<std::size_t>& list = context == "arriving" ? record.outputs : record.inputs;
      const std::vector<Tensor>& tensors = context == "arriving" ? step.arriving : step.leaving;
      for (std::size_t i = 0; i < list.size(); ++i) {
        if (view.gradient_name(list[i]) != of || !tensors[i]) continue;
        check_shown(tensor, tensors[i]);
        ++gradients;
        if (context != "leaving") continue;
        const auto& formulas = shown["formulas"].elements();
        CHECK(std::ranges::any_of(formulas, [&](const Config& formula) {
          return formula.as<std::string>().ends_with("= " + rules[i]);
        }));
      }
    }
  }
  CHECK(gradients > 100);
  CHECK(seen["cells"].as<Index>() > 40);
  CHECK(seen["home"].as<std::string>() == "forward 1 of " + std::to_string(view.records.size()));
  CHECK(seen["back"].as<std::string>() ==
        "backward " + std::to_string(sweep.steps.size() - 1) + " of " + std::to_string(sweep.steps.size()));

  // The sums, against a tape that knows nothing of all this; and with the state cut off.
  GradientTape ordinary;
  ordinary.watch(net.x);
  const Tensor compiled_loss = net.loss();
  std::map<std::string, Tensor> whole;
  std::vector<Source> sources{net.x};
  for (const Variable& weight : net.layer->weights()) sources.emplace_back(weight);
  const std::vector<Tensor> expected = ordinary.gradient(compiled_loss, sources);
  whole["dx"] = expected[0];
  for (std::size_t i = 1; i < sources.size(); ++i) whole["d" + sources[i].variable().name()] = expected[i];
  const std::vector<Config> cuts = seen["sums"].elements();
  REQUIRE(cuts.size() == 3);
  for (Index cut = 0; cut < 3; ++cut) {
    CAPTURE(cut);
    const TapeSweep truncated = tape.sweep(loss, {.truncate_at = cut});
    REQUIRE(cuts[static_cast<std::size_t>(cut)].elements().size() == 4);
    for (const Config& sum : cuts[static_cast<std::size_t>(cut)].elements()) {
      const auto name = sum["tab"].as<std::string>();
      CAPTURE(name);
      const Tensor& gradient = whole.at(name);
      Tensor parts = Tensor::zeros(gradient.shape(), float64);
      Tensor kept = gradient;
      Tensor lost = parts;
      for (const Config& tensor : sum["tensors"].elements()) {
        const auto context = tensor["context"].as<std::string>();
        const Tensor shown = tensor_of(tensor, gradient.shape());
        if (context == "whole") CHECK(largest_difference(shown, gradient) < 1e-14);
        if (context == "part") parts = parts + shown;
        if (context == "truncated") kept = shown;
        if (context == "lost") lost = shown;
      }
      CHECK(largest_difference(parts, gradient) < 1e-14);
      CHECK(largest_difference(kept + lost, gradient) < 1e-14);
      const std::size_t value = view.index_of(name == "dx" ? net.x : value_named(name.substr(1)));
      CHECK(largest_difference(kept, truncated.gradients[value]) < 1e-14);
      // At time step 1 nothing is cut off of the recurrent kernel's: the first state is zero.
      if (cut == 2) CHECK(largest_difference(kept, gradient) > 1e-6);
    }
  }
}
