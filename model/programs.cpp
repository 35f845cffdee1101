// SPDX-License-Identifier: BSD-2-Clause
#include "model/programs.hpp"

#include <string_view>
#include <type_traits>
#include <utility>

#include "model/lean.hpp"
#include "model/record.hpp"
#include "model/rules/lifecycle.hpp"
#include "model/rules/stop.hpp"
#include "model/rules/sys_ptrace.hpp"
#include "model/rules/wait.hpp"

namespace proctor::model {
namespace {

using rules::Request;

struct NamedRequest {
  Request req;
  std::string_view name;
};
constexpr NamedRequest kRequests[] = {
    {rules::PT_TRACE_ME, "PT_TRACE_ME"},
    {rules::PT_READ_I, "PT_READ_I"},
    {rules::PT_READ_D, "PT_READ_D"},
    {rules::PT_WRITE_I, "PT_WRITE_I"},
    {rules::PT_WRITE_D, "PT_WRITE_D"},
    {rules::PT_CONTINUE, "PT_CONTINUE"},
    {rules::PT_KILL, "PT_KILL"},
    {rules::PT_STEP, "PT_STEP"},
    {rules::PT_ATTACH, "PT_ATTACH"},
    {rules::PT_DETACH, "PT_DETACH"},
    {rules::PT_IO, "PT_IO"},
    {rules::PT_LWPINFO, "PT_LWPINFO"},
    {rules::PT_GETNUMLWPS, "PT_GETNUMLWPS"},
    {rules::PT_GETLWPLIST, "PT_GETLWPLIST"},
    {rules::PT_CLEARSTEP, "PT_CLEARSTEP"},
    {rules::PT_SETSTEP, "PT_SETSTEP"},
    {rules::PT_SUSPEND, "PT_SUSPEND"},
    {rules::PT_RESUME, "PT_RESUME"},
    {rules::PT_TO_SCE, "PT_TO_SCE"},
    {rules::PT_TO_SCX, "PT_TO_SCX"},
    {rules::PT_SYSCALL, "PT_SYSCALL"},
    {rules::PT_FOLLOW_FORK, "PT_FOLLOW_FORK"},
    {rules::PT_LWP_EVENTS, "PT_LWP_EVENTS"},
    {rules::PT_GET_EVENT_MASK, "PT_GET_EVENT_MASK"},
    {rules::PT_SET_EVENT_MASK, "PT_SET_EVENT_MASK"},
    {rules::PT_GETREGS, "PT_GETREGS"},
    {rules::PT_SETREGS, "PT_SETREGS"},
    {rules::PT_GETFPREGS, "PT_GETFPREGS"},
    {rules::PT_SETFPREGS, "PT_SETFPREGS"},
    {rules::PT_GETDBREGS, "PT_GETDBREGS"},
    {rules::PT_SETDBREGS, "PT_SETDBREGS"},
    {rules::PT_VM_TIMESTAMP, "PT_VM_TIMESTAMP"},
    {rules::PT_VM_ENTRY, "PT_VM_ENTRY"},
    {Request{30}, "30"},  // no request of any kernel: below PT_FIRSTMACH and unknown
    {Request{71}, "71"},  // stands for the machine-dependent ones (amd64: PT_GETFSBASE)
};

#ifndef PROCTOR_LEAN_KERNEL
Needs needs_of(Rule::By by, std::string_view name) {
  struct {
    std::string_view name;
    Needs needs;
  } constexpr special[] = {{"thr_new", Needs::thread_create},
                           {"thr_exit", Needs::thread_exit},
                           {"thr_exit: gone", Needs::thread_gone},
                           {"exit1: P_WEXIT", Needs::exit_begins},
                           {"exit1: untraced", Needs::exit_goes_on},
                           {"exit1: zombie", Needs::exit_ends},
                           {"sigstop", Needs::job_stop},
                           {"psignal", Needs::post},
                           {"ptracestop: resumed", Needs::resumed},
                           {"leave_stop", Needs::leave_stop},
                           {"thread_suspend_check", Needs::suspend_check},
                           {"vfork_wait_over", Needs::vfork_wait},
                           {"fork_return", Needs::fork_return},
                           {"ptracestop", Needs::traced_thread},
                           {"syscallret", Needs::call_returns}};
  if (by == Rule::By::request) return Needs::request;
  for (const auto& [special_name, needs] : special)
    if (name == special_name) return needs;
  if (by == Rule::By::call && name.find("fork") != std::string_view::npos) return Needs::fork;
  if (name.starts_with("execve")) return Needs::exec;
  return by == Rule::By::call ? Needs::process_call : Needs::thread;
}

// Calls text(k, arguments) with an Exec now and then, and with a Record once.
class FullTable {
 public:
  explicit FullTable(const Behaviours& kernel) : kernel_(kernel) {}

  template <class Text>
  void add(Rule::By by, std::string name, std::vector<Argument> arguments, Text text, int number = -1) {
    Record record(std::move(name), kernel_);
    std::array<Record::Num, kArgumentsMax> recorded{};
    for (std::size_t i = 0; i < arguments.size(); ++i)
      recorded[i] = record.argument(arguments[i].name, type_of(arguments[i].takes));
    text(record, recorded);
    auto run = [text](Exec<SmallState>& k, const std::vector<std::int32_t>& values) {
      std::array<Exec<SmallState>::Num, kArgumentsMax> given{};
      for (std::size_t i = 0; i < values.size() && i < given.size(); ++i) given[i] = {values[i]};
      text(k, given);
    };
    const Needs needs = needs_of(by, record.name());
    rules_.push_back({by, needs, number, std::move(arguments), record.take(), std::move(run)});
  }
  std::vector<Rule> take() { return std::move(rules_); }

 private:
  const Behaviours& kernel_;
  std::vector<Rule> rules_;
};

#else
// Calls text(k, arguments) with a Lean.  All in one function, the compiler leaves it where a check fails; it takes its time
// for that, so only what is to be fast is built so.
#ifdef NDEBUG
#define PROCTOR_FLATTEN __attribute__((flatten))
#else
#define PROCTOR_FLATTEN
#endif
template <const Behaviours& B>
class LeanTable {
 public:
  template <class Text>
  void add(Rule::By, const std::string&, const std::vector<Argument>&, Text text, int = -1) {
    const auto run = [](const void* of, SmallState& state, const std::int32_t* arguments, const Choices& choices,
                        LeanOutcome& outcome) PROCTOR_FLATTEN {
      using K = Lean<SmallState, B>;
      K k(state, choices);
      (*static_cast<const Text*>(of))(k, LeanArguments<K>{arguments});
      outcome = k.outcome();
    };
    rules_.push_back({run, std::make_shared<const Text>(text)});
  }
  std::vector<LeanRule> take() { return std::move(rules_); }

 private:
  std::vector<LeanRule> rules_;
};
#endif

template <class K>
using Plain = std::remove_cvref_t<K>;

template <class K>
auto truth(K& k, typename K::Num value) {
  return !(value == k.lit(0));
}

template <class Table>
void add_requests(Table& table) {
  for (const auto& [req, name] : kRequests) {
    auto by_pid = [req = req](auto& k, const auto& a) {
      using K = Plain<decltype(k)>;
      rules::sys_ptrace(k, rules::lwp(k, a[0]),
                        rules::PtraceArgs<K>{.req = req,
                                             .pid = a[1],
                                             .tid = k.lit(kNone),
                                             .data = a[2],
                                             .event_mask = a[3],
                                             .capmode = truth(k, a[4])});
    };
    auto by_tid = [req = req](auto& k, const auto& a) {
      using K = Plain<decltype(k)>;
      rules::sys_ptrace(k, rules::lwp(k, a[0]),
                        rules::PtraceArgs<K>{.req = req,
                                             .pid = k.lit(kNone),
                                             .tid = a[1],
                                             .data = a[2],
                                             .event_mask = a[3],
                                             .capmode = truth(k, a[4])});
    };
    const Argument caller{"td", Takes::thread}, data{"data", Takes::data}, mask{"*addr", Takes::mask},
        capmode{"capmode", Takes::yes_no};
    const std::string call = "ptrace(" + std::string(name);
    if (req == rules::PT_TRACE_ME) {  // looks at no pid
      table.add(Rule::By::request, call + ")", {caller, {"pid", Takes::process}, data, mask, capmode}, by_pid, req);
      continue;
    }
    table.add(Rule::By::request, call + ", pid)", {caller, {"pid", Takes::process}, data, mask, capmode}, by_pid, req);
    table.add(Rule::By::request, call + ", tid)", {caller, {"tid", Takes::thread}, data, mask, capmode}, by_tid, req);
  }
}

template <class Table>
void add_lifecycle(Table& table, const Behaviours& kernel) {
  const Argument td{"td", Takes::thread}, p{"p", Takes::process};
  struct {
    std::string_view name;
    rules::ForkKind kind;
  } constexpr forks[] = {{"fork", {}},
                         {"vfork", {.ppwait = true}},
                         {"rfork(RFNOWAIT)", {.nowait = true}},
                         {"rfork(RFPPWAIT|RFNOWAIT)", {.ppwait = true, .nowait = true}},
                         {"rfork(RFLINUXTHPN)", {.other_signal = true}}};
  for (const auto& [name, kind] : forks)
    table.add(Rule::By::call, std::string(name), {td, {"child", Takes::process}, {"child_td", Takes::thread}},
              [kind = kind](auto& k, const auto& a) {
                rules::fork1(k, rules::lwp(k, a[0]), rules::proc(k, a[1]), rules::lwp(k, a[2]), kind);
              });
  if (kernel.stop_has_thread) {
    table.add(Rule::By::thread, "fork_return", {td},
              [](auto& k, const auto& a) { rules::fork_return(k, rules::lwp(k, a[0])); });
    table.add(Rule::By::thread, "thread_return", {td},
              [](auto& k, const auto& a) { rules::thread_return(k, rules::lwp(k, a[0])); });
    table.add(Rule::By::thread, "syscallenter", {td},
              [](auto& k, const auto& a) { rules::syscallenter(k, rules::lwp(k, a[0])); });
    table.add(Rule::By::thread, "syscallret", {td},
              [](auto& k, const auto& a) { rules::syscallret(k, rules::lwp(k, a[0])); });
  }
  table.add(Rule::By::thread, "vfork_wait_over", {td},
            [](auto& k, const auto& a) { rules::vfork_wait_over(k, rules::lwp(k, a[0])); });
  table.add(Rule::By::call, "execve: P_INEXEC", {td},
            [](auto& k, const auto& a) { rules::execve_begins(k, rules::lwp(k, a[0])); });
  for (bool set_id : {false, true})
    table.add(Rule::By::call, set_id ? "execve(set-id file)" : "execve", {td},
              [set_id](auto& k, const auto& a) { rules::execve(k, rules::lwp(k, a[0]), set_id); });
  table.add(Rule::By::call, "thr_new", {p, {"td", Takes::thread}},
            [](auto& k, const auto& a) { rules::thread_create(k, rules::proc(k, a[0]), rules::lwp(k, a[1])); });
  if (kernel.lwp_events)
    table.add(Rule::By::call, "thr_exit", {td},
              [](auto& k, const auto& a) { rules::thread_exit_begins(k, rules::lwp(k, a[0])); });
  table.add(kernel.lwp_events ? Rule::By::thread : Rule::By::call, kernel.lwp_events ? "thr_exit: gone" : "thr_exit",
            {td}, [](auto& k, const auto& a) { rules::thread_exit(k, rules::lwp(k, a[0])); });
  table.add(Rule::By::thread, "exit1: P_WEXIT", {td, {"status", Takes::status}},
            [](auto& k, const auto& a) { rules::exit1_wexit(k, rules::lwp(k, a[0]), a[1]); });
  table.add(Rule::By::process, "exit1: untraced", {p},
            [](auto& k, const auto& a) { rules::exit1_untraced(k, rules::proc(k, a[0])); });
  table.add(Rule::By::process, "exit1: zombie", {p},
            [](auto& k, const auto& a) { rules::exit1_zombie(k, rules::proc(k, a[0])); });
  table.add(Rule::By::call, "getppid", {p}, [](auto& k, const auto& a) { rules::getppid(k, rules::proc(k, a[0])); });
  if (!kernel.reapers) return;
  table.add(Rule::By::call, "procctl(PROC_REAP_ACQUIRE)", {p},
            [](auto& k, const auto& a) { rules::reap_acquire(k, rules::proc(k, a[0])); });
  table.add(Rule::By::call, "procctl(PROC_REAP_RELEASE)", {p},
            [](auto& k, const auto& a) { rules::reap_release(k, rules::proc(k, a[0])); });
}

template <class Table>
void add_credentials(Table& table) {
  const Argument p{"p", Takes::process};
  struct {
    std::string_view name;
    int uid;
  } constexpr users[] = {{"setuid(root)", CR_ROOT}, {"setuid(a user)", 2}, {"setuid(another user)", 3}};
  for (const auto& [name, uid] : users)
    table.add(Rule::By::call, std::string(name), {p},
              [uid = uid](auto& k, const auto& a) { rules::setuid(k, rules::proc(k, a[0]), uid); });
  table.add(Rule::By::call, "jail", {p}, [](auto& k, const auto& a) { rules::jail(k, rules::proc(k, a[0])); });
  table.add(Rule::By::call, "sysctl(kern.securelevel=1)", {p},
            [](auto& k, const auto& a) { rules::set_system(k, rules::proc(k, a[0]), CR_SECURELEVEL); });
  table.add(Rule::By::call, "sysctl(security.bsd.unprivileged_proc_debug=0)", {p},
            [](auto& k, const auto& a) { rules::set_system(k, rules::proc(k, a[0]), CR_NO_UNPRIVILEGED); });
}

template <class Table>
void add_stops(Table& table, const Behaviours& kernel) {
  const Argument td{"td", Takes::thread}, p{"p", Takes::process}, sig{"sig", Takes::signal};
  if (kernel.stop_has_thread) {
    table.add(Rule::By::thread, "ptracestop", {td, sig},
              [](auto& k, const auto& a) { rules::ptracestop(k, rules::lwp(k, a[0]), a[1]); });
    table.add(Rule::By::thread, "ptracestop: resumed", {td},
              [](auto& k, const auto& a) { rules::ptracestop_resumed(k, rules::lwp(k, a[0])); });
    table.add(Rule::By::thread, "leave_stop", {td},
              [](auto& k, const auto& a) { rules::leave_stop(k, rules::lwp(k, a[0])); });
  }
  table.add(Rule::By::thread, "thread_suspend_check", {td},
            [](auto& k, const auto& a) { rules::thread_suspend_check(k, rules::lwp(k, a[0])); });
  table.add(Rule::By::thread, "issignal", {td, sig},
            [](auto& k, const auto& a) { rules::issignal_traced(k, rules::lwp(k, a[0]), a[1]); });
  table.add(Rule::By::process, "sigstop", {p, sig},
            [](auto& k, const auto& a) { rules::sigstop(k, rules::proc(k, a[0]), a[1]); });
  table.add(Rule::By::process, "psignal", {p, sig},
            [](auto& k, const auto& a) { rules::psignal(k, rules::proc(k, a[0]), a[1]); });
  table.add(
      Rule::By::call, "kill", {{"curp", Takes::process}, p, {"sig", Takes::data}, {"capmode", Takes::yes_no}},
      [](auto& k, const auto& a) { rules::kill(k, rules::proc(k, a[0]), rules::proc(k, a[1]), a[2], truth(k, a[3])); });
}

// The options are data of the rule: those that each report needs, alone and with another that matters.  In a kernel without
// wait6(2) these are the calls of wait4(2) that ask the same.
template <class Table>
void add_waits(Table& table, const Behaviours& kernel) {
  using rules::Report;
  const Argument q{"q", Takes::process}, p{"p", Takes::process}, id{"id", Takes::process};
  constexpr int every = rules::kWexited | rules::kWtrapped | rules::kWuntraced | rules::kWcontinued;
  struct {
    std::string_view name;
    Report report;
  } constexpr reports[] = {{"exited", Report::exited},
                           {"trapped", Report::trapped},
                           {"stopped", Report::stopped},
                           {"continued", Report::continued}};
  struct {
    std::string_view name;
    int option;
  } constexpr more[] = {{"", 0}, {", WNOWAIT", rules::kWnowait}, {", WLINUXCLONE", rules::kWlinuxclone}};
  for (bool by_pid : {false, true})
    for (const auto& [with, option] : more)
      for (const auto& [name, report] : reports) {
        if (option == rules::kWnowait && !kernel.wait6) continue;
        const int options = every | option;
        table.add(Rule::By::call,
                  std::string(by_pid ? "wait6(P_PID" : "wait6(P_ALL") + std::string(with) + "): " + std::string(name),
                  {q, p, id}, [=, report = report](auto& k, const auto& a) {
                    using K = Plain<decltype(k)>;
                    const rules::WaitArgs<K> args{.any = !by_pid, .by_pid = by_pid, .pid = a[2], .options = options};
                    rules::wait_report(k, rules::proc(k, a[0]), rules::proc(k, a[1]), args, report);
                  });
      }
  struct {
    std::string_view name;
    int options;
  } constexpr quiet[] = {{"", rules::kWexited | rules::kWtrapped},  // as wait4 has it
                         {", all events", every},
                         {", WLINUXCLONE", every | rules::kWlinuxclone},
                         {", no event", 0},
                         {", unknown option", every | 0x100}};
  struct {
    std::string_view name;
    bool any, by_pid;
  } constexpr sets[] = {{"P_ALL", true, false}, {"P_PID", false, true}, {"P_PGID", false, false}};
  for (const auto& [set, any, by_pid] : sets)
    for (const auto& [name, options] : quiet) {
      if (options == 0 && !kernel.wait6) continue;  // wait4(2) always asks for ends
      table.add(Rule::By::call, "wait6(" + std::string(set) + std::string(name) + "): nothing", {q, id},
                [=, any = any, by_pid = by_pid, options = options](auto& k, const auto& a) {
                  using K = Plain<decltype(k)>;
                  const rules::WaitArgs<K> args{.any = any, .by_pid = by_pid, .pid = a[1], .options = options};
                  rules::wait_nothing(k, rules::proc(k, a[0]), args);
                });
    }
}

template <class Table>
void add_all(Table& table, const Behaviours& kernel) {
  add_requests(table);
  add_lifecycle(table, kernel);
  add_credentials(table);
  add_stops(table, kernel);
  add_waits(table, kernel);
}

#ifndef PROCTOR_LEAN_KERNEL
// Questions about a state that needs_of() leaves to be asked.
class Where {
 public:
  explicit Where(const SmallState& state) : state_(state) {}

  bool is(std::int32_t p, ProcState wanted) const {
    return p >= 0 && p < SmallState::kProcs && state_.proc[std::size_t(p)].state == wanted;
  }
  Lwp lwp(std::int32_t td) const { return td >= 0 && td < SmallState::kLwps ? state_.lwp[std::size_t(td)] : Lwp{}; }
  bool is_free(std::int32_t td) const { return td >= 0 && td < SmallState::kLwps && lwp(td).proc == kNone; }
  const Proc& proc(std::int32_t td) const { return state_.proc[lwp(td).proc]; }
  bool runs(std::int32_t td) const {
    return is(lwp(td).proc, ProcState::normal) && (lwp(td).td_flag & TD_SUSPENDED) == 0;
  }
  // In user mode or in a system call: not in a stop, not on its way through exit, not a vfork parent that waits.
  bool free_to_act(std::int32_t td) const {
    return runs(td) && (lwp(td).td_flag & (TDB_XSIG | TD_RFPPWAIT | TDB_STOPATFORK | TDB_EXIT)) == 0 &&
           (proc(td).p_flag & P_WEXIT) == 0 && proc(td).p_xthread != td;
  }
  bool has_free_thread(std::int32_t p) const {
    for (int td = 0; td < SmallState::kLwps; ++td)
      if (lwp(td).proc == p && free_to_act(td)) return true;
    return false;
  }

 private:
  const SmallState& state_;
};

}  // namespace

ir::Type type_of(Takes takes) {
  switch (takes) {
    case Takes::process: return ir::Type::process;
    case Takes::thread: return ir::Type::thread;
    case Takes::signal: return ir::Type::signal;
    case Takes::mask: return ir::Type::events;
    case Takes::yes_no: return ir::Type::boolean;
    case Takes::data:
    case Takes::status: break;
  }
  return ir::Type::number;
}

bool is_reachable(const Rule& rule, const SmallState& state, const std::vector<std::int32_t>& a) {
  const Where at(state);
  const bool in_stop = (at.lwp(a[0]).td_flag & TDB_XSIG) != 0;
  switch (rule.needs) {
    case Needs::request: return at.free_to_act(a[0]);
    case Needs::fork: return at.free_to_act(a[0]) && a[1] != kNone && at.is_free(a[2]);
    case Needs::exec:  // thread_single() has ended the others: they cannot be in a stop
      return at.free_to_act(a[0]) && at.lwp(a[0]).proc != kInit && at.proc(a[0]).p_numthreads == 1;
    case Needs::thread_create: return at.has_free_thread(a[0]) && a[0] != kInit && at.is_free(a[1]);
    case Needs::thread_exit: return at.free_to_act(a[0]) && at.proc(a[0]).p_numthreads > 1;
    case Needs::thread_gone:
      return at.runs(a[0]) && !in_stop && at.proc(a[0]).p_xthread != a[0] && at.proc(a[0]).p_numthreads > 1;
    case Needs::exit_begins: return at.free_to_act(a[0]) && at.lwp(a[0]).proc != kInit;
    case Needs::exit_goes_on:
    case Needs::exit_ends: return a[0] != kNone && a[0] != kInit;
    case Needs::job_stop: return a[0] != kNone && a[0] != kInit && (a[1] == 17 || a[1] == 18);  // init ignores them
    case Needs::post: return at.is(a[0], ProcState::normal) && a[1] != 0;
    case Needs::process_call: return a[0] != kNone && at.has_free_thread(a[0]);
    case Needs::resumed:
      return at.runs(a[0]) && (at.proc(a[0]).p_flag & P_WEXIT) == 0 &&
             (in_stop || at.proc(a[0]).p_xthread == a[0] || (at.lwp(a[0]).td_flag & TDB_SUSPEND) != 0);
    case Needs::leave_stop:
      return at.runs(a[0]) && (!in_stop || (at.proc(a[0]).p_flag & P_TRACED) == 0) && at.proc(a[0]).p_xthread != a[0];
    case Needs::suspend_check:
    case Needs::fork_return: return at.runs(a[0]) && (at.proc(a[0]).p_flag & P_WEXIT) == 0;
    case Needs::vfork_wait: return at.runs(a[0]) && (at.lwp(a[0]).td_flag & TD_RFPPWAIT) != 0;
    case Needs::call_returns:
    case Needs::traced_thread:  // on its way back from a system call, so a fresh child or a vfork parent too
      return at.runs(a[0]) && !in_stop && at.proc(a[0]).p_xthread != a[0] && (at.proc(a[0]).p_flag & P_WEXIT) == 0 &&
             (at.lwp(a[0]).td_flag & TDB_EXIT) == 0 &&
             (rule.needs == Needs::call_returns || (at.proc(a[0]).p_flag & P_TRACED) != 0);
    case Needs::thread: return at.free_to_act(a[0]);
  }
  return false;
}

std::vector<Rule> all_rules(const Behaviours& kernel) {
  FullTable table(kernel);
  add_all(table, kernel);
  return table.take();
}

std::vector<ir::Program> programs(const Behaviours& kernel) {
  std::vector<ir::Program> out;
  for (Rule& rule : all_rules(kernel)) out.push_back(std::move(rule.program));
  return out;
}

#else
}  // namespace

template <>
std::vector<LeanRule> lean_rules_of<PROCTOR_LEAN_KERNEL>() {
  LeanTable<PROCTOR_LEAN_KERNEL> table;
  add_all(table, PROCTOR_LEAN_KERNEL);
  return table.take();
}
#endif

}  // namespace proctor::model
