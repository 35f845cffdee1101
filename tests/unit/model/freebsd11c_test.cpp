// SPDX-License-Identifier: BSD-2-Clause
//
// freebsd-11c (sys_process.c of head r291961, December 2015): the text of 10.4 with some behaviours off.  Lines in comments
// are those of its listing.
#include "model/rules/stop.hpp"
#include "tests/unit/model/world.hpp"

namespace proctor::model {
namespace {

using namespace rules;
using namespace test;

Outcome ptrace(World& w, const Behaviours& kernel, Request req, int data = 0) {
  Machine k(w.state, kernel, w.choices);
  sys_ptrace(
      k, k.lwp(w.caller),
      PtraceArgs<Machine>{
          .req = req, .pid = {w.target}, .tid = {w.thread}, .data = {data}, .event_mask = {0}, .capmode = {false}});
  return k.outcome();
}

template <class Step>
void step(World& w, const Behaviours& kernel, Step take) {
  Machine k(w.state, kernel, {});
  take(k);
  ASSERT_TRUE(k.outcome().possible) << k.outcome().clause.id;
}

// Lines 904 to 912: P_TRACED, p_oppid, the debugger as parent, and the old parent keeps an orphan; SIGSTOP pending.
TEST(freebsd11c, PT_ATTACH) {
  World w;
  w.proc(kTarget).p_pptr = kOther;
  const Outcome o = ptrace(w, kFreebsd11c, PT_ATTACH);
  EXPECT_EQ(o.error, Errno::ok);
  ASSERT_EQ(o.emissions, 1);
  EXPECT_EQ(o.emitted[0].line, Ktr::attach);
  EXPECT_EQ(o.emitted[0].arg[0], kOther);
  EXPECT_EQ(w.proc(kTarget).p_flag, P_TRACED);  // 10.4 has P2_PTRACE_FSTP as well
  EXPECT_TRUE(w.is_pending(kTarget, kSigstop));
  EXPECT_EQ(w.proc(kTarget).p_pptr, kDebugger);
  EXPECT_EQ(w.proc(kTarget).p_oppid, kOther);
  EXPECT_EQ(w.proc(kTarget).p_orphan, kOther);

  World w104;
  EXPECT_EQ(ptrace(w104, kFreebsd104, PT_ATTACH).error, Errno::ok);
  EXPECT_EQ(w104.proc(kTarget).p_flag, P_TRACED | P2_PTRACE_FSTP);
  EXPECT_TRUE(w104.is_pending(kTarget, kSigstop));
}

// Lines 1019 to 1036 and 1043 to 1067.
TEST(freebsd11c, PT_DETACH) {
  World w = with_tracee();
  const Outcome o = ptrace(w, kFreebsd11c, PT_DETACH, 15);
  EXPECT_EQ(o.error, Errno::ok);
  ASSERT_EQ(o.emissions, 1);
  EXPECT_EQ(o.emitted[0].arg[0], kInit);
  EXPECT_EQ(o.emitted[0].arg[1], 15);
  const Proc& p = w.proc(kTarget);
  EXPECT_EQ(p.p_flag & (P_TRACED | P_WAITED | P_STOPPED), 0);
  EXPECT_EQ(p.p_pptr, kInit);
  EXPECT_EQ(p.p_oppid, kNone);
  EXPECT_EQ(p.p_orphan, kNone);  // P_TRACED is cleared first, or it would be an orphan of its debugger (B14)
  EXPECT_EQ(p.p_xthread, kNone);
  EXPECT_EQ(p.p_suspcount, 0);
  EXPECT_EQ(w.lwp(kTarget).td_xsig, 15);
  EXPECT_EQ(w.lwp(kTarget).td_flag & (TDB_XSIG | TD_SUSPENDED), 0);
}

// B28: the SIGSTOP of an attach that was overtaken by another stop is still pending after the detach; 10.4 forgets it.
TEST(freebsd11c, detach_leaves_the_sigstop_of_the_attach) {
  World w = with_tracee();
  w.set(kTarget, P2_PTRACE_FSTP);
  w.proc(kTarget).p_siglist.add(kSigstop);
  World w104 = w;
  w.clear(kTarget, P2_PTRACE_FSTP);  // 11c has no such flag
  EXPECT_EQ(ptrace(w, kFreebsd11c, PT_DETACH).error, Errno::ok);
  EXPECT_TRUE(w.is_pending(kTarget, kSigstop));
  EXPECT_EQ(ptrace(w104, kFreebsd104, PT_DETACH).error, Errno::ok);
  EXPECT_FALSE(w104.is_pending(kTarget, kSigstop));
}

// r291961: ENOMEM for any failure of proc_readmem() (line 1096); 10.4 has what proc_rwmem() returned: EFAULT for an address
// that is not mapped or a transfer that is refused, ENOMEM for a shortage (its lines 298 and 300).
TEST(freebsd11c, memory_faults) {
  constexpr Errno in_104[] = {Errno::ok, Errno::efault, Errno::efault, Errno::enomem};
  for (std::uint8_t fault : {1, 2, 3}) {
    World w = with_tracee();
    w.open(Open::memory) = fault;
    EXPECT_EQ(ptrace(w, kFreebsd11c, PT_READ_D).error, Errno::enomem);
    EXPECT_EQ(ptrace(w, kFreebsd104, PT_READ_D).error, in_104[fault]);
  }
}

// A tracee with two threads, both in ptracestop(): thread 2 has reported, thread 3 had come by too.
World two_threads_stopped(const Behaviours& kernel) {
  World w = with_tracee();
  w.proc(kOther).state = ProcState::free;
  w.proc(kTarget).p_numthreads = 2;
  w.lwp(3) = SmallLwp{};
  w.lwp(3).proc = kTarget;
  step(w, kernel, [](Machine& k) { ptracestop(k, k.lwp(3), {kSigtrap}); });
  w.set(kTarget, P_WAITED);
  return w;
}

// "Last stopped thread wins" in 11c; in 10.4 the first reporter stays p_xthread.  Then PT_CONTINUE hands its signal to the
// thread that p_xthread names (line 1052), lets both run (1066), and the other reports its stop in turn.
TEST(PT_CONTINUE, of_two_stopped_threads) {
  for (const Behaviours* kernel : {&kFreebsd11c, &kFreebsd104}) {
    World w = two_threads_stopped(*kernel);
    const Slot reporter = kernel == &kFreebsd11c ? 3 : 2, other = reporter == 2 ? 3 : 2;
    EXPECT_EQ(w.proc(kTarget).p_xthread, reporter) << kernel->name;
    EXPECT_EQ(w.proc(kTarget).p_suspcount, 2);
    EXPECT_EQ(ptrace(w, *kernel, PT_CONTINUE, 15).error, Errno::ok);
    EXPECT_EQ(w.lwp(reporter).td_xsig, 15);
    EXPECT_EQ(w.lwp(reporter).td_flag & TDB_XSIG, 0);
    EXPECT_NE(w.lwp(other).td_flag & TDB_XSIG, 0);  // it has not been answered
    EXPECT_EQ(w.proc(kTarget).p_suspcount, 0);
    EXPECT_EQ(w.proc(kTarget).p_flag & (P_STOPPED | P_WAITED), 0);
    EXPECT_NE(w.proc(kTarget).p_flag & P_TRACED, 0);

    step(w, *kernel, [&](Machine& k) { ptracestop_resumed(k, k.lwp(other)); });
    EXPECT_EQ(w.proc(kTarget).p_xthread, other) << kernel->name;
    step(w, *kernel, [&](Machine& k) { thread_suspend_check(k, k.lwp(reporter)); });
    EXPECT_EQ(w.proc(kTarget).p_suspcount, 2);
    EXPECT_EQ(w.proc(kTarget).p_flag & P_WAITED, 0);  // a new stop to be waited for
  }
}

// PT_SUSPEND keeps a thread in its stop over PT_CONTINUE ("goto stopme"); PT_DETACH lets all go (line 1055).
TEST(PT_CONTINUE, of_a_suspended_thread) {
  World w = two_threads_stopped(kFreebsd104);
  w.thread = 3;
  EXPECT_EQ(ptrace(w, kFreebsd104, PT_SUSPEND).error, Errno::ok);
  World detached = w;
  w.thread = kNone;
  EXPECT_EQ(ptrace(w, kFreebsd104, PT_CONTINUE).error, Errno::ok);
  step(w, kFreebsd104, [](Machine& k) { ptracestop_resumed(k, k.lwp(3)); });
  EXPECT_NE(w.lwp(3).td_flag & TD_SUSPENDED, 0);
  EXPECT_EQ(w.proc(kTarget).p_xthread, kNone);  // it stopped again without a report
  EXPECT_EQ(ptrace(detached, kFreebsd104, PT_DETACH).error, Errno::ok);
  EXPECT_EQ(detached.lwp(3).td_flag & (TDB_SUSPEND | TD_SUSPENDED), 0);
}

}  // namespace
}  // namespace proctor::model
