// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/action.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "traces/names.hpp"

namespace proctor::scenario {
namespace {

using model::kNone;
using model::Open;
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

// The words for each way of answering what the model leaves open, from 1 on.
struct OpenWords {
  Open kind;
  std::string_view name;
  std::vector<std::string_view> ways;
};
const std::vector<OpenWords> kOpens{
    {Open::copyin, "copyin", {"fault"}},
    {Open::copyout, "copyout", {"fault"}},
    {Open::cansee, "cansee", {"no"}},
    {Open::candebug, "candebug", {"no"}},
    {Open::io_op, "io_op", {"none", "write"}},
    {Open::memory, "memory", {"unmapped", "refused", "shortage"}},
    {Open::registers, "registers", {"swapped-out", "refused"}},
    {Open::machine, "machine", {"einval", "efault"}},
    {Open::vm_entry, "vm_entry", {"index", "end", "path", "with-path"}},
    {Open::sigchld_ignored, "sigchld", {"ignored"}},
    {Open::set_pc, "pc", {"set", "refused"}},
    {Open::single_step, "single_step", {"refused"}},
};

int first_thread(const SmallState& state, int proc) {
  const std::vector<Slot> threads = model::threads_of(state, Slot(proc));
  return threads.empty() ? int{kNone} : threads.front();
}
int free_thread(const SmallState& state) {
  for (int td = 0; td < SmallState::kLwps; ++td)
    if (state.lwp[std::size_t(td)].proc == kNone) return td;
  return kNone;
}

// A process that is named where a thread acts: its oldest.  What any of its threads can do is done by the oldest that
// is free to.
int calling_thread(const SmallState& state, int proc, const Rule& rule) {
  const bool by_any = rule.by == Rule::By::call && rule.id >= RuleId::wait_report && rule.id <= RuleId::sysctl;
  if (by_any)
    for (const Slot td : model::threads_of(state, Slot(proc)))
      if (const auto& lwp = state.lwp[td];
          (lwp.td_flag & model::TD_SUSPENDED) == 0 && (lwp.td_at == model::At::user || lwp.td_at == model::At::call))
        return td;
  return first_thread(state, proc);
}

std::string thread(std::int32_t td, const SmallState& state) {
  if (td == kNone) return "nobody";
  const Slot proc = state.lwp[std::size_t(td)].proc;
  return proc == kNone ? fmt::format("t{}", td) : fmt::format("p{}/t{}", proc + 1, td);
}
std::string actor(std::int32_t td, const SmallState& state) {
  const Slot proc = td == kNone ? kNone : state.lwp[std::size_t(td)].proc;
  return proc != kNone && first_thread(state, proc) == td ? process_name(proc) : thread(td, state);
}
std::string signal(std::int32_t number) {
  const std::string_view name = number > 0 ? trace::signal_name(number) : std::string_view{};
  return name.empty() ? std::to_string(number) : std::string(name);
}

bool makes_thread(const Rule& rule) { return rule.arguments.size() == 3 && rule.arguments[2].name == "child_td"; }
bool looks_at_no_pid(const Rule& rule) { return rule.id == RuleId::ptrace && rule.number == 0; }
// wait6(P_PID): the child that is reported is the one that was asked for; P_ALL: nobody in particular is; P_PGID: the
// group is named.
bool is_wait_report(const Rule& rule) { return rule.id == RuleId::wait_report; }
bool is_wait_nothing(const Rule& rule) { return rule.id == RuleId::wait_nothing; }
bool asks_by_pid(const Rule& rule) { return rule.program.name.starts_with("wait6(P_PID"); }
bool asks_by_group(const Rule& rule) { return rule.program.name.starts_with("wait6(P_PGID"); }

}  // namespace

Vocabulary::Vocabulary(const model::Behaviours& kernel) : relation_(kernel) {
  for (const Rule& rule : rules()) {
    words_.push_back(words_of(rule.program.name));
    by_tid_.push_back(rule.program.name.ends_with(", tid)"));
  }
}

bool advance(const Vocabulary& words, const Action& action, SmallState& state) {
  return words.relation().take(action, state);
}

std::string process_name(int slot) { return slot == kNone ? "nobody" : fmt::format("p{}", slot + 1); }

std::string error_name(int error) { return error == 0 ? "0" : name(model::Errno(error)); }

std::string print_choices(const model::Choices& choices) {
  std::string out;
  for (const OpenWords& open : kOpens) {
    const std::size_t way = choices[std::size_t(open.kind)];
    if (way == 0) continue;
    out += out.empty() ? "" : " ";
    if (way <= open.ways.size())
      out += fmt::format("{}={}", open.name, open.ways[way - 1]);
    else
      out += fmt::format("{}={}", open.name, way);
  }
  return out;
}

std::string print(const Vocabulary& words, const Action& action, const SmallState& state) {
  const Rule& rule = words.rules()[action.rule];
  const auto& a = action.arguments;
  std::string out = rule.arguments[0].takes == Takes::thread ? actor(a[0], state) : process_name(a[0]);
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

struct Word {
  std::string_view text;
  int column;
};

std::vector<Word> split(std::string_view text) {
  std::vector<Word> out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r') {
      ++i;
      continue;
    }
    if (text[i] == '#') break;
    std::size_t end = text.find_first_of(" \t\r#", i);
    if (end == std::string_view::npos) end = text.size();
    out.push_back({text.substr(i, end - i), int(i) + 1});
    i = end;
  }
  return out;
}

std::optional<std::int32_t> number(std::string_view text) {
  bool negative = false;
  if (text.starts_with("-")) {
    negative = true;
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return std::int32_t(negative ? 0U - value : value);
}

class Reader {
 public:
  Reader(const Vocabulary& words, std::string_view text, int line, const SmallState& state)
      : words_(words), text_(text), line_(line), state_(state), tokens_(split(text)) {}

  tl::expected<std::optional<Line>, ParseError> read() {
    if (tokens_.empty()) return std::optional<Line>{};
    if (!read_actor() || !read_verb() || !read_operands()) return tl::unexpected(*error_);
    Line out{
        .action = action_, .line = line_, .text = std::string(text_.substr(0, text_.find('#'))), .expected = expected_};
    while (!out.text.empty() && (out.text.back() == ' ' || out.text.back() == '\t' || out.text.back() == '\r'))
      out.text.pop_back();
    return std::optional<Line>(std::move(out));
  }

 private:
  bool fail(const Word& at, std::string what) {
    error_ = ParseError{line_, at.column, std::move(what)};
    return false;
  }
  Word here() const {
    if (next_ < tokens_.size()) return tokens_[next_];
    return {{}, int(text_.size()) + 1};
  }

  // p3, p3/t4, t4, nobody
  struct Name {
    std::int32_t proc = kNone, td = kNone;
    bool is_thread = false;
  };
  std::optional<Name> read_name(const Word& word) {
    std::string_view text = word.text;
    Name out;
    if (text == "nobody") return out;
    auto slot = [&](char letter, int first, int count) -> std::optional<std::int32_t> {
      if (text.empty() || text[0] != letter) return std::nullopt;
      const std::size_t end = std::min(text.find('/'), text.size());
      const auto n = number(text.substr(1, end - 1));
      if (!n || *n < first || *n >= first + count) return std::nullopt;
      text.remove_prefix(std::min(end + 1, text.size()));
      return *n - first;
    };
    if (const auto p = slot('p', 1, SmallState::kProcs)) {
      out.proc = *p;
      if (text.empty()) return out;
    }
    if (const auto td = slot('t', 0, SmallState::kLwps); td && text.empty()) {
      out.td = *td;
      out.is_thread = true;
      if (out.proc == kNone) out.proc = state_.lwp[std::size_t(*td)].proc;
      return out;
    }
    fail(word, fmt::format("'{}' names no process: expected p1 to p{} (p1 is init), p2/t0 to p2/t{} for a thread, or "
                           "nobody",
                           word.text, SmallState::kProcs, SmallState::kLwps - 1));
    return std::nullopt;
  }

  bool read_actor() {
    const auto name = read_name(tokens_[0]);
    if (!name) return false;
    actor_ = *name;
    next_ = 1;
    return true;
  }

  bool read_verb() {
    std::size_t best = 0, best_words = 0;
    bool found = false;
    for (std::size_t i = 0; i < words_.rules().size(); ++i) {
      const std::vector<Word> wanted = split(words_.words(i));
      if (wanted.size() <= best_words || wanted.size() > tokens_.size() - 1) continue;
      const bool same = std::equal(wanted.begin(), wanted.end(), tokens_.begin() + 1,
                                   [](const Word& a, const Word& b) { return a.text == b.text; });
      if (!same) continue;
      found = true;
      best = i;
      best_words = wanted.size();
    }
    if (!found) return fail_verb();
    next_ = 1 + best_words;
    action_.rule = best;
    return true;
  }

  // Says what could have stood there: first words, or what may follow the first word.
  bool fail_verb() {
    std::vector<std::string> accepted;
    std::size_t at = 1;
    for (std::size_t i = 0; i < words_.rules().size(); ++i) {
      const std::vector<Word> wanted = split(words_.words(i));
      if (tokens_.size() > 1 && wanted.size() > 1 && wanted[0].text == tokens_[1].text) at = 2;
    }
    for (std::size_t i = 0; i < words_.rules().size(); ++i) {
      const std::vector<Word> wanted = split(words_.words(i));
      if (at == 2 && (wanted.size() < 2 || wanted[0].text != tokens_[1].text)) continue;
      std::string word(wanted[at - 1].text);
      if (std::find(accepted.begin(), accepted.end(), word) == accepted.end()) accepted.push_back(std::move(word));
    }
    const Word word = at < tokens_.size() ? tokens_[at] : Word{{}, int(text_.size()) + 1};
    std::string list;
    for (const std::string& a : accepted) list += (list.empty() ? "" : ", ") + a;
    if (word.text.empty()) return fail(word, fmt::format("the line ends here: expected one of {}", list));
    return fail(word, fmt::format("unknown {} '{}' in {}: expected one of {}", at == 1 ? "word" : "operand", word.text,
                                  words_.kernel().name, list));
  }

  bool read_operands() {
    const Rule* rule = &words_.rules()[action_.rule];
    if (next_ < tokens_.size() && rule->id == RuleId::ptrace && !looks_at_no_pid(*rule)) {
      const auto target = read_name(tokens_[next_]);
      if (!target) return false;
      if (target->is_thread && !words_.by_tid(action_.rule)) rule = &words_.rules()[++action_.rule];  // its neighbour
    }
    action_.arguments.assign(rule->arguments.size(), 0);
    for (std::size_t i = 0; i < rule->arguments.size(); ++i)
      if (!read_argument(*rule, i)) return false;
    for (; next_ < tokens_.size(); ++next_)
      if (!read_option(*rule)) return false;
    return true;
  }

  bool read_argument(const Rule& rule, std::size_t i) {
    const Takes takes = rule.arguments[i].takes;
    std::int32_t& value = action_.arguments[i];
    if (i == 0) {
      value = takes == Takes::process ? actor_.proc
              : actor_.is_thread      ? actor_.td
              : actor_.proc == kNone  ? std::int32_t{kNone}
                                      : calling_thread(state_, actor_.proc, rule);
      if (value == kNone || (takes == Takes::thread && state_.lwp[std::size_t(value)].proc == kNone))
        return fail(tokens_[0], fmt::format("there is no {} at this place in the scenario", tokens_[0].text));
      return true;
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
      value = free_thread(state_);
      if (value == kNone) return fail(word, "no thread slot is free: the model has room for six threads");
      return true;
    }
    if (word.text.empty() || word.text == "->")
      return fail(word,
                  fmt::format("the line ends here: expected {}", takes == Takes::process  ? "a process, as p3"
                                                                 : takes == Takes::thread ? "a thread, as p3/t4"
                                                                 : takes == Takes::signal ? "a signal, as SIGSTOP or 17"
                                                                                          : "a number"));
    ++next_;
    switch (takes) {
      case Takes::process:
      case Takes::thread: {
        const auto name = read_name(word);
        if (!name) return false;
        value = takes == Takes::process ? name->proc
                : name->is_thread       ? name->td
                : name->proc == kNone   ? std::int32_t{kNone}
                                        : first_thread(state_, name->proc);
        return true;
      }
      default: return read_number(word, word.text, value);
    }
  }

  bool read_number(const Word& word, std::string_view text, std::int32_t& value) {
    if (const auto n = number(text)) {
      value = *n;
      return true;
    }
    if (const auto sig = trace::signal_number(text)) {
      value = *sig;
      return true;
    }
    return fail(word,
                fmt::format("'{}' is no number: expected digits, 0x and hexadecimal digits, or a signal's name", text));
  }

  bool read_option(const Rule& rule) {
    const Word word = here();
    if (word.text == "->") {
      if (++next_ == tokens_.size()) return fail(here(), "the line ends here: expected an errno's name, or 0");
      return read_expected(tokens_[next_]);
    }
    const std::size_t equal = word.text.find('=');
    const std::string_view key = word.text.substr(0, equal);
    const std::string_view text = equal == std::string_view::npos ? std::string_view{} : word.text.substr(equal + 1);
    std::string accepted = "->";
    for (std::size_t i = 0; i < rule.arguments.size(); ++i) {
      const Takes takes = rule.arguments[i].takes;
      if (takes != Takes::data && takes != Takes::mask && takes != Takes::yes_no) continue;
      const std::string_view name = takes == Takes::data   ? "data"
                                    : takes == Takes::mask ? "mask"
                                                           : std::string_view(rule.arguments[i].name);
      if (key == name && equal != std::string_view::npos) return read_number(word, text, action_.arguments[i]);
      accepted += fmt::format(", {}=", name);
    }
    for (const OpenWords& open : kOpens) {
      accepted += fmt::format(", {}=", open.name);
      if (key != open.name) continue;
      std::string ways;
      for (std::size_t way = 0; way < open.ways.size(); ++way) {
        if (text == open.ways[way]) {
          action_.choices[std::size_t(open.kind)] = std::uint8_t(way + 1);
          return true;
        }
        ways += (ways.empty() ? "" : ", ") + std::string(open.ways[way]);
      }
      return fail(word, fmt::format("unknown value '{}' of {}: expected one of {}", text, key, ways));
    }
    return fail(word, fmt::format("unknown word '{}': expected the end of the line or one of {}", word.text, accepted));
  }

  bool read_expected(const Word& word) {
    if (const auto n = number(word.text)) {
      expected_ = *n;
      return true;
    }
    for (int error = -1; error < 100; ++error)
      if (name(model::Errno(error)) == word.text && error != 0) {
        expected_ = error;
        return true;
      }
    return fail(word, fmt::format("unknown errno '{}': expected 0, a number or a name such as EPERM", word.text));
  }

  const Vocabulary& words_;
  std::string_view text_;
  int line_;
  const SmallState& state_;
  std::vector<Word> tokens_;
  std::size_t next_ = 0;
  Name actor_;
  Action action_;
  std::optional<int> expected_;
  std::optional<ParseError> error_;
};

}  // namespace

tl::expected<std::optional<Line>, ParseError> parse_line(const Vocabulary& words, std::string_view text, int line,
                                                         const SmallState& state) {
  return Reader(words, text, line, state).read();
}

}  // namespace proctor::scenario
