// SPDX-License-Identifier: BSD-2-Clause
#include "checker/scenario/atf.hpp"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include "checker/run/state_words.hpp"
#include "checker/scenario/atf_actor.hpp"
#include "checker/scenario/atf_prelude.hpp"
#include "model/rules/requests.hpp"

namespace proctor::scenario {

using namespace model;

namespace {

struct Refusal {
  int line;
  std::string why;
};

bool is_stopped(const SmallState& s, std::size_t p) {
  const Proc& proc = s.proc[p];
  return proc.state == ProcState::normal && (proc.p_flag & P_STOPPED) != 0;
}

class Printer {
 public:
  Printer(const RunResult& run, const Behaviours& kernel)
      : path_(run.path), run_(run), kernel_(kernel), words_(kernel) {
    described_by_.fill(kNone);
  }

  std::string print() {
    const std::string name = test_name();
    std::string body;
    for (const LineResult& l : run_.lines) {
      code_.clear();
      line(l);
      if (!code_.empty()) body += fmt::format("\n\t/* {}: {} */\n{}", l.line, comment(l.text), code_);
    }
    std::string out = fmt::format(
        "/*\n * Printed by proctor from {}, as it should go on\n * {}.\n */\n{}{}\nATF_TC_WITHOUT_HEAD({});\n"
        "ATF_TC_BODY({}, tc)\n{{\n\tstruct answer a;\n\n\tbegin();\n{}\n\t(void)a;\n\tend();\n}}\n\n"
        "ATF_TP_ADD_TCS(tp)\n{{\n\n\tATF_TP_ADD_TC(tp, {});\n\treturn (atf_no_error());\n}}\n",
        comment(path_), kernel_.name, kAtfActor, kAtfPrelude, name, name, body, name);
    return out;
  }

 private:
  [[noreturn]] void refuse(const LineResult& l, std::string why) const { throw Refusal{l.line, std::move(why)}; }

  // Scenario text in a comment must not end it.
  static std::string comment(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '*' ? '.' : c;
    return out;
  }

  std::string test_name() const {
    const std::size_t slash = path_.find_last_of('/');
    std::string name = path_.substr(slash == std::string::npos ? 0 : slash + 1);
    name = name.substr(0, name.rfind(".scn"));
    for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    return name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0 ? "scenario_" + name : name;
  }

  template <class... Args>
  void emit(fmt::format_string<Args...> form, Args&&... args) {
    code_ += "\t" + fmt::format(form, std::forward<Args>(args)...) + "\n";
  }

  // An order to the thread, and its answer if the thread is able to give one then.
  void order(const LineResult& l, const std::string& op, const std::vector<std::string>& arguments = {},
             bool checks = true) {
    if (l.actor == kInit) refuse(l, "p1 is init: a test can only fork in its place, and wait for what it forked");
    if (l.before.lwp[std::size_t(l.actor_thread)].td_at == At::call)
      refuse(l, "which system call its thread is in is not known where it enters it");
    if (op != "OP_CALL" && op != "OP_SLEEP" && stops_calls(l, op == "OP_EXIT" || op == "OP_THR_EXIT"))
      refuse(l, "its debugger asked for stops of system calls, and this one is not entered in a line of its own");
    std::string list;
    for (std::size_t i = 0; i < 5; ++i) list += ", " + (i < arguments.size() ? arguments[i] : std::string("0"));
    const std::string what = fmt::format("order({}{})", op, list);
    const bool comes = answers(l);
    emit("a = ask({}, {}, {});", l.actor_thread, comes ? 1 : 0, what);
    if (comes && checks) emit("check({}, a, {});", l.line, errno_text(l.error));
  }
  static std::string errno_text(int error) {
    const std::string name = error_name(error);
    return name.starts_with("E") ? name : std::to_string(error);
  }

  // A thread that is stopped, dead or waits for its vfork child answers later, or never.
  static bool answers(const LineResult& l) {
    const Lwp& td = l.end.lwp[std::size_t(l.actor_thread)];
    const bool same = l.before.lwp[std::size_t(l.actor_thread)].proc == td.proc && td.proc != kNone;
    return same && l.end.proc[td.proc].state == ProcState::normal && td.td_at == At::user &&
           (td.td_flag & (TD_SUSPENDED | TD_RFPPWAIT)) == 0;
  }
  // A call that does not return stops at its entry only.
  static bool stops_calls(const LineResult& l, bool is_last) {
    const Proc& p = l.before.proc[std::size_t(l.actor)];
    return (p.p_flag & P_TRACED) != 0 && (p.p_ptevents & (is_last ? PTRACE_SCE : PTRACE_SCE | PTRACE_SCX)) != 0;
  }

  // What p1 is to the processes of a test is the real init, and its group is that of the test.
  static std::string pid(int slot) {
    return slot == kNone ? "NOBODY" : slot == kInit ? "1" : fmt::format("pids[{}]", slot);
  }
  static std::string group(int slot) { return slot == kNone ? "NOBODY" : fmt::format("pids[{}]", slot); }

  void line(const LineResult& l) {
    if (!l.why_not.empty()) refuse(l, l.why_not);
    for (const Taken& t : l.taken)
      if (!t.outcome.possible) refuse(l, "the kernel would not come back from it");
    switch (l.kind) {
      case LineKind::check: return;
      case LineKind::settle: hold(l); break;
      case LineKind::exit: order(l, "OP_EXIT", {std::to_string(l.status)}); break;
      case LineKind::wait: wait(l, l.waits_for_any ? -1 : l.target, ""); break;
      case LineKind::reaction:
        order(l, l.text.find("ignores") != std::string::npos ? "OP_IGNORE" : "OP_CATCH", {std::to_string(l.signal)});
        break;
      case LineKind::job_stop: emit("ATF_REQUIRE(kill({}, {}) == 0);", pid(l.actor), l.signal); break;
      case LineKind::action: action(l); break;
    }
    closes_descriptors(l);
    forget(l);
    if (!held_) settled(l, l.before);
  }

  // A kernel is not held: nothing is waited for, so what the processes do by themselves comes at any time.
  void hold(const LineResult& l) {
    if (l.text == "hold") {
      held_ = l.before;
      emit("/* From here on nothing is waited for: who comes first is left to chance. */");
    } else if (held_) {
      settled(l, *held_);
      held_.reset();
      if (l.text == "settle") held_ = l.end;
    }
  }

  // The kernel needs time for what the model did at once.
  void settled(const LineResult& l, const SmallState& before) {
    for (std::size_t p = 1; p < l.end.proc.size(); ++p) {
      const bool zombie = l.end.proc[p].state == ProcState::zombie;
      if (is_stopped(l.end, p) && !is_stopped(before, p)) emit("until({}, {}, SSTOP);", l.line, p);
      if (zombie && before.proc[p].state == ProcState::normal) emit("until({}, {}, SZOMB);", l.line, p);
    }
  }
  void forget(const LineResult& l) {
    for (std::size_t p = 1; p < l.end.proc.size(); ++p)
      if (l.end.proc[p].state == ProcState::free && l.before.proc[p].state != ProcState::free) emit("pids[{}] = 0;", p);
    for (std::size_t td = 0; td < l.end.lwp.size(); ++td)
      if (l.end.lwp[td].proc == kNone && l.before.lwp[td].proc != kNone) emit("tids[{}] = 0;", td);
  }
  // Who dies closes its process descriptors, which the model does not know of.
  void closes_descriptors(const LineResult& l) const {
    for (std::size_t p = 1; p < l.end.proc.size(); ++p) {
      const int holder = described_by_[p];
      const bool open =
          holder != kNone && l.end.proc[p].state != ProcState::free && (l.end.proc[p].p_cred & P_PROCDESC) != 0;
      if (open && l.end.proc[std::size_t(holder)].state != ProcState::normal)
        refuse(l, "who dies closes its process descriptors, and this one's stay open in the scenario");
    }
  }

  void action(const LineResult& l) {
    const Rule& rule = words_.rules()[l.action->rule];
    const std::string& name = rule.program.name;
    const auto& a = l.action->arguments;
    if (rule.by != Rule::By::request && rule.by != Rule::By::call) return internal(l, rule);
    if (rule.arguments.size() == 3 && rule.arguments[2].name == "child_td") return fork(l, name);
    if (rule.id == RuleId::ptrace) return request(l, rule);
    if (name == "execve") return order(l, "OP_EXEC");
    if (name == "execve: P_INEXEC" || rule.id == RuleId::exit) refuse(l, "a call cannot be ordered to be half done");
    if (name.starts_with("execve")) refuse(l, "it needs a set-id program, which a test has not got");
    if (name == "thr_new") {
      emit("fresh({});", a[1]);
      order(l, "OP_THR_NEW", {std::to_string(a[1])});
      emit("until_thread({}, {}, {});", l.line, l.actor, a[1]);
      return;
    }
    if (name == "thr_exit") return order(l, "OP_THR_EXIT");
    if (rule.id == RuleId::procdesc_close) {
      if (described_by_[std::size_t(a[1])] != l.actor) refuse(l, "another process has the descriptor");
      return order(l, "OP_PDCLOSE", {std::to_string(a[1])});
    }
    if (rule.id == RuleId::reap_kill) return reap_kill(l);
    if (rule.id == RuleId::reap_acquire || rule.id == RuleId::reap_release)
      return order(l, "OP_REAP", {rule.id == RuleId::reap_acquire ? "1" : "0"});
    if (name.starts_with("setuid"))
      return order(l, "OP_SETUID", {name == "setuid(root)" ? "0" : name == "setuid(a user)" ? "1001" : "1002"});
    if (name == "jail") refuse(l, "a jail is not made for a test of ptrace(2)");
    if (name.starts_with("sysctl")) refuse(l, "it changes a setting of the whole machine");
    if (name.starts_with("wait6")) return wait6(l, name);
    if (name == "getppid") return getppid(l);
    if (rule.id == RuleId::setpgid) return order(l, "OP_SETPGID", {pid(a[1]), group(a[2])});
    if (rule.id == RuleId::enter_call) return enter_call(l);
    if (rule.id == RuleId::trapsignal) {
      if (a[1] != kSigtrap) refuse(l, "only a breakpoint is printed, which raises SIGTRAP");
      return order(l, "OP_TRAP");
    }
    signals(l, rule);
  }

  void signals(const LineResult& l, const Rule& rule) {
    const auto& a = l.action->arguments;
    const bool is_kill = rule.id == RuleId::kill, is_killpg = rule.id == RuleId::killpg;
    if (is_kill || is_killpg) {
      if (a[3] != 0) refuse(l, "a process in capability mode can take no orders");
      if (a[1] == kInit)
        refuse(l, is_kill ? "a signal to init is one to the whole machine" : "the test itself is in the group of init");
      fault(l, false);
      return order(l, is_kill ? "OP_KILL" : "OP_KILLPG", {pid(a[1]), std::to_string(a[2])});
    }
    if (rule.id == RuleId::thr_kill) return order(l, "OP_THR_KILL", {thread_id(a[1]), std::to_string(a[2])});
    constexpr std::pair<RuleId, std::string_view> of_one_signal[] = {{RuleId::sigaction_default, "OP_DEFAULT"},
                                                                     {RuleId::sigaction_ignore, "OP_IGNORE"},
                                                                     {RuleId::sigaction_catch, "OP_CATCH"},
                                                                     {RuleId::sig_block, "OP_BLOCK"},
                                                                     {RuleId::sig_unblock, "OP_UNBLOCK"}};
    for (const auto& [id, op] : of_one_signal)
      if (rule.id == id) return order(l, std::string(op), {std::to_string(a[1])});
    refuse(l, fmt::format("nothing is known of {}", rule.program.name));
  }

  // One that stops at its entry goes on by itself then; another one must not come to its end before the scenario says so.
  void enter_call(const LineResult& l) {
    const bool stays = l.end.lwp[std::size_t(l.actor_thread)].td_at == At::call;
    order(l, stays ? "OP_SLEEP" : "OP_CALL");
    if (stays) emit("until_sleeping({}, {}, {});", l.line, l.actor, l.actor_thread);
  }

  void reap_kill(const LineResult& l) {
    if ((l.before.proc[std::size_t(l.actor)].p_flag & P_TREE_REAPER) == 0)
      refuse(l, "who is no reaper itself signals all processes of its own, and that is init");
    order(l, "OP_REAP_KILL", {std::to_string(l.action->arguments[1])});
  }

  // The kernel does these by itself, if it has a reason to; the reasons that a test can give are calls.
  void internal(const LineResult& l, const Rule& rule) {
    const auto& a = l.action->arguments;
    const std::string& name = rule.program.name;
    if (rule.id == RuleId::psignal) {
      emit("ATF_REQUIRE(kill({}, {}) == 0);", pid(a[0]), a[1]);
      return;
    }
    if (rule.id == RuleId::issignal) {
      if (is_pending(l.before, l.actor, a[1])) return;
      refuse(l, "nobody sends this signal in a line before");
    }
    if (name == "ptracestop" && !held_) refuse(l, "what the stop is about comes in a later line, or in none");
    if (rule.id == RuleId::leave_call && l.before.lwp[std::size_t(a[0])].td_at == At::call) emit("wake({});", a[0]);
    if (name.starts_with("exit1")) refuse(l, "a call cannot be ordered to be half done");
  }

  void fork(const LineResult& l, const std::string& name) {
    const auto& a = l.action->arguments;
    if (was_used_[std::size_t(a[1])]) refuse(l, "a pid cannot be given away a second time at will");
    was_used_[std::size_t(a[1])] = true;
    by_init_[std::size_t(a[1])] = l.actor == kInit;
    emit("fresh({});", a[2]);
    if (l.actor == kInit) {
      if (name != "fork") refuse(l, "the test can only fork in the place of init");
      emit("pids[{}] = fork();", a[1]);
      emit("ATF_REQUIRE(pids[{}] != -1);", a[1]);
      emit("if (pids[{}] == 0)", a[1]);
      emit("\tobey({});", a[2]);
      emit("until_thread({}, {}, {});", l.line, a[1], a[2]);
      return;
    }
    described_by_[std::size_t(a[1])] = name == "pdfork" ? l.actor : int{kNone};
    if (name == "fork")
      order(l, "OP_FORK", {std::to_string(a[2])}, false);
    else if (name == "vfork")
      order(l, "OP_VFORK", {std::to_string(a[2])}, false);
    else if (name == "pdfork")
      order(l, "OP_PDFORK", {std::to_string(a[2]), std::to_string(a[1])}, false);
    else if (name == "rfork(RFNOWAIT)")
      order(l, "OP_RFORK", {std::to_string(a[2]), "RFPROC | RFFDG | RFNOWAIT"}, false);
    else
      refuse(l, "its child would run on the stack of its parent");
    emit("until_born({}, {}, {});", l.line, a[1], a[2]);
  }

  // Answers from outside the model, as a request of a program brings them about.
  std::vector<std::string> fault(const LineResult& l, bool is_request) {
    std::vector<std::string> out;
    const Choices& choices = l.action->choices;
    for (const OpenWords& open : kOpens) {
      const std::size_t way = choices[std::size_t(open.kind)];
      if (way == 0) continue;
      if (!is_request || way >= open.ways.size() || open.ways[way].how.empty()) {
        Choices one{};
        one[std::size_t(open.kind)] = choices[std::size_t(open.kind)];
        refuse(l, fmt::format("{} is a fault that a program cannot inject", print_choices(one)));
      }
      out.emplace_back(open.ways[way].how);
    }
    return out;
  }

  void request(const LineResult& l, const Rule& rule) {
    const auto& a = l.action->arguments;
    const std::string& name = rule.program.name;
    std::string word = name.substr(name.find('(') + 1);
    word = word.substr(0, word.find_first_of(",)"));
    const auto number = find_request(word);
    if (a[4] != 0) refuse(l, "a process in capability mode can take no orders");
    if (rule.number == rules::kMachineRequest) refuse(l, "machine-dependent requests are not printed");
    const bool at_init = word != "PT_TRACE_ME" && !words_.by_tid(l.action->rule) && a[1] == kInit;
    if (at_init && l.error == 0) refuse(l, "init would be the one of the machine");
    if (word == "PT_VM_ENTRY" && l.error == 0) refuse(l, "what the tracee's map holds is not known");
    std::string how;
    for (const std::string& h : fault(l, true)) how += (how.empty() ? "" : " | ") + h;
    if (word == "PT_IO" && how.find("HOW_COPYOUT") != std::string::npos)
      refuse(l, "a descriptor that can be read but not written needs a page of its own");
    std::string target = "0";
    if (word != "PT_TRACE_ME") target = words_.by_tid(l.action->rule) ? thread_id(a[1]) : pid(a[1]);
    const std::string request = number ? fmt::format("{} /* {} */", int(*number), word) : word;
    order(l, "OP_PTRACE", {request, target, std::to_string(a[2]), how.empty() ? "0" : how, fmt::format("{}", a[3])});
    if (l.result && answers(l)) emit("ATF_REQUIRE_EQ({}, a.result);", *l.result);
    if (l.flags && answers(l)) emit("ATF_REQUIRE_EQ({:#x}, a.status);", *l.flags);
  }
  static std::string thread_id(int slot) { return slot == kNone ? "0x7fffffff" : fmt::format("tids[{}]", slot); }

  // The test stands for init where it has forked; the init that adopts is the real one.
  void getppid(const LineResult& l) {
    order(l, "OP_GETPPID");
    if (!answers(l)) return;
    const bool is_test = *l.result == kInit && by_init_[std::size_t(l.actor)];
    emit("ATF_REQUIRE_EQ({}, a.result);", is_test ? "pids[0]" : pid(*l.result));
  }

  // "wait6(P_PID, WNOWAIT): exited"
  void wait6(const LineResult& l, const std::string& name) {
    const bool by_pid = name.starts_with("wait6(P_PID");
    if (name.find("no event") != std::string::npos || name.find("unknown option") != std::string::npos)
      refuse(l, "waitpid(2) cannot ask so");
    fault(l, false);
    const auto& a = l.action->arguments;
    std::string also;
    for (const char* option : {"WNOWAIT", "WLINUXCLONE"})
      if (name.find(option) != std::string::npos) also += std::string(" | ") + option;
    if (name.starts_with("wait6(P_PGID")) return wait_for(l, fmt::format("-{}", group(a.back())), also);
    wait(l, by_pid ? a[1] : -1, also);
  }

  // What is the real init's child is the real init's to wait for.
  void wait_as_init(const LineResult& l, int target, const std::string& options) {
    if (target < 1 || target == kNone) refuse(l, "the test does not get the orphans that init gets");
    if (!by_init_[std::size_t(target)]) {
      if (l.error != 0 || l.report == "nothing") refuse(l, "init itself waits for the orphans that it gets");
      return emit("until({}, {}, 0);", l.line, target);
    }
    emit("a.result = waitpid({}, &a.status, {});", pid(target), options);
    emit("a.error = a.result == -1 ? errno : 0;");
    emit("check({}, a, {});", l.line, errno_text(l.error));
    reported(l);
  }

  void wait(const LineResult& l, int target, const std::string& also) {
    wait_for(l, target == -1 ? "-1" : pid(target), also, target);
  }
  void wait_for(const LineResult& l, const std::string& whom, const std::string& also, int target = -1) {
    const bool waits = l.error == 0 && l.result.has_value() && l.report != "nothing";
    std::string options = "WUNTRACED | WCONTINUED";
    if (!waits) options += " | WNOHANG";
    options += also;
    if (l.actor == kInit) return wait_as_init(l, target, options);
    order(l, "OP_WAIT", {whom, options});
    reported(l);
  }
  void reported(const LineResult& l) {
    if (l.error != 0 || (l.actor != kInit && !answers(l))) return;
    if (!l.result || l.report == "nothing") return emit("ATF_REQUIRE_EQ(0, a.result);");
    emit("ATF_REQUIRE_EQ({}, a.result);", pid(*l.result));
    const std::string status = expected_status(l);
    if (!status.empty()) emit("ATF_REQUIRE({});", status);
  }

  static std::string expected_status(const LineResult& l) {
    const std::size_t equal = l.report.find('=');
    const std::string key = l.report.substr(0, equal);
    if (key == "continued") return "WIFCONTINUED(a.status)";
    if (equal == std::string::npos) return "";
    const std::string value = l.report.substr(equal + 1);
    if (key == "exited") return fmt::format("WIFEXITED(a.status) && WEXITSTATUS(a.status) == {}", value);
    if (key == "killed") return fmt::format("WIFSIGNALED(a.status) && WTERMSIG(a.status) == {}", value);
    return fmt::format("WIFSTOPPED(a.status) && WSTOPSIG(a.status) == {}", value);
  }

  const std::string path_;
  const RunResult& run_;
  const Behaviours& kernel_;
  Vocabulary words_;
  std::string code_;
  std::array<bool, SmallState::kProcs> was_used_{}, by_init_{};
  std::array<int, SmallState::kProcs> described_by_;  // who called pdfork(2)
  std::optional<SmallState> held_;                    // the state where the kernel was held
};

}  // namespace

tl::expected<std::string, std::string> atf_program(const Script& script, const Behaviours& kernel) {
  const RunResult result = run(script, kernel);
  if (!result.unreadable.empty()) return tl::unexpected(result.unreadable[0]);
  if (!result.findings.empty())
    return tl::unexpected(fmt::format("{}:{}: the scenario does not hold on {}: {}", script.path,
                                      result.findings[0].line, kernel.name, result.findings[0].what));
  try {
    return Printer(result, kernel).print();
  } catch (const Refusal& r) {
    return tl::unexpected(fmt::format("{}:{}: cannot be printed: {}", script.path, r.line, r.why));
  }
}

}  // namespace proctor::scenario
