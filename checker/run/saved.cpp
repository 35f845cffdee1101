// SPDX-License-Identifier: BSD-2-Clause
#include "checker/run/saved.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "checker/run/files.hpp"

namespace proctor::scenario {

using model::SmallState;

namespace {

// A decision of a schedule is a number below 60: one letter or digit each, so that a schedule is one word.
constexpr std::string_view kTurns = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx";
static_assert(kTurns.size() == kTurnsMax);

}  // namespace

SmallState start_state(bool system_init) {
  SmallState state = SmallState::boot();
  state.proc[model::kInit].p_cred = model::CR_ROOT;
  state.proc[model::kInit].p_flag = system_init ? model::P_SYSTEM : 0;
  return state;
}

std::string schedule_token(const std::vector<std::uint32_t>& schedule) {
  std::string out;
  for (const std::uint32_t turn : schedule) out += kTurns[turn % kTurns.size()];
  return out;
}

tl::expected<void, std::string> save_run(const std::string& path, const Vocabulary& words, const Sequence& sequence,
                                         const std::string& title) {
  auto file = Output::open(path);
  if (!file) return tl::unexpected(file.error());
  file->write(fmt::format("# {}\n#! seed {}\n#! init {}\n", title, sequence.seed,
                          (sequence.start.proc[model::kInit].p_flag & model::P_SYSTEM) != 0 ? "system" : "plain"));
  if (!sequence.schedule.empty()) file->write(fmt::format("#! schedule {}\n", schedule_token(sequence.schedule)));
  // In a preemptive run calls overlap: there threads are named by their slots, which no state changes.
  SmallState state = sequence.start;
  for (const Action& action : sequence.actions) {
    if (sequence.schedule.empty()) {
      const std::string line = print(words, action, state);
      if (advance(words, action, state)) file->write(line + '\n');
    } else {
      file->write(fmt::format("#! action {} {} ; {}\n", words.rules()[action.rule].program.name,
                              fmt::join(action.arguments, " "), fmt::join(action.choices, " ")));
    }
  }
  return file->close();
}

namespace {

constexpr std::size_t kNamesMax = 6;

// One saved run; errors are thrown as ParseError.
class Reader {
 public:
  explicit Reader(const Vocabulary& words) : words_(words) {
    out_.start = start_state(true);
    state_ = out_.start;
  }

  Sequence read(const std::string& text) {
    std::istringstream lines(text);
    while (std::getline(lines, line_)) {
      ++number_;
      at_ = 0;
      if (line_.starts_with("#!"))
        directive();
      else
        scenario_line();
    }
    if (out_.actions.empty())
      throw ParseError{std::max(number_, 1), 1, "no action: expected at least one line such as \"p1 fork p2\""};
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw ParseError{number_, int(at_) + 1, what}; }

  // The next word of the line, empty at its end; at_ is where it begins.
  std::string_view word() {
    constexpr std::string_view kBlanks = " \t\r";
    at_ = std::min(line_.find_first_not_of(kBlanks, next_), line_.size());
    next_ = std::min(line_.find_first_of(kBlanks, at_), line_.size());
    return std::string_view(line_).substr(at_, next_ - at_);
  }
  std::string_view word(std::string_view expected) {
    const std::string_view out = word();
    if (out.empty()) fail(fmt::format("the line ends here: expected {}", expected));
    return out;
  }
  void no_more() {
    if (const std::string_view rest = word(); !rest.empty())
      fail(fmt::format("unknown word '{}': expected the end of the line", rest));
  }
  template <class T>
  T number(std::string_view text, std::string_view what) const {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) fail(fmt::format("'{}': expected {}", text, what));
    return value;
  }

  void directive() {
    next_ = 2;
    const std::string_view key = word("seed, init, schedule or action");
    if (key == "seed") {
      constexpr std::string_view kWhat = "a number from 0 to 18446744073709551615";
      out_.seed = number<std::uint64_t>(word(kWhat), kWhat);
      no_more();
    } else if (key == "init") {
      init();
    } else if (key == "schedule") {
      constexpr std::string_view kWhat = "letters and digits, one for each decision";
      for (const char turn : word(kWhat)) {
        const std::size_t value = kTurns.find(turn);
        if (value == std::string_view::npos) fail(fmt::format("'{}': expected {}", turn, kWhat));
        out_.schedule.push_back(std::uint32_t(value));
      }
      no_more();
    } else if (key == "action") {
      action();
    } else {
      fail(fmt::format("unknown word '{}': expected seed, init, schedule or action", key));
    }
  }

  void init() {
    if (!out_.actions.empty()) fail("init comes too late: expected before the first action");
    const std::string_view kind = word("system or plain");
    if (kind != "system" && kind != "plain") fail(fmt::format("unknown word '{}': expected system or plain", kind));
    out_.start.proc[model::kInit].p_flag = kind == "system" ? model::P_SYSTEM : 0;
    state_ = out_.start;
    no_more();
  }

  // NAME ARGUMENT... ; CHOICE...
  void action() {
    word("a rule's name, its arguments, ; and the choices");
    const std::string_view rest = std::string_view(line_).substr(at_);
    const auto& rules = words_.rules();
    std::size_t found = rules.size();
    for (std::size_t i = 0; i < rules.size(); ++i)
      if (const std::string& name = rules[i].program.name;
          (rest == name || rest.starts_with(name + " ")) &&
          (found == rules.size() || name.size() > rules[found].program.name.size()))
        found = i;
    if (found == rules.size()) no_such_action(rest);
    const model::Rule& rule = rules[found];
    Action out{.rule = found, .arguments = {}, .choices = {}};
    next_ = at_ + rule.program.name.size();
    for (const auto& argument : rule.arguments) {
      const std::string what = fmt::format("{}, {}", argument.name, range(argument.takes));
      const std::string_view text = word(what);
      const auto value = number<std::int32_t>(text, what);
      if (!in_range(argument.takes, value)) fail(fmt::format("'{}': expected {}", text, what));
      out.arguments.push_back(value);
    }
    if (const std::string_view semicolon = word("; and the choices"); semicolon != ";")
      fail(fmt::format("unknown word '{}': expected ; after the {} arguments of {}", semicolon, out.arguments.size(),
                       rule.program.name));
    for (std::uint8_t& choice : out.choices) {
      const std::string_view text = word();
      if (text.empty()) break;
      choice = number<std::uint8_t>(text, "a choice, 0 to 255");
    }
    no_more();
    add(std::move(out));
  }

  static std::string range(model::Takes takes) {
    if (takes == model::Takes::process) return fmt::format("0 to {} or {}", SmallState::kProcs - 1, model::kNone);
    if (takes == model::Takes::thread) return fmt::format("0 to {} or {}", SmallState::kLwps - 1, model::kNone);
    return "a number";
  }
  static bool in_range(model::Takes takes, std::int32_t value) {
    if (takes != model::Takes::process && takes != model::Takes::thread) return true;
    const int count = takes == model::Takes::process ? SmallState::kProcs : SmallState::kLwps;
    return value == model::kNone || (value >= 0 && value < count);
  }

  // What would have been accepted: the rules whose names begin most like it, or how the names begin.
  [[noreturn]] void no_such_action(std::string_view text) const {
    std::size_t most = 1;
    std::vector<std::string> names, beginnings;
    for (const model::Rule& rule : words_.rules()) {
      const std::string& name = rule.program.name;
      std::string beginning = name.substr(0, name.find_first_of("(: "));
      const std::size_t same =
          std::size_t(std::mismatch(name.begin(), name.end(), text.begin(), text.end()).first - name.begin());
      if (same >= most && same >= beginning.size()) {
        if (same > most) names.clear();
        most = same;
        names.push_back(name);
      }
      if (std::find(beginnings.begin(), beginnings.end(), beginning) == beginnings.end())
        beginnings.push_back(std::move(beginning));
    }
    if (names.empty())
      fail(fmt::format("no such action in {}: expected a name that begins with {}", words_.kernel().name,
                       fmt::join(beginnings, ", ")));
    const std::size_t others = names.size() - std::min(names.size(), kNamesMax);
    names.resize(names.size() - others);
    fail(fmt::format("no such action in {}: expected {}{}", words_.kernel().name, fmt::join(names, "; "),
                     others == 0 ? "" : fmt::format(" or {} others", others)));
  }

  void scenario_line() {
    const auto parsed = parse_line(words_, line_, number_, state_);
    if (!parsed) {
      ParseError error = parsed.error();
      if (is_for_runner()) error.what += "; the scenario runner's own lines are for --scenario";
      throw error;
    }
    if (*parsed) add((*parsed)->action);
  }
  bool is_for_runner() {
    next_ = 0;
    const std::string_view first = word(), second = word();
    for (const std::string_view one : {"kernels", "check", "hold", "unhold", "settle"})
      if (first == one) return true;
    for (const std::string_view one : {"exit", "wait", "ignores", "catches"})
      if (second == one) return true;
    return first.starts_with("[");
  }

  void add(Action action) {
    advance(words_, action, state_);
    out_.actions.push_back(std::move(action));
  }

  const Vocabulary& words_;
  Sequence out_;
  SmallState state_;
  std::string line_;
  int number_ = 0;
  std::size_t at_ = 0, next_ = 0;  // in the line
};

}  // namespace

tl::expected<Sequence, std::string> load_run(const std::string& path, const Vocabulary& words) {
  const auto text = read_text(path);
  if (!text)
    return tl::unexpected(fmt::format("{}: cannot be read: {}: expected a run saved by proctor source, or a scenario",
                                      path, text.error()));
  try {
    return Reader(words).read(*text);
  } catch (const ParseError& error) {
    return tl::unexpected(fmt::format("{}:{}:{}: {}", path, error.line, error.column, error.what));
  }
}

}  // namespace proctor::scenario
