// SPDX-License-Identifier: BSD-2-Clause
//
// The algebra in which the rules are written.  A rule is a plain function template over a Kernel; it says what the kernel
// code says, in the same order, and nothing about who interprets it.  Two interpretations exist: Exec computes on a packed
// state, Record writes the rule down as a program (ir.hpp) once at start; everything else reads those.
//
// A rule may not branch with `if` on a value of the model (K::Bool does not convert to bool in Record): it uses when(),
// either() and require().  Loops run over slots (each_proc, each_lwp) and are therefore finite.
//
// A C++ variable may be assigned in a loop (found = found || ...), and is then handed on from turn to turn.  In when() it
// may not: give it its value by either().  Record runs every body, and refuses a text that does.
//
// A new operation has its meaning in Exec, a line in Record, and an Op with its row in ir.cpp and its case in step.hpp.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/behaviours.hpp"
#include "model/state.hpp"
#include "model/words/errors.hpp"
#include "model/words/fields.hpp"
#include "model/words/ktr_lines.hpp"
#include "model/words/open_choices.hpp"

namespace proctor::model {

// Where a clause stands in the kernel's source.  The id is the same word in messages, tests, coverage and the paper.
struct Clause {
  std::string_view id;    // "attach-self"
  std::string_view file;  // "sys_process.c"
  int line;               // of the check in the kernel's source; 0: not pinned to a line, then the function
  std::string_view function = {};
  std::string_view impossible = {};  // why it can never fail, or never hold; empty: both happen
  bool says_where = false;           // it asks only whether somebody is at the place where the rule begins
  std::string_view key = {};         // its row in line files: the id, with "/case" where it stands in two places
};

// The same in the rule text, which does not say where: each kernel's line file does (model/kernels/lines.hpp).  A clause
// that no line file has yet can bring lines that were found by hand, those of freebsd-10.4 if it is one number.
struct Lines {
  int freebsd51 = 0, freebsd11c = 0, dragonfly55 = 0, freebsd104 = 0;
};
struct Anchor {
  std::string_view key, file;
  Lines by_hand = {};
  std::string_view function = {};
  std::string_view impossible_why = {};
  bool says_where = false;
  constexpr std::string_view id() const { return key.substr(0, key.find('/')); }
  Clause of(const Behaviours& kernel) const;
  constexpr Anchor impossible(std::string_view why) const {
    Anchor out = *this;
    out.impossible_why = why;
    return out;
  }
};
constexpr Anchor at(std::string_view key, std::string_view file = "sys_process.c") { return {key, file}; }
constexpr Anchor in(std::string_view key, std::string_view function, std::string_view file) {
  return {key, file, {}, function};
}
// The place in the code where a rule begins: not a check of the kernel's, only where the thread has to be.
constexpr Anchor place_of(std::string_view key, std::string_view function, std::string_view file) {
  Anchor out = in(key, function, file);
  out.says_where = true;
  return out;
}
constexpr Anchor at(std::string_view key, Lines by_hand) { return {key, "sys_process.c", by_hand}; }
constexpr Anchor at(std::string_view key, int line104, std::string_view file = "sys_process.c") {
  return {key, file, {.freebsd104 = line104}};
}

// "[attach-self, sys_process.c:790]"
std::string place(const Clause& clause);

// thread: thread_lock(td); token: lwkt_gettoken(&p->p_token); crit: crit_enter(); lwp: LWPHOLD(), held and released only.
enum class Lock : std::uint8_t { proctree, proc, slock, giant, sched, thread, token, crit, lwp };

// What a request moves between caller and tracee, beside the state: seen by the source harness.
enum class Move : std::uint16_t {
  none = 0,
  word_read = 0x0001,
  word_write = 0x0002,
  io_read = 0x0004,
  io_write = 0x0008,
  io_length = 0x0010,  // piod_len as it is copied out
  registers_read = 0x0020,
  registers_written = 0x0040,
  pc = 0x0080,             // ptrace_set_pc()
  sigchld_taken = 0x0100,  // sigqueue_take() of the SIGCHLD that the debugger has not seen
  lwplist = 0x0200,
  lwpinfo = 0x0400,
  vm_entry = 0x0800,
  machine = 0x1000,   // cpu_ptrace()
  runnable = 0x2000,  // setrunnable()
};

// Fields of an answer that nobody wrote.
enum class Uninitialised : std::uint8_t { child_pid = 1, name_tail = 2, padding = 4 };

// A process (or thread) in a rule: a slot, and the interpretation that reads it.
template <class K>
struct ProcRef {
  K* k;
  typename K::Num slot;
  auto operator[](ProcFlag flag) const { return k->flag(*this, flag); }  // any of the bits
  auto operator[](ProcField field) const { return k->get(*this, field); }
  auto operator==(const ProcRef& other) const { return slot == other.slot; }
};
template <class K>
struct LwpRef {
  K* k;
  typename K::Num slot;
  auto operator[](LwpFlag flag) const { return k->flag(*this, flag); }
  auto operator[](LwpField field) const { return k->get(*this, field); }
  auto operator==(const LwpRef& other) const { return slot == other.slot; }
};

constexpr ProcFlag operator|(ProcFlag a, ProcFlag b) { return ProcFlag(std::uint16_t(a) | std::uint16_t(b)); }
constexpr LwpFlag operator|(LwpFlag a, LwpFlag b) { return LwpFlag(std::uint16_t(a) | std::uint16_t(b)); }

template <class K>
concept Kernel = requires(K k, typename K::Bool cond, typename K::Num num, ProcRef<K> p, LwpRef<K> td, Anchor clause) {
  { k.behaviour() } -> std::convertible_to<const Behaviours&>;  // which kernel
  { k.lit(1) } -> std::same_as<typename K::Num>;
  { k.yes(true) } -> std::same_as<typename K::Bool>;
  { (cond && !cond) || cond } -> std::same_as<typename K::Bool>;
  { num == num } -> std::same_as<typename K::Bool>;
  { num & 1 } -> std::same_as<typename K::Num>;
  { (num | 1) + (num | num) - num } -> std::same_as<typename K::Num>;
  { num.between(0, 1) } -> std::same_as<typename K::Bool>;
  { num.min(num) } -> std::same_as<typename K::Num>;
  { k.either(cond, num, num) } -> std::same_as<typename K::Num>;  // cond ? a : b
  // reading and writing
  { p[P_TRACED] } -> std::same_as<typename K::Bool>;
  { p[p_pptr] } -> std::same_as<typename K::Num>;
  { td[TDB_XSIG] } -> std::same_as<typename K::Bool>;
  k.set(p, p_pptr, num);
  k.set(p, P_TRACED);
  k.clear(p, P_TRACED);
  k.set(td, td_xsig, num);
  k.set(td, TDB_XSIG);
  k.clear(td, TDB_XSIG);
  { k.first_lwp(p) } -> std::same_as<typename K::Num>;  // FIRST_THREAD_IN_PROC()
  k.fresh(p, td);                                       // zero both, as for a new process
  k.link(td, p, true);  // thread_link(): a new thread, zeroed; true: the last of p, false: the first
  k.unlink(td);         // thread_unlink(), and the thread is gone
  k.free(p);            // the process is gone
  // sets of signals
  { k.has(p, p_siglist, num) } -> std::same_as<typename K::Bool>;
  { k.has(td, td_sigmask, num) } -> std::same_as<typename K::Bool>;
  k.add(p, p_siglist, num);
  k.add(td, td_siglist, num);
  k.remove(p, p_siglist, num);
  k.remove(td, td_siglist, num);
  k.clear(p, p_siglist);
  k.clear(td, td_siglist);
  k.copy(p, p_sigcatch, p);  // to, which, from
  k.copy(td, td_sigmask, td);
  // the lowest signal that is pending for the thread or its process and not masked; 0: none
  { k.pending(td, cond) } -> std::same_as<typename K::Num>;  // cond: stop signals count
  // the first thread that does not mask it, or none; true: one in its vfork wait does not count
  { k.first_unmasked(p, num, true) } -> std::same_as<typename K::Num>;
  // control: the first require() that fails names the errno and ends the rule; later effects do nothing.
  // guard() says when the step is possible at all: the code is not reached otherwise, there is no errno.
  k.require(cond, Errno::eperm, clause);
  k.guard(cond, clause);
  k.when(cond, [] {});
  k.each_proc([](ProcRef<K>) {});
  k.each_lwp(p, [](LwpRef<K>) {});
  { k.open(Open::copyin, 2) } -> std::same_as<typename K::Num>;  // 0..n-1, decided outside the model
  // what others see
  k.lock(Lock::proc, p);
  k.unlock(Lock::proc, p);
  k.leave(Lock::proc, p);  // unlock on the way out, whether the call failed or not
  k.hold(p);
  k.release(p);
  k.let_go(p);  // release on the way out
  k.sleep(p);   // may block here
  k.wakeup(p);
  k.emit(Ktr::trace_me, p, num);
  k.result(num);  // td_retval[0]
  k.move(Move::pc, td);
  k.uninitialised(Uninitialised::child_pid);
};

}  // namespace proctor::model
