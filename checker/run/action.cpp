// SPDX-License-Identifier: BSD-2-Clause
#include "checker/run/action.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "model/words/requests.hpp"

namespace proctor::scenario {
namespace {

using model::kNone;
using model::Rule;
using model::RuleId;
using model::Slot;
using model::SmallState;
using model::Takes;

// Rules whose words are not their names.
const std::map<std::string_view, std::string_view> kWords{
    {"fork_return", "returns_from_fork"},
    {"thread_return", "returns_first"},
    {"syscallenter", "enters_syscall"},
    {"syscallret", "leaves_syscall"},
    {"vfork_wait_over", "ends_vfork_wait"},
    {"execve: P_INEXEC", "execve begins"},
    {"execve(set-id file)", "execve set-id"},
    {"thr_exit: gone", "thr_exit ends"},
    {"exit1: P_WEXIT", "exit begins"},
    {"exit1: alone", "exit alone"},
    {"exit1: goes on", "exit goes_on"},
    {"execve: alone", "execve goes_on"},
    {"exit1: untraced", "exit untraced"},
    {"exit1: zombie", "exit ends"},
    {"ptracestop", "stops"},
    {"ptracestop: resumed", "resumes"},
    {"leave_stop", "leaves_stop"},
    {"thread_suspend_check", "suspends"},
    {"thread_suspend_check: P_SINGLE_EXIT", "dies_with_process"},
    {"issignal", "takes"},
    {"issignal: job stop over", "leaves_job_stop"},
    {"trapsignal", "raises"},
    {"trapsignal: step", "steps"},
    {"psignal", "gets"},
    {"sigaction(SIG_IGN)", "sigaction SIG_IGN"},
    {"sigaction(SIG_DFL)", "sigaction SIG_DFL"},
    {"sigaction(handler)", "sigaction handler"},
    {"sigprocmask(SIG_BLOCK)", "blocks"},
    {"sigprocmask(SIG_UNBLOCK)", "unblocks"},
};

// "ptrace(PT_ATTACH, pid)" is "ptrace PT_ATTACH", "wait6(P_ALL, WNOWAIT): exited" is "wait6 P_ALL,WNOWAIT exited".
std::string words_of(std::string_view name) {
  if (const auto known = kWords.find(name); known != kWords.end()) return std::string(known->second);
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (name.substr(i).starts_with(", pid)") || name.substr(i).starts_with(", tid)")) break;
    if (c == '(')
      out += ' ';
    else if (c == ' ' && !out.empty() && out.back() == ',')
      continue;
    else if (c == ' ' && i > 0 && name[i - 1] != ':')
      out += '-';
    else if (c != ')' && c != ':')
      out += c;
  }
  return out;
}

int oldest_thread(const model::Behaviours& kernel, const SmallState& state, int proc) {
  const std::vector<Slot> threads = model::threads_by_age(kernel, state, Slot(proc));
  return threads.empty() ? int{kNone} : threads.front();
}
int free_thread(const SmallState& state) {
  for (int td = 0; td < SmallState::kLwps; ++td)
    if (state.lwp[std::size_t(td)].proc == kNone) return td;
  return kNone;
}

// A process that is named where a thread acts: its oldest.  What any of its threads can do is done by the oldest that
// is free to.
int calling_thread(const model::Behaviours& kernel, const SmallState& state, int proc, const Rule& rule) {
  const bool by_any = rule.by == Rule::By::call && rule.id >= RuleId::wait_report && rule.id <= RuleId::sysctl;
  if (by_any)
    for (const Slot td : model::threads_by_age(kernel, state, Slot(proc)))
      if (const auto& lwp = state.lwp[td];
          (lwp.td_flag & model::TD_SUSPENDED) == 0 && (lwp.td_at == model::At::user || lwp.td_at == model::At::call))
        return td;
  return oldest_thread(kernel, state, proc);
}

std::string thread(std::int32_t td, const SmallState& state) {
  if (td == kNone) return "nobody";
  const Slot proc = state.lwp[std::size_t(td)].proc;
  return proc == kNone ? fmt::format("t{}", td) : fmt::format("p{}/t{}", proc + 1, td);
}
std::string actor(const model::Behaviours& kernel, std::int32_t td, const SmallState& state) {
  const Slot proc = td == kNone ? kNone : state.lwp[std::size_t(td)].proc;
  return proc != kNone && oldest_thread(kernel, state, proc) == td ? process_name(proc) : thread(td, state);
}
std::string signal(std::int32_t number) {
  const std::string_view name = number > 0 ? model::signal_name(number) : std::string_view{};
  return name.empty() ? std::to_string(number) : std::string(name);
}

bool sends_signal(const Rule& rule) {
  return rule.id == RuleId::kill || rule.id == RuleId::killpg || rule.id == RuleId::thr_kill;
}

bool looks_at_no_pid(const Rule& rule) { return rule.number == model::PT_TRACE_ME; }
// wait6(P_PID): the child that is reported is the one that was asked for; P_ALL: nobody in particular is; P_PGID: the
// group is named.
bool is_wait_report(const Rule& rule) { return rule.id == RuleId::wait_report; }
bool is_wait_nothing(const Rule& rule) { return rule.id == RuleId::wait_nothing; }
bool asks_by_pid(const Rule& rule) { return rule.program.name.starts_with("wait6(P_PID"); }
bool asks_by_group(const Rule& rule) { return rule.program.name.starts_with("wait6(P_PGID"); }

}  // namespace

Vocabulary::Vocabulary(const model::Behaviours& kernel) : Vocabulary(model::Relation(kernel)) {}

Vocabulary::Vocabulary(model::Relation relation) : relation_(std::move(relation)) {
  for (const Rule& rule : rules()) {
    words_.push_back(words_of(rule.program.name));
    by_tid_.push_back(rule.program.name.ends_with(", tid)"));
  }
}

const Vocabulary& Vocabulary::of_all() {
  static const Vocabulary all = [] {
    std::vector<Rule> rules;
    for (const model::Behaviours* kernel : model::kKernels)
      for (Rule& rule : all_rules(*kernel)) {
        const auto same = [&](const Rule& r) { return r.program.name == rule.program.name; };
        if (std::none_of(rules.begin(), rules.end(), same)) rules.push_back(std::move(rule));
      }
    return Vocabulary(model::Relation(model::kFreebsd104, std::move(rules)));
  }();
  return all;
}

bool makes_thread(const Rule& rule) { return rule.arguments.size() == 3 && rule.arguments[2].name == "child_td"; }
bool returns_process(const Rule& rule) {
  return makes_thread(rule) || is_wait_report(rule) || rule.id == RuleId::getppid;
}

bool advance(const Vocabulary& words, const Action& action, SmallState& state) {
  return words.relation().take(action, state);
}

std::string process_name(int slot) { return slot == kNone ? "nobody" : fmt::format("p{}", slot + 1); }

const names::Words& error_names() {
  static const names::Words names = [] {
    names::Words out;
    for (const model::ErrnoWords& row : model::kErrors)
      if (row.error != model::Errno::ok) out.emplace_back(row.name);
    return out;
  }();
  return names;
}
std::optional<int> error_number(std::string_view wanted) {
  const auto error = model::find_errno(wanted);
  return error && *error != model::Errno::ok ? std::optional(int(*error)) : std::nullopt;
}

std::string error_name(int error) { return error == 0 ? "0" : name(model::Errno(error)); }

std::string print_choices(const model::Choices& choices) {
  std::string out;
  for (const model::OpenWords& open : model::kOpens) {
    const std::size_t way = choices[std::size_t(open.kind)];
    if (way == 0) continue;
    out += out.empty() ? "" : " ";
    if (way < open.ways.size())
      out += fmt::format("{}={}", open.word, open.ways[way].word);
    else
      out += fmt::format("{}={}", open.word, way);
  }
  return out;
}

std::string print(const Vocabulary& words, const Action& action, const SmallState& state) {
  const Rule& rule = words.rules()[action.rule];
  const auto& a = action.arguments;
  std::string out = rule.arguments[0].takes == Takes::thread ? actor(words.kernel(), a[0], state) : process_name(a[0]);
  out += " " + words.words(action.rule);
  for (std::size_t i = 1; i < a.size(); ++i) {
    const std::int32_t value = a[i];
    switch (rule.arguments[i].takes) {
      case Takes::process:
        if (looks_at_no_pid(rule) || (is_wait_report(rule) && i == 2 && !asks_by_group(rule)) ||
            (is_wait_nothing(rule) && !asks_by_pid(rule) && !asks_by_group(rule)))
          break;
        out += " " + process_name(value);
        break;
      case Takes::thread:
        if (makes_thread(rule) && value == free_thread(state)) break;
        out += " " + thread(value, state);
        break;
      case Takes::data:
        if (value != 0 || !rule.program.name.starts_with("ptrace")) out += fmt::format(" data={}", value);
        break;
      case Takes::mask:
        if (value != 0) out += fmt::format(" mask={:#x}", std::uint32_t(value));
        break;
      case Takes::signal: out += " " + signal(value); break;
      case Takes::status: out += fmt::format(" {:#x}", value); break;
      case Takes::yes_no:
        if (value != 0) out += fmt::format(" {}={}", rule.arguments[i].name, value);
        break;
    }
  }
  const std::string choices = print_choices(action.choices);
  return choices.empty() ? out : out + " " + choices;
}

namespace {

class Reader {
 public:
  // Without a state only the words are looked at: any name can be somebody's.
  Reader(const Vocabulary& words, std::string_view text, int line, const SmallState* state)
      : words_(words), text_(text), line_(line), state_(state), tokens_(split(text)) {}

  tl::expected<std::optional<Line>, ParseError> read() {
    if (tokens_.empty()) return std::optional<Line>{};
    read_actor();
    if (read_verb()) read_operands();
    if (!errors_.empty()) return tl::unexpected(errors_[0]);
    Line out{
        .action = action_, .line = line_, .text = std::string(text_.substr(0, text_.find('#'))), .expected = expected_};
    while (!out.text.empty() && (out.text.back() == ' ' || out.text.back() == '\t' || out.text.back() == '\r'))
      out.text.pop_back();
    return std::optional<Line>(std::move(out));
  }

  std::vector<ParseError> wrong_words(const names::Words& verbs) {
    if (tokens_.empty()) return {};
    other_verbs_ = verbs;
    next_ = 1;
    if (read_verb()) read_operands();
    return std::move(errors_);
  }

 private:
  bool fail(const Word& at, std::string what) {
    errors_.push_back({line_, at.column, std::move(what)});
    return false;
  }
  bool absent(const Word& at, std::string what) {
    errors_.push_back({line_, at.column, std::move(what), true});
    return false;
  }
  bool ends(std::string_view expected) {
    ended_ = true;
    return fail(here(), fmt::format("the line ends here: expected {}", expected));
  }
  Word here() const {
    if (next_ < tokens_.size()) return tokens_[next_];
    return {{}, int(text_.size()) + 1};
  }
  bool at_end() const { return next_ >= tokens_.size() || tokens_[next_].text == "->"; }

  std::optional<Name> name_of(const Word& word) const {
    auto name = read_name(word.text);
    if (name && name->is_thread && name->proc == kNone && state_ != nullptr)
      name->proc = state_->lwp[std::size_t(name->td)].proc;
    return name;
  }
  bool no_name(const Word& word) {
    const std::string meant = names::did_you_mean(word.text, {"nobody"});
    return fail(word, fmt::format("unknown word '{}': {}{}expected {}, or nobody", word.text, meant,
                                  meant.empty() ? "" : " ", expected_names()));
  }
  int oldest_thread_of(std::int32_t proc) const {
    return state_ == nullptr ? 0 : oldest_thread(words_.kernel(), *state_, proc);
  }

  bool read_actor() {
    next_ = 1;
    const auto name = name_of(tokens_[0]);
    if (!name) return no_name(tokens_[0]);
    actor_ = *name;
    return true;
  }

  bool read_verb() {
    std::size_t best = 0, best_words = 0;
    for (std::size_t i = 0; i < words_.rules().size(); ++i) {
      const std::vector<Word> wanted = split(words_.words(i));
      if (wanted.size() <= best_words || wanted.size() > tokens_.size() - 1) continue;
      const bool same = std::equal(wanted.begin(), wanted.end(), tokens_.begin() + 1,
                                   [](const Word& a, const Word& b) { return a.text == b.text; });
      if (!same) continue;
      best = i;
      best_words = wanted.size();
    }
    if (best_words == 0) return wrong_verb();
    next_ = 1 + best_words;
    action_.rule = best;
    return true;
  }

  // What could have stood there: first words, or what may follow the first words that are right.  True if it goes on
  // with what was meant.
  bool wrong_verb() {
    std::size_t same = 0;  // words that some rule begins with
    for (std::size_t i = 0; i < words_.rules().size(); ++i) same = std::max(same, same_words(i));
    names::Words accepted = same == 0 ? other_verbs_ : names::Words{};
    for (std::size_t i = 0; i < words_.rules().size(); ++i) {
      const std::vector<Word> wanted = split(words_.words(i));
      if (same_words(i) < same || wanted.size() <= same) continue;
      std::string word(wanted[same].text);
      if (std::find(accepted.begin(), accepted.end(), word) == accepted.end()) accepted.push_back(std::move(word));
    }
    next_ = 1 + same;
    if (at_end()) return ends("one of " + names::either(accepted));
    const Word word = here();
    const std::string_view kind = same == 0 ? "an action" : tokens_[1].text == "ptrace" ? "a request" : "one of these";
    fail(word, state_ == nullptr ? names::unknown_word(word.text, accepted, kind)
                                 : fmt::format("unknown word '{}' in {}: {}", word.text, words_.kernel().name,
                                               names::instead_of(word.text, accepted, kind)));
    // All requests but PT_TRACE_ME have the same operands, so these can be looked at too.
    if (same != 1 || tokens_[1].text != "ptrace") return false;
    const names::Words near = names::nearest(word.text, accepted);
    const std::string meant = "ptrace " + (near.empty() ? "PT_ATTACH" : near[0]);
    for (std::size_t i = 0; i < words_.rules().size(); ++i)
      if (words_.words(i) == meant && !words_.by_tid(i)) action_.rule = i;
    ++next_;
    return true;
  }
  // How many words of the rule stand behind the name.
  std::size_t same_words(std::size_t rule) const {
    const std::vector<Word> wanted = split(words_.words(rule));
    std::size_t n = 0;
    while (n < wanted.size() && n + 1 < tokens_.size() && wanted[n].text == tokens_[n + 1].text) ++n;
    return n;
  }

  void read_operands() {
    const Rule* rule = &words_.rules()[action_.rule];
    if (!at_end() && rule->id == RuleId::ptrace && !looks_at_no_pid(*rule)) {
      const auto target = name_of(tokens_[next_]);
      if (target && target->is_thread && !words_.by_tid(action_.rule))
        rule = &words_.rules()[++action_.rule];  // its neighbour
    }
    action_.arguments.assign(rule->arguments.size(), 0);
    for (std::size_t i = 0; i < rule->arguments.size() && !ended_; ++i) read_argument(*rule, i);
    for (; next_ < tokens_.size(); ++next_) read_option(*rule);
  }

  bool read_argument(const Rule& rule, std::size_t i) {
    const Takes takes = rule.arguments[i].takes;
    std::int32_t& value = action_.arguments[i];
    if (i == 0) {
      if (state_ == nullptr) return true;
      value = takes == Takes::process ? actor_.proc
              : actor_.is_thread      ? actor_.td
              : actor_.proc == kNone  ? std::int32_t{kNone}
                                      : calling_thread(words_.kernel(), *state_, actor_.proc, rule);
      if (value == kNone || (takes == Takes::thread && state_->lwp[std::size_t(value)].proc == kNone))
        return absent(tokens_[0], fmt::format("there is no {} at this place in the scenario", tokens_[0].text));
      return true;
    }
    if (sends_signal(rule) && takes == Takes::data && !at_end() &&
        here().text.find('=') == std::string_view::npos) {  // short for data=
      const Word word = tokens_[next_++];
      return read_number(word, word.text, value);
    }
    if (takes == Takes::data || takes == Takes::mask || takes == Takes::yes_no) return true;  // data=, mask=
    if (looks_at_no_pid(rule)) return true;
    if (is_wait_report(rule) && i == 2 && !asks_by_group(rule)) {
      value = asks_by_pid(rule) ? action_.arguments[1] : kNone;
      return true;
    }
    if (is_wait_nothing(rule) && !asks_by_pid(rule) && !asks_by_group(rule)) {
      value = kNone;
      return true;
    }
    const Word word = here();
    if (makes_thread(rule) && i == 2 && (word.text.empty() || word.text[0] != 't')) {
      value = state_ == nullptr ? 0 : free_thread(*state_);
      if (value == kNone) return absent(word, "no thread slot is free: the model has room for six threads");
      return true;
    }
    if (at_end())
      return ends(takes == Takes::process  ? "a process, as p3"
                  : takes == Takes::thread ? "a thread, as p3/t4"
                  : takes == Takes::signal ? "a signal, as SIGSTOP or 17"
                                           : "a number");
    ++next_;
    switch (takes) {
      case Takes::process:
      case Takes::thread: {
        const auto name = name_of(word);
        if (!name) return no_name(word);
        value = takes == Takes::process ? name->proc
                : name->is_thread       ? name->td
                : name->proc == kNone   ? std::int32_t{kNone}
                                        : oldest_thread_of(name->proc);
        return true;
      }
      default: return read_number(word, word.text, value);
    }
  }

  bool read_number(const Word& word, std::string_view text, std::int32_t& value) {
    const auto n = number_or_signal(text);
    if (n) value = *n;
    return n ? true : fail({text, word.column + int(text.data() - word.text.data())}, no_number(text));
  }

  bool read_option(const Rule& rule) {
    const Word word = here();
    if (word.text == "->") {
      if (++next_ == tokens_.size()) return fail(here(), "the line ends here: expected an errno's name, or 0");
      return read_expected(tokens_[next_]);
    }
    const std::size_t equal = std::min(word.text.find('=', 1), word.text.size());
    const std::string_view key = word.text.substr(0, equal);
    const std::string_view text = word.text.substr(std::min(equal + 1, word.text.size()));
    const bool has_value = equal < word.text.size();
    names::Words accepted;
    for (std::size_t i = 0; i < rule.arguments.size(); ++i) {
      const Takes takes = rule.arguments[i].takes;
      if (takes != Takes::data && takes != Takes::mask && takes != Takes::yes_no) continue;
      const std::string_view name = takes == Takes::data   ? "data"
                                    : takes == Takes::mask ? "mask"
                                                           : std::string_view(rule.arguments[i].name);
      if (key == name && has_value) return read_number(word, text, action_.arguments[i]);
      accepted.push_back(fmt::format("{}=", name));
    }
    for (const model::OpenWords& open : model::kOpens) {
      accepted.push_back(fmt::format("{}=", open.word));
      if (key != open.word || !has_value) continue;
      names::Words values;
      for (std::size_t way = 1; way < open.ways.size(); ++way) {
        values.emplace_back(open.ways[way].word);
        if (text != values.back()) continue;
        action_.choices[std::size_t(open.kind)] = std::uint8_t(way);
        return true;
      }
      return fail({text, word.column + int(equal) + 1},
                  names::unknown_word(text, values, fmt::format("a value of {}=", key)));
    }
    for (std::size_t i = 0; i < words_.rules().size() && !has_value; ++i) {  // "execve begins" for "execve begns"
      const std::vector<Word> longer = split(words_.words(i));
      const std::size_t n = same_words(i);
      if (n == next_ - 1 && longer.size() > n) accepted.emplace_back(longer[n].text);
    }
    const std::string_view whole = word.text.substr(0, equal + (has_value ? 1 : 0));
    const std::string meant = names::did_you_mean(whole, accepted);
    return fail(word,
                fmt::format("unknown word '{}': {}", whole,
                            meant.empty() ? "expected the end of the line, -> or " + names::either(accepted) : meant));
  }

  bool read_expected(const Word& word) {
    expected_ = number(word.text);
    if (!expected_) expected_ = error_number(word.text);
    if (expected_) return true;
    return fail(word, fmt::format("unknown word '{}': {}", word.text,
                                  names::instead_of(word.text, error_names(), "0, a number or an errno")));
  }

  const Vocabulary& words_;
  std::string_view text_;
  int line_;
  const SmallState* state_;
  std::vector<Word> tokens_;
  std::size_t next_ = 0;
  names::Words other_verbs_;
  Name actor_;
  Action action_;
  std::optional<int> expected_;
  std::vector<ParseError> errors_;
  bool ended_ = false;  // an operand is missing, so those after it are too
};

}  // namespace

tl::expected<std::optional<Line>, ParseError> parse_line(const Vocabulary& words, std::string_view text, int line,
                                                         const SmallState& state) {
  return Reader(words, text, line, &state).read();
}

std::vector<ParseError> wrong_words(std::string_view text, int line, const names::Words& verbs) {
  return Reader(Vocabulary::of_all(), text, line, nullptr).wrong_words(verbs);
}

}  // namespace proctor::scenario
