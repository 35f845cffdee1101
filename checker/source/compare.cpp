// SPDX-License-Identifier: BSD-2-Clause
//
// What the two sides of a call must agree on, and the words for it when they do not.
#include <fmt/format.h>

#include <algorithm>

#include "checker/run/state_words.hpp"
#include "checker/source/lockstep.hpp"
#include "model/names.hpp"
#include "model/rules/sys_ptrace.hpp"
#include "model/words/ktr_lines.hpp"

namespace proctor::source {

using model::Emission;
using model::kNone;
using model::LineParameter;
using model::LockEvent;
using model::Move;
using model::Outcome;
using model::Slot;
using model::SmallState;
using trace::Ktr;

namespace {

std::string process(int slot) { return slot == kNone ? "none" : fmt::format("p{}", slot + 1); }
std::string thread(int td) { return td == kNone ? "none" : fmt::format("t{}", td); }

constexpr std::pair<int, std::string_view> kMoves[] = {
    {int(Move::word_read), "the word read from the target"},
    {int(Move::word_write), "the word written to the target"},
    {int(Move::io_read), "the bytes read from the target"},
    {int(Move::io_write), "the bytes written to the target"},
    {int(Move::io_length), "piod_len"},
    {int(Move::registers_read), "the registers read"},
    {int(Move::registers_written), "the registers written"},
    {int(Move::pc), "the program counter"},
    {int(Move::sigchld_taken), "the SIGCHLD taken back from the debugger"},
    {int(Move::lwplist), "the list of threads"},
    {int(Move::lwpinfo), "the thread's description"},
    {int(Move::vm_entry), "the map entry"},
    {int(Move::machine), "a call of cpu_ptrace()"},
    {int(Move::runnable), "a call of setrunnable()"},
};
std::string moves_text(unsigned moves) {
  std::string out;
  for (const auto& [bit, text] : kMoves)
    if ((moves & unsigned(bit)) != 0) out += (out.empty() ? "" : ", ") + std::string(text);
  return out.empty() ? "nothing" : out;
}

constexpr std::pair<int, std::string_view> kUninitialised[] = {
    {PR_UNINIT_CHILD_PID, "pl_child_pid"},
    {PR_UNINIT_TDNAME, "the rest of pl_tdname"},
    {PR_UNINIT_PADDING, "padding"},
    {PR_UNINIT_OTHER, "other bytes"},
};
std::string uninitialised_text(unsigned fields) {
  std::string out;
  for (const auto& [bit, text] : kUninitialised)
    if ((fields & unsigned(bit)) != 0) out += (out.empty() ? "" : ", ") + std::string(text);
  return out.empty() ? "none" : out;
}

std::string locks_text(const std::vector<LockEvent>& locks) {
  std::string out;
  for (const LockEvent& e : locks) out += (out.empty() ? "" : ", ") + lock_text(e);
  return out.empty() ? "none" : out;
}

// What the model's line says, in the terms of a line that was written.  Parameters that no state determines (addresses,
// the program counter) have no place in an emission.
bool same_line(const Emission& e, const KtrLine& line, std::string& why) {
  auto same = [&](std::string_view what, std::int64_t expected, std::int64_t seen) {
    if (expected != seen) why = fmt::format("{}: {} expected, {} seen", what, expected, seen);
    return expected == seen;
  };
  auto arg = [&](std::size_t i) { return std::int64_t(std::int32_t(line.args[i])); };
  if (e.line != line.line) {
    why = fmt::format("{} expected", name(e.line));
    return false;
  }
  if (!same("pid", PR_PID(int(e.proc)), line.pid)) return false;
  const auto all = model::parameters(e.line);
  return std::all_of(all.begin(), all.end(), [&](const LineParameter& p) {
    const std::int32_t emitted = e.arg[std::size_t(p.emitted)];
    const std::int64_t seen = p.logged == model::kThreadOfLine ? line.tid : arg(std::size_t(p.logged));
    if (p.is == LineParameter::Is::process) return same(p.name, emitted == kNone ? 0 : PR_PID(emitted), seen);
    return same(p.name, p.is == LineParameter::Is::thread ? PR_TID(emitted) : emitted, seen);
  });
}

// The first field in which two states differ, in words, for all fields.
template <class T>
void field(std::string& out, const std::string& owner, std::string_view name, T expected, T seen,
           std::string (*text)(int) = nullptr) {
  if (expected == seen) return;
  const auto shown = [&](int value) { return text != nullptr ? text(value) : fmt::format("{:#x}", value); };
  out += fmt::format("  {} {}: {} expected, {} seen\n", owner, name, shown(int(expected)), shown(int(seen)));
}

std::string place_name(int at) { return std::string(model::at_name(model::At(at))); }

void signals(std::string& out, const std::string& owner, std::string_view name, model::AllSignals expected,
             model::AllSignals seen) {
  const auto words = [](model::AllSignals set) {
    std::string list;
    for (int sig = set.lowest(); sig != 0; set.remove(sig), sig = set.lowest())
      list += (list.empty() ? "" : " ") + scenario::signal_words(sig);
    return list.empty() ? std::string("nothing") : list;
  };
  if (!(expected == seen))
    out += fmt::format("  {} {}: {} expected, {} seen\n", owner, name, words(expected), words(seen));
}

template <const auto& kTable>
std::string flags(int bits) {
  return bits == 0 ? "no flag" : flag_names(kTable, bits, " ");
}

}  // namespace

std::string state_difference(const SmallState& expected, const SmallState& seen) {
  std::string out;
  for (std::size_t i = 0; i < expected.proc.size(); ++i) {
    const auto &a = expected.proc[i], &b = seen.proc[i];
    const std::string owner = process(int(i));
    field(out, owner, "p_state", int(a.state), int(b.state));
    field(out, owner, "p_flag", a.p_flag, b.p_flag, flags<model::kProcessFlags>);
    field(out, owner, "p_pptr", a.p_pptr, b.p_pptr, process);
    field(out, owner, "p_oppid", a.p_oppid, b.p_oppid, process);
    field(out, owner, "orphan of", a.p_orphan, b.p_orphan, process);
    field(out, owner, "p_reaper", a.p_reaper, b.p_reaper, process);
    field(out, owner, "p_xthread", a.p_xthread, b.p_xthread, thread);
    field(out, owner, "p_ptevents", a.p_ptevents, b.p_ptevents, flags<model::kEventFlags>);
    field(out, owner, "p_xstat", a.p_xstat, b.p_xstat);
    field(out, owner, "p_numthreads", a.p_numthreads, b.p_numthreads);
    field(out, owner, "p_suspcount", a.p_suspcount, b.p_suspcount);
    field(out, owner, "credentials", a.p_cred, b.p_cred);
    field(out, owner, "p_pgrp", a.p_pgrp, b.p_pgrp, process);
    signals(out, owner, "p_siglist", a.p_siglist, b.p_siglist);
    signals(out, owner, "p_sigignore", a.p_sigignore, b.p_sigignore);
    signals(out, owner, "p_sigcatch", a.p_sigcatch, b.p_sigcatch);
  }
  for (std::size_t i = 0; i < expected.lwp.size(); ++i) {
    const auto &a = expected.lwp[i], &b = seen.lwp[i];
    field(out, thread(int(i)), "process", a.proc, b.proc, process);
    field(out, thread(int(i)), "td_xsig", a.td_xsig, b.td_xsig);
    field(out, thread(int(i)), "td_dbgflags", a.td_flag, b.td_flag, flags<model::kThreadFlags>);
    field(out, thread(int(i)), "td_dbgksi", a.td_dbgksi, b.td_dbgksi);
    field(out, thread(int(i)), "place", int(a.td_at), int(b.td_at), place_name);
    signals(out, thread(int(i)), "td_siglist", a.td_siglist, b.td_siglist);
    signals(out, thread(int(i)), "td_sigmask", a.td_sigmask, b.td_sigmask);
  }
  return out;
}

void compare(const scenario::Vocabulary& words, const scenario::Action& action, const Outcome& outcome,
             const std::vector<LockEvent>& locks, const SmallState& after, const Observation& seen) {
  const pr_result& r = seen.result;
  if (r.error != int(outcome.error)) {
    std::string text = fmt::format("{} expected", outcome.error == model::Errno::ok ? "success" : name(outcome.error));
    if (outcome.error != model::Errno::ok) text += " " + place(outcome.clause);
    throw Finding{"errno", text + fmt::format(", {} returned", r.error == 0 ? "success" : name(model::Errno(r.error)))};
  }
  if (!(seen.state == after))
    throw Finding{"state", "the state after the call:\n" + state_difference(after, seen.state)};
  if (locks != seen.locks)
    throw Finding{"locks", fmt::format("lock operations:\n  expected {}\n  seen     {}", locks_text(locks),
                                       locks_text(seen.locks))};
  const int number = words.rules()[action.rule].number;
  const bool ok = outcome.error == model::Errno::ok;
  const bool own_value = number == model::rules::PT_READ_I || number == model::rules::PT_READ_D ||
                         number == model::rules::PT_VM_TIMESTAMP;  // what is in memory, checked by moves
  if (ok && !own_value && r.retval != outcome.result)
    throw Finding{"value", fmt::format("{} expected, {} returned", outcome.result, r.retval)};
  for (std::size_t i = 0; i < std::max<std::size_t>(outcome.emissions, seen.ktr.size()); ++i) {
    if (i >= seen.ktr.size())
      throw Finding{"ktr", fmt::format("KTR line {} expected, none written", name(outcome.emitted[i].line))};
    std::string why = "no line expected";
    if (i >= outcome.emissions || !same_line(outcome.emitted[i], seen.ktr[i], why))
      throw Finding{"ktr", fmt::format("KTR line \"{}\": {}", seen.ktr[i].format, why)};
  }
  if (ok && number == model::rules::PT_VM_TIMESTAMP && !seen.ktr.empty() &&
      r.retval != std::int32_t(seen.ktr[0].args[0]))
    throw Finding{"value", fmt::format("{} logged, {} returned", std::int32_t(seen.ktr[0].args[0]), r.retval)};
  if (r.moves != outcome.moves)
    throw Finding{"moves", fmt::format("what moved:\n  expected {}\n  seen     {}", moves_text(outcome.moves),
                                       moves_text(r.moves))};
  constexpr unsigned of_thread = unsigned(Move::registers_read) | unsigned(Move::registers_written) |
                                 unsigned(Move::pc) | unsigned(Move::machine) | unsigned(Move::runnable);
  if ((r.moves & of_thread) != 0 && r.move_td != outcome.moved)
    throw Finding{"moves", fmt::format("{}: of {} expected, of {} seen", moves_text(r.moves), thread(outcome.moved),
                                       thread(r.move_td))};
  if (r.uninit != outcome.uninitialised)
    throw Finding{"uninitialised",
                  fmt::format("bytes copied out that nobody wrote: {} expected, {} seen",
                              uninitialised_text(outcome.uninitialised), uninitialised_text(r.uninit))};
}

void compare(const Observation& a, const Observation& b) {
  if (a.result.error != b.result.error)
    throw Finding{"errno", fmt::format("{} returned before, {} now", scenario::error_name(a.result.error),
                                       scenario::error_name(b.result.error))};
  if (!(a.state == b.state))
    throw Finding{"state",
                  "the state after the call (expected: before, seen: now):\n" + state_difference(a.state, b.state)};
  if (a.locks != b.locks)
    throw Finding{"locks",
                  fmt::format("lock operations:\n  before {}\n  now    {}", locks_text(a.locks), locks_text(b.locks))};
  if (a.result.error == 0 && a.result.retval != b.result.retval)
    throw Finding{"value", fmt::format("{} returned before, {} now", a.result.retval, b.result.retval)};
  if (a.ktr != b.ktr) throw Finding{"ktr", "different KTR lines"};
  if (a.result.moves != b.result.moves || a.result.move_td != b.result.move_td)
    throw Finding{"moves", fmt::format("what moved:\n  before {}\n  now    {}", moves_text(a.result.moves),
                                       moves_text(b.result.moves))};
  if (a.result.uninit != b.result.uninit)
    throw Finding{"uninitialised",
                  fmt::format("bytes copied out that nobody wrote: {} before, {} now",
                              uninitialised_text(a.result.uninit), uninitialised_text(b.result.uninit))};
}

}  // namespace proctor::source
