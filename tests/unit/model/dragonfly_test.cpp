// SPDX-License-Identifier: BSD-2-Clause
//
// DragonFly's ptrace(2): what it does otherwise than FreeBSD, and what its tokens let happen.  Lines in comments are those
// of its listing.
#include "model/ir/call.hpp"
#include "model/rules/dragonfly_stop.hpp"
#include "tests/unit/model/world.hpp"

namespace proctor::model {
namespace {

using namespace rules;
using namespace test;

World world() {
  World w;
  w.kernel = &kDragonfly55;
  return w;
}

// The debugger has attached the target, which is a child of the third process, and has waited for its stop.
World attached() {
  World w = world();
  w.proc(kTarget).p_pptr = kOther;
  EXPECT_EQ(w.ptrace(PT_ATTACH).error, Errno::ok);
  w.set(kTarget, P_STOPPED_SIG | P_WAITED);
  return w;
}

TEST(dragonfly_attach, borrows_the_process) {
  World w = attached();
  EXPECT_EQ(w.proc(kTarget).p_pptr, kDebugger);
  EXPECT_EQ(w.proc(kTarget).p_oppid, kOther);
  EXPECT_NE(w.proc(kTarget).p_flag & P_TRACED, 0);
  // lwpsignal() stops it at once; nothing is pending afterwards.
  EXPECT_NE(w.proc(kTarget).p_flag & P_STOPPED_SIG, 0);
  EXPECT_EQ(w.proc(kTarget).p_xstat, kSigstop);
  EXPECT_FALSE(w.is_pending(kTarget, kSigstop));
}

// B27: attached while it was stopped, the process just goes on, and no SIGSTOP is pending that could stop it again.
TEST(dragonfly_attach, of_a_stopped_process_loses_the_stop) {
  World w = world();
  w.set(kTarget, P_STOPPED_SIG);
  EXPECT_EQ(w.ptrace(PT_ATTACH).error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_flag & P_STOPPED_SIG, 0);
  EXPECT_FALSE(w.is_pending(kTarget, kSigstop));
}

// Lines 309 to 354.  Each world fails the check named and all that come after it.
TEST(dragonfly_attach, order_of_checks) {
  World w = world();
  w.set(kDebugger, P_TRACED);
  w.proc(kDebugger).p_pptr = kTarget;  // attach-ancestor
  w.open(Open::candebug) = 1;
  EXPECT_EQ(w.ptrace(PT_ATTACH).clause.id, "attach-ancestor");
  w.set(kTarget, P_TRACED);
  EXPECT_EQ(w.ptrace(PT_ATTACH).error, Errno::ebusy);
  w.caller = kTarget;
  EXPECT_EQ(w.ptrace(PT_ATTACH).clause.id, "attach-self");  // both EINVAL and EBUSY would do
  w.caller = kDebugger;
  w.set(kTarget, P_INEXEC);
  EXPECT_EQ(w.ptrace(PT_ATTACH).error, Errno::eagain);
  w.set(kTarget, P_SYSTEM);
  EXPECT_EQ(w.ptrace(PT_ATTACH).error, Errno::einval);
}

// Lines 401, 408, 415: EPERM before EBUSY, and credentials are not asked again.
TEST(dragonfly_detach, order_of_checks) {
  World w = attached();
  w.clear(kTarget, P_STOPPED_SIG | P_TRACED);
  w.caller = kOther;
  EXPECT_EQ(w.ptrace(PT_DETACH).error, Errno::eperm);
  w.set(kTarget, P_TRACED);
  EXPECT_EQ(w.ptrace(PT_DETACH).clause.id, "not-traced-by-you");
  w.caller = kDebugger;
  EXPECT_EQ(w.ptrace(PT_DETACH).clause.id, "not-stopped");
  w.set(kTarget, P_STOPPED_SIG);
  EXPECT_EQ(w.ptrace(PT_DETACH, 129).clause.id, "signal-range");
  w.open(Open::candebug) = 1;
  EXPECT_EQ(w.ptrace(PT_DETACH).error, Errno::ok);
}

// B08 is not in DragonFly: a number that is no request is refused in the same switch, EINVAL on an untraced process.
TEST(dragonfly_request, unknown_is_einval_on_an_untraced_process) {
  World w = world();
  EXPECT_EQ(w.ptrace(PT_LWPINFO).error, Errno::einval);
}

TEST(dragonfly_detach, gives_the_process_back) {
  World w = attached();
  EXPECT_EQ(w.ptrace(PT_DETACH).error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_pptr, kOther);
  EXPECT_EQ(w.proc(kTarget).p_oppid, kNone);
  EXPECT_EQ(w.proc(kTarget).p_flag & (P_TRACED | P_WAITED | P_STOPPED_SIG), 0);
}

// B19: with the real parent gone nothing is reparented; the process stays the child of its ex-debugger.
TEST(dragonfly_detach, without_a_real_parent_leaves_the_child_with_the_ex_debugger) {
  World w = attached();
  w.proc(kOther).state = ProcState::free;
  EXPECT_EQ(w.ptrace(PT_DETACH).error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_pptr, kDebugger);
  EXPECT_EQ(w.proc(kTarget).p_flag & P_TRACED, 0);
}

// B10: p_oppid is a pid.  A slot used again stands for a pid used again: a stranger becomes the parent.
TEST(dragonfly_detach, after_pid_reuse_gives_the_process_to_a_stranger) {
  World w = attached();
  w.proc(kOther) = SmallProc{};  // the real parent has been reaped
  w.proc(kOther).state = ProcState::normal;
  w.proc(kOther).p_pptr = kInit;
  EXPECT_EQ(w.ptrace(PT_DETACH).error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_pptr, kOther);
}

// A call of DragonFly that others may overtake at its lock operations.
class InFlight {
 public:
  InFlight(std::string_view name, SmallState& state, const std::vector<std::int32_t>& arguments) : state_(state) {
    std::size_t rule = 0;
    while (rules().at(rule).program.name != name) ++rule;
    call_ = calls().start(rule, arguments, {}, state_, outcome);
  }
  // Runs the call up to where it may sleep, with its tokens given up.
  void until_asleep() {
    while (calls().next(call_) && calls().next(call_)->op != LockEvent::Op::sleep) calls().pass(call_, state_, outcome);
    ASSERT_TRUE(calls().next(call_));
  }
  void to_the_end() {
    while (calls().next(call_)) calls().pass(call_, state_, outcome);
  }
  Outcome outcome;

 private:
  static const std::vector<Rule>& rules() {
    static const std::vector<Rule> all = all_rules(kDragonfly55);
    return all;
  }
  static const ir::Calls& calls() {
    static const ir::Calls all(rules());
    return all;
  }
  SmallState& state_;
  ir::Call call_;
};

// Marked before proc_reparent() can block: a second debugger that comes in between is refused.
TEST(dragonfly_tokens, attach_is_decided_before_it_sleeps) {
  World w = world();
  InFlight first("ptrace(PT_ATTACH, pid)", w.state, {kDebugger, kTarget, 0, 0, 0});
  first.until_asleep();
  w.caller = kOther;
  EXPECT_EQ(w.ptrace(PT_ATTACH).clause.id, "attach-traced");
  first.to_the_end();
  EXPECT_EQ(w.proc(kTarget).p_pptr, kDebugger);
}

// Unmarked only after proc_reparent(): two threads of the debugger can both have passed the checks, and both succeed.
TEST(dragonfly_tokens, detach_is_decided_slept_on_and_done_twice) {
  World w = attached();
  InFlight first("ptrace(PT_DETACH, pid)", w.state, {kDebugger, kTarget, 0, 0, 0});
  InFlight second("ptrace(PT_DETACH, pid)", w.state, {kDebugger, kTarget, kSigstop, 0, 0});
  first.until_asleep();
  second.until_asleep();
  first.to_the_end();
  second.to_the_end();
  EXPECT_EQ(first.outcome.error, Errno::ok);
  EXPECT_EQ(second.outcome.error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_flag & P_TRACED, 0);
  EXPECT_NE(w.proc(kTarget).p_flag & P_STOPPED_SIG, 0);  // the second stopped a process that it did not trace any more

  World again = attached();  // one after the other the second is refused
  EXPECT_EQ(again.ptrace(PT_DETACH).error, Errno::ok);
  EXPECT_EQ(again.ptrace(PT_DETACH).error, Errno::eperm);
}

// The real parent was found alive, died while the token was given up, and gets the child all the same.
TEST(dragonfly_tokens, detach_reparents_to_whom_it_found) {
  World w = attached();
  InFlight call("ptrace(PT_DETACH, pid)", w.state, {kDebugger, kTarget, 0, 0, 0});
  call.until_asleep();
  w.proc(kOther).state = ProcState::zombie;
  call.to_the_end();
  EXPECT_EQ(w.proc(kTarget).p_pptr, kOther);
}

// Stops, as kern_sig.c has them.  A rule that is not possible changes nothing that matters.
template <class Step>
bool takes(World& w, Step&& step) {
  Machine k(w.state, *w.kernel, w.choices);
  step(k);
  return k.outcome().possible;
}

World traced(const Behaviours& kernel) {
  World w;
  w.kernel = &kernel;
  w.proc(kTarget).p_pptr = kDebugger;
  w.set(kTarget, P_TRACED);
  return w;
}
bool sender_stops(World& w) {
  return takes(w, [](Machine& k) { psignal(k, k.proc(kTarget), {kSigstop}); }) &&
         (w.proc(kTarget).p_flag & P_STOPPED_SIG) != 0;
}
bool gets_there(World& w) {
  return takes(w, [](Machine& k) { follow_stop(k, k.lwp(kTarget)); });
}
bool stops_for(World& w, int sig) {
  return takes(w, [sig](Machine& k) { issignal_stop(k, k.lwp(kTarget), {sig}); });
}
bool delivers(World& w, int sig, bool caught = true) {
  return takes(w, [=](Machine& k) { postsig(k, k.lwp(kTarget), {sig}, caught); });
}
constexpr int kSigusr1 = 30;

// proc_stop() sets p_stat at once; P_WAITED goes when the last thread has come to tstop().
TEST(dragonfly_stop, the_sender_stops_and_the_thread_follows) {
  World w = traced(kDragonfly55);
  EXPECT_FALSE(gets_there(w));  // nothing stops it
  w.set(kTarget, P_WAITED);
  ASSERT_TRUE(sender_stops(w));
  EXPECT_EQ(w.proc(kTarget).p_flag & (P_STOPPED_SIG | P_WAITED), P_STOPPED_SIG | P_WAITED);
  EXPECT_FALSE(w.proc(kTarget).p_siglist.has(kSigstop));
  EXPECT_EQ(w.proc(kTarget).p_xstat, kSigstop);
  EXPECT_EQ(w.lwp(kTarget).td_flag & (TD_SUSPENDED | TDB_XSIG), 0);
  ASSERT_TRUE(gets_there(w));
  EXPECT_EQ(w.proc(kTarget).p_flag & P_WAITED, 0);
  EXPECT_NE(w.lwp(kTarget).td_flag & TD_SUSPENDED, 0);
  EXPECT_FALSE(gets_there(w));
}

TEST(dragonfly_stop, a_vfork_child_is_not_stopped) {
  World w = traced(kDragonfly55);
  w.set(kTarget, P_PPWAIT);
  EXPECT_FALSE(sender_stops(w));
  EXPECT_FALSE(stops_for(w, kSigusr1));
}

// PT_KILL of a process that was stopped by its sender: nobody reads p_xstat.
TEST(dragonfly_stop, the_word_is_for_signal_stops_only) {
  World w = traced(kDragonfly55Be1f9dd);
  ASSERT_TRUE(sender_stops(w) && gets_there(w));
  w.set(kTarget, P_WAITED);
  ASSERT_EQ(w.ptrace(PT_KILL).error, Errno::ok);
  EXPECT_FALSE(delivers(w, kSigkill));
}

TEST(dragonfly_stop, be1f9dd_waits_for_the_word_and_delivers_it) {
  World w = traced(kDragonfly55Be1f9dd);
  EXPECT_FALSE(delivers(w, kSigusr1));
  ASSERT_TRUE(stops_for(w, kSigusr1));
  EXPECT_FALSE(delivers(w, kSigusr1));
  w.set(kTarget, P_WAITED);
  ASSERT_EQ(w.ptrace(PT_CONTINUE, kSigkill).error, Errno::ok);
  EXPECT_FALSE(delivers(w, kSigusr1));  // replaced
  ASSERT_TRUE(delivers(w, kSigkill));
  EXPECT_FALSE(delivers(w, kSigkill));  // once
}

TEST(dragonfly_stop, b608d1d3_takes_the_signal_and_stops_after_that) {
  World w = traced(kDragonfly55);
  ASSERT_TRUE(delivers(w, kSigusr1));
  EXPECT_NE(w.proc(kTarget).p_flag & P_STOPPED_SIG, 0);
  EXPECT_EQ(w.proc(kTarget).p_xstat, kSigusr1);
  ASSERT_TRUE(gets_there(w));
  EXPECT_FALSE(delivers(w, kSigusr1));  // it stands still
}

TEST(dragonfly_stop, b608d1d3_dies_without_a_stop) {
  World w = traced(kDragonfly55);
  ASSERT_TRUE(delivers(w, kSigusr1, false));
  EXPECT_FALSE(gets_there(w));
  EXPECT_FALSE(stops_for(w, kSigchld));
  EXPECT_FALSE(delivers(w, kSigusr1));
}

// What is not delivered (ignored, or a stop signal) is only a stop; SIGKILL and the trap of an exec leave no time for one.
TEST(dragonfly_stop, b608d1d3_has_no_stop_before_a_deadly_signal) {
  World w = traced(kDragonfly55);
  EXPECT_TRUE(stops_for(w, kSigchld));
  w = traced(kDragonfly55);
  w.proc(kTarget).p_siglist.add(kSigkill);
  EXPECT_FALSE(stops_for(w, kSigchld));
  EXPECT_TRUE(delivers(w = traced(kDragonfly55), kSigkill));
  w = traced(kDragonfly55);
  ASSERT_TRUE(takes(w, [](Machine& k) { exec_trap(k, k.lwp(kTarget)); }));
  EXPECT_FALSE(stops_for(w, kSigtrap));
  w.kernel = &kDragonfly55Be1f9dd;
  EXPECT_TRUE(stops_for(w, kSigtrap));
}

TEST(dragonfly_stop, an_untraced_process_takes_its_signals) {
  for (const Behaviours* kernel : {&kDragonfly55, &kDragonfly55Be1f9dd}) {
    World w = traced(*kernel);
    w.clear(kTarget, P_TRACED);
    EXPECT_FALSE(stops_for(w, kSigusr1));
    EXPECT_TRUE(delivers(w, kSigusr1));
    EXPECT_EQ(w.proc(kTarget).p_flag & P_STOPPED_SIG, 0);
    w.set(kTarget, P_WEXIT);
    EXPECT_FALSE(delivers(w, kSigusr1));
  }
}

}  // namespace
}  // namespace proctor::model
