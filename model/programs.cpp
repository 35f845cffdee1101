// SPDX-License-Identifier: BSD-2-Clause
#include "model/programs.hpp"

#include <string_view>
#include <type_traits>
#include <utility>

#include "model/ir/record.hpp"
#include "model/lean.hpp"
#include "model/rules/kill.hpp"
#include "model/rules/procctl.hpp"
#include "model/rules/sys_ptrace.hpp"
#include "model/rules/wait.hpp"

namespace proctor::model {
namespace {

using rules::Request;

#ifndef PROCTOR_LEAN_KERNEL
// Calls text(k, arguments) with an Exec now and then, and with a Record once.
class FullTable {
 public:
  explicit FullTable(const Behaviours& kernel) : kernel_(kernel) {}

  template <class Text>
  void add(RuleId id, Rule::By by, std::string name, std::vector<Argument> arguments, Text text, int number = -1) {
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
    rules_.push_back({id, by, number, std::move(arguments), record.take(), std::move(run)});
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
  void add(RuleId, Rule::By, const std::string&, const std::vector<Argument>&, Text text, int = -1) {
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
void add_request(Table& table, Request req, std::string_view name) {
  auto by_pid = [req](auto& k, const auto& a) {
    using K = Plain<decltype(k)>;
    rules::begin_call(k, rules::lwp(k, a[0]));
    rules::sys_ptrace(
        k, rules::lwp(k, a[0]),
        rules::PtraceArgs<K>{
            .req = req, .pid = a[1], .tid = k.lit(kNone), .data = a[2], .event_mask = a[3], .capmode = truth(k, a[4])});
  };
  auto by_tid = [req](auto& k, const auto& a) {
    using K = Plain<decltype(k)>;
    rules::begin_call(k, rules::lwp(k, a[0]));
    rules::sys_ptrace(
        k, rules::lwp(k, a[0]),
        rules::PtraceArgs<K>{
            .req = req, .pid = k.lit(kNone), .tid = a[1], .data = a[2], .event_mask = a[3], .capmode = truth(k, a[4])});
  };
  const Argument caller{"td", Takes::thread}, data{"data", Takes::data}, mask{"*addr", Takes::mask},
      capmode{"capmode", Takes::yes_no};
  const std::string call = "ptrace(" + std::string(name);
  if (req == rules::PT_TRACE_ME) {  // looks at no pid
    table.add(RuleId::ptrace, Rule::By::request, call + ")", {caller, {"pid", Takes::process}, data, mask, capmode},
              by_pid, req);
    return;
  }
  table.add(RuleId::ptrace, Rule::By::request, call + ", pid)", {caller, {"pid", Takes::process}, data, mask, capmode},
            by_pid, req);
  table.add(RuleId::ptrace, Rule::By::request, call + ", tid)", {caller, {"tid", Takes::thread}, data, mask, capmode},
            by_tid, req);
}

template <class Table>
void add_requests(Table& table) {
  for (const RequestWords& row : kRequests)
    if (rules::is_ruled(row)) add_request(table, row.request, row.name);
  for (const Request req : {rules::kNoRequest, rules::kMachineRequest}) add_request(table, req, std::to_string(req));
}

// A step of a thread: the text takes the thread alone.
template <class Text>
auto of_thread(Text text) {
  return [text](auto& k, const auto& a) { text(k, rules::lwp(k, a[0])); };
}

template <class Table>
void add_lifecycle(Table& table, const Behaviours& kernel) {
  using By = Rule::By;
  const Argument td{"td", Takes::thread}, p{"p", Takes::process};
  struct {
    RuleId id;
    std::string_view name;
    rules::ForkKind kind;
  } constexpr forks[] = {{RuleId::fork, "fork", {}},
                         {RuleId::vfork, "vfork", {.ppwait = true}},
                         {RuleId::rfork_nowait, "rfork(RFNOWAIT)", {.nowait = true}},
                         {RuleId::rfork_ppwait_nowait, "rfork(RFPPWAIT|RFNOWAIT)", {.ppwait = true, .nowait = true}},
                         {RuleId::rfork_signal, "rfork(RFLINUXTHPN)", {.other_signal = true}},
                         {RuleId::pdfork, "pdfork", {.procdesc = true}}};
  for (const auto& [id, name, kind] : forks) {
    if (kind.procdesc && !kernel.process_descriptors) continue;
    table.add(id, By::call, std::string(name), {td, {"child", Takes::process}, {"child_td", Takes::thread}},
              [kind = kind](auto& k, const auto& a) {
                rules::sys_fork(k, rules::lwp(k, a[0]), rules::proc(k, a[1]), rules::lwp(k, a[2]), kind);
              });
  }
  if (kernel.process_descriptors)
    table.add(RuleId::procdesc_close, By::call, "pdclose", {td, p}, [](auto& k, const auto& a) {
      rules::begin_call(k, rules::lwp(k, a[0]));
      rules::procdesc_close(k, rules::lwp(k, a[0]), rules::proc(k, a[1]));
    });
  if (kernel.stop_has_thread) {
    table.add(RuleId::fork_return, By::thread, "fork_return", {td},
              of_thread([](auto& k, auto thread) { rules::return_from_fork(k, thread); }));
    table.add(RuleId::thread_return, By::thread, "thread_return", {td},
              of_thread([](auto& k, auto thread) { rules::thread_return(k, thread); }));
    table.add(RuleId::enter_call, By::call, "syscallenter", {td},
              of_thread([](auto& k, auto thread) { rules::enter_call(k, thread); }));
    table.add(RuleId::leave_call, By::thread, "syscallret", {td},
              of_thread([](auto& k, auto thread) { rules::leave_call(k, thread); }));
  }
  table.add(RuleId::end_vfork_wait, By::thread, "vfork_wait_over", {td},
            of_thread([](auto& k, auto thread) { rules::end_vfork_wait(k, thread); }));
  table.add(RuleId::execve_begins, By::call, "execve: P_INEXEC", {td},
            of_thread([](auto& k, auto thread) { rules::sys_execve_begins(k, thread); }));
  table.add(RuleId::execve, By::call, "execve", {td},
            of_thread([](auto& k, auto thread) { rules::sys_execve(k, thread, false); }));
  table.add(RuleId::execve_set_id, By::call, "execve(set-id file)", {td},
            of_thread([](auto& k, auto thread) { rules::sys_execve(k, thread, true); }));
  table.add(RuleId::execve_goes_on, By::thread, "execve: alone", {td},
            of_thread([](auto& k, auto thread) { rules::execve_goes_on(k, thread); }));
  table.add(RuleId::thr_new, By::call, "thr_new", {td, {"newtd", Takes::thread}},
            [](auto& k, const auto& a) { rules::sys_thr_new(k, rules::lwp(k, a[0]), rules::lwp(k, a[1])); });
  if (kernel.lwp_events) {
    table.add(RuleId::thr_exit, By::call, "thr_exit", {td},
              of_thread([](auto& k, auto thread) { rules::thread_exit_begins(k, thread); }));
  } else {
    table.add(RuleId::thr_exit, By::call, "thr_exit", {td},
              of_thread([](auto& k, auto thread) { rules::sys_thr_exit(k, thread); }));
  }
  table.add(RuleId::thr_exit_gone, By::thread, "thr_exit: gone", {td},
            of_thread([](auto& k, auto thread) { rules::end_thread(k, thread); }));
  table.add(RuleId::exit, By::call, "exit1: P_WEXIT", {td, {"status", Takes::status}},
            [](auto& k, const auto& a) { rules::sys_exit(k, rules::lwp(k, a[0]), a[1]); });
  table.add(RuleId::exit_alone, By::thread, "exit1: alone", {td},
            of_thread([](auto& k, auto thread) { rules::exit1_alone(k, thread); }));
  table.add(RuleId::exit_goes_on, By::thread, "exit1: goes on", {td},
            of_thread([](auto& k, auto thread) { rules::exit1_goes_on(k, thread); }));
  table.add(RuleId::exit_untraced, By::process, "exit1: untraced", {p},
            [](auto& k, const auto& a) { rules::exit1_untraced(k, rules::proc(k, a[0])); });
  table.add(RuleId::exit_zombie, By::process, "exit1: zombie", {p},
            [](auto& k, const auto& a) { rules::exit1_zombie(k, rules::proc(k, a[0])); });
  table.add(RuleId::getppid, By::call, "getppid", {td}, of_thread([](auto& k, auto thread) {
              rules::begin_call(k, thread);
              rules::getppid(k, rules::proc(k, thread[td_proc]));
            }));
  if (!kernel.reapers) return;
  table.add(RuleId::reap_acquire, By::call, "procctl(PROC_REAP_ACQUIRE)", {td}, of_thread([](auto& k, auto thread) {
              rules::begin_call(k, thread);
              rules::reap_acquire(k, rules::proc(k, thread[td_proc]));
            }));
  table.add(RuleId::reap_release, By::call, "procctl(PROC_REAP_RELEASE)", {td}, of_thread([](auto& k, auto thread) {
              rules::begin_call(k, thread);
              rules::reap_release(k, rules::proc(k, thread[td_proc]));
            }));
  if (!kernel.tokens)
    table.add(RuleId::reap_kill, By::call, "procctl(PROC_REAP_KILL)", {td, {"sig", Takes::signal}},
              [](auto& k, const auto& a) {
                rules::begin_call(k, rules::lwp(k, a[0]));
                rules::reap_kill(k, rules::lwp(k, a[0]), a[1]);
              });
}

template <class Table>
void add_credentials(Table& table) {
  const Argument td{"td", Takes::thread};
  struct {
    std::string_view name;
    int uid;
  } constexpr users[] = {{"setuid(root)", CR_ROOT}, {"setuid(a user)", 2}, {"setuid(another user)", 3}};
  for (const auto& [name, uid] : users)
    table.add(RuleId::setuid, Rule::By::call, std::string(name), {td}, of_thread([uid = uid](auto& k, auto thread) {
                rules::begin_call(k, thread);
                rules::setuid(k, thread, uid);
              }));
  table.add(RuleId::jail, Rule::By::call, "jail", {td}, of_thread([](auto& k, auto thread) {
              rules::begin_call(k, thread);
              rules::jail(k, thread);
            }));
  struct {
    std::string_view name;
    int bit;
  } constexpr settings[] = {{"sysctl(kern.securelevel=1)", CR_SECURELEVEL},
                            {"sysctl(security.bsd.unprivileged_proc_debug=0)", CR_NO_UNPRIVILEGED}};
  for (const auto& [name, bit] : settings)
    table.add(RuleId::sysctl, Rule::By::call, std::string(name), {td}, of_thread([bit = bit](auto& k, auto thread) {
                rules::begin_call(k, thread);
                rules::set_system(k, thread, bit);
              }));
}

// What a thread does with signals and stops on its way to user mode.
template <class Table>
void add_stops(Table& table, const Behaviours& kernel) {
  using By = Rule::By;
  const Argument td{"td", Takes::thread}, sig{"sig", Takes::signal};
  if (kernel.stop_has_thread) {
    table.add(RuleId::stop, By::thread, "ptracestop", {td, sig},
              [](auto& k, const auto& a) { rules::enter_stop(k, rules::lwp(k, a[0]), a[1]); });
    table.add(RuleId::resume_in_stop, By::thread, "ptracestop: resumed", {td},
              of_thread([](auto& k, auto thread) { rules::resume_in_stop(k, thread); }));
  }
  if (kernel.stop_waits_for_word)
    table.add(RuleId::leave_stop, By::thread, "leave_stop", {td},
              of_thread([](auto& k, auto thread) { rules::leave_stop(k, thread); }));
  if (!kernel.job_stop_takes_signal_first && !kernel.tokens)
    table.add(RuleId::leave_job_stop, By::thread, "issignal: job stop over", {td},
              of_thread([](auto& k, auto thread) { rules::leave_job_stop(k, thread); }));
  table.add(RuleId::follow_stop, By::thread, "thread_suspend_check", {td},
            of_thread([](auto& k, auto thread) { rules::follow_stop(k, thread); }));
  table.add(RuleId::die_with_process, By::thread, "thread_suspend_check: P_SINGLE_EXIT", {td},
            of_thread([](auto& k, auto thread) { rules::die_with_process(k, thread); }));
  table.add(RuleId::issignal, By::thread, "issignal", {td, sig},
            [](auto& k, const auto& a) { rules::issignal(k, rules::lwp(k, a[0]), a[1]); });
  table.add(RuleId::step_trap, By::thread, "trapsignal: step", {td},
            of_thread([](auto& k, auto thread) { rules::step_trap(k, thread); }));
}

// Sending signals, and what decides what becomes of them.
template <class Table>
void add_signals(Table& table) {
  using By = Rule::By;
  const Argument td{"td", Takes::thread}, p{"p", Takes::process}, sig{"sig", Takes::signal}, any{"sig", Takes::data},
      capmode{"capmode", Takes::yes_no};
  table.add(RuleId::psignal, By::other, "psignal", {p, sig}, [](auto& k, const auto& a) {
    k.guard(a[1].between(1, kSigmax), in("psignal-signal", "psignal", "kern_sig.c"));
    k.lock(k.behaviour().tokens ? Lock::token : Lock::proc, rules::proc(k, a[0]));
    rules::psignal(k, rules::proc(k, a[0]), a[1]);
    k.unlock(k.behaviour().tokens ? Lock::token : Lock::proc, rules::proc(k, a[0]));
  });
  table.add(RuleId::trapsignal, By::call, "trapsignal", {td, sig},
            [](auto& k, const auto& a) { rules::raise(k, rules::lwp(k, a[0]), a[1]); });
  table.add(RuleId::kill, By::call, "kill", {td, p, any, capmode}, [](auto& k, const auto& a) {
    rules::begin_call(k, rules::lwp(k, a[0]));
    rules::kill(k, rules::lwp(k, a[0]), rules::proc(k, a[1]), a[2], truth(k, a[3]));
  });
  table.add(RuleId::killpg, By::call, "killpg", {td, {"pgrp", Takes::process}, any, capmode},
            [](auto& k, const auto& a) {
              rules::begin_call(k, rules::lwp(k, a[0]));
              rules::killpg(k, rules::lwp(k, a[0]), a[1], a[2], truth(k, a[3]));
            });
  table.add(RuleId::thr_kill, By::call, "thr_kill", {td, {"target", Takes::thread}, any}, [](auto& k, const auto& a) {
    rules::begin_call(k, rules::lwp(k, a[0]));
    rules::thr_kill(k, rules::lwp(k, a[0]), rules::lwp(k, a[1]), a[2]);
  });
  struct {
    RuleId id;
    std::string_view name;
    rules::Action action;
  } constexpr actions[] = {{RuleId::sigaction_ignore, "sigaction(SIG_IGN)", rules::Action::ignore},
                           {RuleId::sigaction_default, "sigaction(SIG_DFL)", rules::Action::by_default},
                           {RuleId::sigaction_catch, "sigaction(handler)", rules::Action::handle}};
  for (const auto& [id, name, action] : actions)
    table.add(id, By::call, std::string(name), {td, sig}, [action = action](auto& k, const auto& a) {
      rules::begin_call(k, rules::lwp(k, a[0]));
      rules::sigaction(k, rules::lwp(k, a[0]), a[1], action);
    });
  for (const bool block : {true, false})
    table.add(block ? RuleId::sig_block : RuleId::sig_unblock, By::call,
              block ? "sigprocmask(SIG_BLOCK)" : "sigprocmask(SIG_UNBLOCK)", {td, sig},
              [block](auto& k, const auto& a) {
                rules::begin_call(k, rules::lwp(k, a[0]));
                rules::sigprocmask(k, rules::lwp(k, a[0]), a[1], block);
              });
  table.add(RuleId::setpgid, By::call, "setpgid", {td, p, {"pgrp", Takes::process}}, [](auto& k, const auto& a) {
    rules::begin_call(k, rules::lwp(k, a[0]));
    rules::setpgid(k, rules::lwp(k, a[0]), rules::proc(k, a[1]), a[2]);
  });
}

// The options are data of the rule: those that each report needs, alone and with another that matters.  In a kernel without
// wait6(2) these are the calls of wait4(2) that ask the same.
template <class Table>
void add_waits(Table& table, const Behaviours& kernel) {
  using rules::Report;
  using rules::WaitFor;
  const Argument td{"td", Takes::thread}, p{"p", Takes::process}, id{"id", Takes::process};
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
  struct {
    std::string_view name;
    WaitFor set;
  } constexpr sets[] = {{"P_ALL", WaitFor::any}, {"P_PID", WaitFor::pid}, {"P_PGID", WaitFor::pgrp}};
  for (const auto& [set_name, set] : sets)
    for (const auto& [with, option] : more)
      for (const auto& [name, report] : reports) {
        if (option == rules::kWnowait && !kernel.wait6) continue;
        const int all = report == Report::stopped ? every & ~rules::kWtrapped : every;  // a traced one is trapped first
        const int options = all | option;
        table.add(RuleId::wait_report, Rule::By::call,
                  "wait6(" + std::string(set_name) + std::string(with) + "): " + std::string(name), {td, p, id},
                  [=, set = set, report = report](auto& k, const auto& a) {
                    using K = Plain<decltype(k)>;
                    const rules::WaitArgs<K> args{.set = set, .pid = a[2], .options = options};
                    rules::sys_wait_report(k, rules::lwp(k, a[0]), rules::proc(k, a[1]), args, report);
                  });
      }
  struct {
    std::string_view name;
    int options;
  } constexpr quiet[] = {{"", rules::wait4_options(0)},
                         {", all events", every},
                         {", WLINUXCLONE", every | rules::kWlinuxclone},
                         {", no event", 0},
                         {", unknown option", every | 0x100}};
  for (const auto& [set_name, set] : sets)
    for (const auto& [name, options] : quiet) {
      if (options == 0 && !kernel.wait6) continue;  // wait4(2) always asks for ends
      table.add(RuleId::wait_nothing, Rule::By::call,
                "wait6(" + std::string(set_name) + std::string(name) + "): nothing", {td, id},
                [=, set = set, options = options](auto& k, const auto& a) {
                  using K = Plain<decltype(k)>;
                  const rules::WaitArgs<K> args{.set = set, .pid = a[1], .options = options};
                  rules::sys_wait_nothing(k, rules::lwp(k, a[0]), args);
                });
    }
}

template <class Table>
void add_all(Table& table, const Behaviours& kernel) {
  add_requests(table);
  add_lifecycle(table, kernel);
  add_credentials(table);
  add_stops(table, kernel);
  add_signals(table);
  add_waits(table, kernel);
}

}  // namespace

#ifndef PROCTOR_LEAN_KERNEL
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

bool is_enabled(const Rule& rule, const Behaviours& kernel, const SmallState& state,
                const std::vector<std::int32_t>& arguments, const Choices& choices) {
  SmallState next = state;
  Exec<SmallState> k(next, kernel, choices);
  rule.run(k, arguments);
  return k.outcome().possible;
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
template <>
std::vector<LeanRule> lean_rules_of<PROCTOR_LEAN_KERNEL>() {
  LeanTable<PROCTOR_LEAN_KERNEL> table;
  add_all(table, PROCTOR_LEAN_KERNEL);
  return table.take();
}
#endif

}  // namespace proctor::model
