// SPDX-License-Identifier: BSD-2-Clause
//
// The checks of kern_ptrace() one by one: each refuses what it is for, with the errno of the kernel's source, and lets
// the nearest innocent case pass.  The test's name is the clause's id.
#include "tests/unit/model/world.hpp"

namespace proctor::model {
namespace {

using namespace rules;
using namespace test;

void expect_refused(World w, Request req, Errno error, std::string_view clause, int data = 0) {
  const SmallState before = w.state;
  const Outcome o = w.ptrace(req, data);
  EXPECT_TRUE(o.possible);
  EXPECT_EQ(o.error, error);
  EXPECT_EQ(o.clause.id, clause);
  EXPECT_EQ(o.emissions, 0);  // no CTR stands before a permission check
  EXPECT_TRUE(w.state == before);
}

void expect_done(World w, Request req, int data = 0) {
  const Outcome o = w.ptrace(req, data);
  EXPECT_TRUE(o.possible) << o.clause.id;
  EXPECT_EQ(o.error, Errno::ok) << o.clause.id;
}

// sys_ptrace(): before the process is looked at.

TEST(kern_ptrace, capability_mode) {
  World w = with_tracee();
  w.capmode = true;
  expect_refused(w, PT_CONTINUE, Errno::ecapmode, "capability-mode");
  w.capmode = false;
  expect_done(w, PT_CONTINUE);
}

TEST(kern_ptrace, copyin) {
  for (Request req : {PT_SETREGS, PT_SETFPREGS, PT_SETDBREGS, PT_IO, PT_VM_ENTRY}) {
    World w = with_tracee();
    w.open(Open::copyin) = 1;
    expect_refused(w, req, Errno::efault, "copyin");
    w.open(Open::copyin) = 0;
    expect_done(w, req);
  }
  World w = with_tracee();  // takes addr as it is
  w.open(Open::copyin) = 1;
  expect_done(w, PT_GETREGS);
}

TEST(kern_ptrace, event_mask_size_set) {
  expect_refused(with_tracee(), PT_SET_EVENT_MASK, Errno::einval, "event-mask-size-set", 8);
  expect_done(with_tracee(), PT_SET_EVENT_MASK, 4);  // sizeof(int)
}

TEST(kern_ptrace, event_mask_copyin) {
  World w = with_tracee();
  w.open(Open::copyin) = 1;
  expect_refused(w, PT_SET_EVENT_MASK, Errno::efault, "event-mask-copyin", 4);
  w.open(Open::copyin) = 0;
  expect_done(w, PT_SET_EVENT_MASK, 4);
}

// The process.

TEST(kern_ptrace, no_such_process) {
  World w;
  w.gone = true;
  expect_refused(w, PT_ATTACH, Errno::esrch, "no-such-process");
  w.gone = false;
  w.proc(kTarget).state = ProcState::zombie;  // pfind() does not find a zombie
  expect_refused(w, PT_ATTACH, Errno::esrch, "no-such-process");
  w.proc(kTarget).state = ProcState::normal;
  expect_done(w, PT_ATTACH);
}

TEST(kern_ptrace, exiting) {
  World w;
  w.set(kTarget, P_WEXIT);
  expect_refused(w, PT_ATTACH, Errno::esrch, "exiting");
  w.clear(kTarget, P_WEXIT);
  w.set(kOther, P_WEXIT);  // somebody else
  expect_done(w, PT_ATTACH);
}

TEST(kern_ptrace, not_visible) {
  World w;
  w.open(Open::cansee) = 1;
  expect_refused(w, PT_ATTACH, Errno::esrch, "not-visible");
  w.open(Open::cansee) = 0;
  expect_done(w, PT_ATTACH);
}

TEST(kern_ptrace, may_not_debug) {
  World w;
  w.open(Open::candebug) = 1;
  expect_refused(w, PT_ATTACH, Errno::eperm, "may-not-debug");
  expect_done(World(), PT_ATTACH);
  World child;  // p_candebug() of oneself is 0 before it looks at anything else
  child.proc(kTarget).p_pptr = kDebugger;
  child.caller = kTarget;
  child.open(Open::candebug) = 1;
  expect_done(child, PT_TRACE_ME);
}

// A debugger that loses its rights while it traces is refused at each request, also at PT_DETACH.
TEST(kern_ptrace, may_not_debug_is_asked_each_time) {
  for (Request req : {PT_CONTINUE, PT_DETACH, PT_KILL, PT_GETREGS, PT_LWPINFO, PT_READ_D}) {
    World w = with_tracee();
    w.open(Open::candebug) = 1;
    expect_refused(w, req, Errno::eperm, "may-not-debug", 4);
  }
}

TEST(kern_ptrace, in_exec) {
  World w;
  w.set(kTarget, P_INEXEC);
  expect_refused(w, PT_ATTACH, Errno::ebusy, "in-exec");  // EAGAIN in 5.1 and in DragonFly
  w.clear(kTarget, P_INEXEC);
  w.set(kDebugger, P_INEXEC);
  expect_done(w, PT_ATTACH);
}

TEST(kern_ptrace, system_process) {
  World w;
  w.target = kInit;  // create_init() sets P_SYSTEM
  expect_refused(w, PT_ATTACH, Errno::einval, "system-process");
  w.clear(kInit, P_SYSTEM);
  expect_done(w, PT_ATTACH);
}

// The request.

TEST(kern_ptrace, trace_me_traced) {
  World w = with_tracee();
  w.caller = kTarget;
  expect_refused(w, PT_TRACE_ME, Errno::ebusy, "trace-me-traced");
  w.clear(kTarget, P_TRACED);
  expect_done(w, PT_TRACE_ME);
}

TEST(kern_ptrace, trace_me_init) {
  World w;
  w.caller = kTarget;
  expect_refused(w, PT_TRACE_ME, Errno::eperm, "trace-me-init");
  w.proc(kTarget).p_pptr = kOther;
  expect_done(w, PT_TRACE_ME);
}

TEST(kern_ptrace, attach_self) {
  World w;
  w.target = kDebugger;
  expect_refused(w, PT_ATTACH, Errno::einval, "attach-self");
  w.thread = kDebugger;  // by tid it is the same process
  expect_refused(w, PT_ATTACH, Errno::einval, "attach-self");
  w.thread = kTarget;
  expect_done(w, PT_ATTACH);
}

TEST(kern_ptrace, attach_traced) {
  World w = with_tracee();
  expect_refused(w, PT_ATTACH, Errno::ebusy, "attach-traced");  // even by its own debugger
  w.caller = kOther;
  expect_refused(w, PT_ATTACH, Errno::ebusy, "attach-traced");
  w.target = kDebugger;  // the debugger itself is not traced
  expect_done(w, PT_ATTACH);
}

TEST(kern_ptrace, attach_ancestor) {
  World w;
  w.proc(kDebugger).p_pptr = kOther;  // other -> debugger, other's parent is the target
  w.proc(kOther).p_pptr = kTarget;
  expect_done(w, PT_ATTACH);  // the walk is taken only if the caller is traced
  w.set(kDebugger, P_TRACED);
  expect_refused(w, PT_ATTACH, Errno::einval, "attach-ancestor");
  w.proc(kOther).p_pptr = kInit;  // no ancestor any more
  expect_done(w, PT_ATTACH);
}

// B01: once Q.p_pptr = P and P.p_pptr = Q, the walk meets neither its target nor an end, with the locks held.
TEST(kern_ptrace, attach_walk_ends) {
  World w;
  w.proc(kDebugger).p_pptr = kOther;
  w.proc(kOther).p_pptr = kDebugger;
  w.set(kDebugger, P_TRACED);
  const Outcome o = w.ptrace(PT_ATTACH);
  EXPECT_FALSE(o.possible);
  EXPECT_EQ(o.clause.id, "attach-walk-ends");
}

TEST(kern_ptrace, not_traced) {
  World w = with_tracee();
  w.clear(kTarget, P_TRACED);
  expect_refused(w, PT_CONTINUE, Errno::eperm, "not-traced");
  expect_done(with_tracee(), PT_CONTINUE);
}

TEST(kern_ptrace, not_traced_by_you) {
  World w = with_tracee();
  w.caller = kOther;
  expect_refused(w, PT_CONTINUE, Errno::ebusy, "not-traced-by-you");
  w.caller = kDebugger;
  expect_done(w, PT_CONTINUE);
}

TEST(kern_ptrace, not_stopped) {
  World w = with_tracee();
  w.clear(kTarget, P_STOPPED_SIG | P_STOPPED_TRACE);
  expect_refused(w, PT_CONTINUE, Errno::ebusy, "not-stopped");
  w.set(kTarget, P_STOPPED_SIG);  // a job-control stop will do
  expect_done(w, PT_CONTINUE);
}

TEST(kern_ptrace, not_all_suspended) {
  World w = with_tracee();
  w.proc(kTarget).p_numthreads = 2;
  expect_refused(w, PT_CONTINUE, Errno::ebusy, "not-all-suspended");
  w.proc(kTarget).p_suspcount = 2;
  expect_done(w, PT_CONTINUE);
}

TEST(kern_ptrace, not_waited) {
  World w = with_tracee();
  w.clear(kTarget, P_WAITED);
  expect_refused(w, PT_CONTINUE, Errno::ebusy, "not-waited");
  w.set(kTarget, P_WAITED);
  expect_done(w, PT_CONTINUE);
}

// PT_KILL needs a stopped and waited-for tracee as well: on a running one it is EBUSY.
TEST(kern_ptrace, kill_of_a_running_tracee) {
  World w = with_tracee();
  w.clear(kTarget, P_STOPPED_SIG | P_STOPPED_TRACE);
  expect_refused(w, PT_KILL, Errno::ebusy, "not-stopped");
  expect_done(with_tracee(), PT_KILL);
}

// A thread may clear its own single step, traced or not; another thread's only as a debugger.
TEST(kern_ptrace, clearstep_of_oneself) {
  World w;
  w.thread = kDebugger;
  expect_done(w, PT_CLEARSTEP);
  w.thread = kTarget;
  expect_refused(w, PT_CLEARSTEP, Errno::eperm, "not-traced");
  w.thread = kNone;
  w.target = kDebugger;  // by pid: the first thread, which is the caller
  expect_done(w, PT_CLEARSTEP);
}

// The effects' own checks.

TEST(kern_ptrace, signal_range) {
  for (Request req : {PT_STEP, PT_CONTINUE, PT_TO_SCE, PT_TO_SCX, PT_SYSCALL, PT_DETACH}) {
    expect_refused(with_tracee(), req, Errno::einval, "signal-range", -1);
    expect_refused(with_tracee(), req, Errno::einval, "signal-range", 129);  // _SIG_MAXSIG is 128
    expect_done(with_tracee(), req, 0);
    expect_done(with_tracee(), req, 128);
  }
}

TEST(kern_ptrace, event_mask_size_get) {
  expect_refused(with_tracee(), PT_GET_EVENT_MASK, Errno::einval, "event-mask-size-get", 3);
  expect_done(with_tracee(), PT_GET_EVENT_MASK, 4);
}

TEST(kern_ptrace, event_mask_bits) {
  World w = with_tracee();
  EXPECT_EQ(World(w).ptrace(PT_SET_EVENT_MASK, 4, 0x40).clause.id, "event-mask-bits");
  EXPECT_EQ(World(w).ptrace(PT_SET_EVENT_MASK, 4, 0x40).error, Errno::einval);
  EXPECT_EQ(w.ptrace(PT_SET_EVENT_MASK, 4, 0x3f).error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_ptevents, 0x3f);
}

TEST(kern_ptrace, lwpinfo_size) {
  expect_refused(with_tracee(), PT_LWPINFO, Errno::einval, "lwpinfo-size", 0);
  expect_refused(with_tracee(), PT_LWPINFO, Errno::einval, "lwpinfo-size",
                 161);  // sizeof(struct ptrace_lwpinfo) is 160
  expect_done(with_tracee(), PT_LWPINFO, 1);
  expect_done(with_tracee(), PT_LWPINFO, 160);
}

// PT_GETLWPLIST writes its line before it looks at data.
TEST(kern_ptrace, lwplist_size) {
  World w = with_tracee();
  const Outcome o = w.ptrace(PT_GETLWPLIST, 0);
  EXPECT_EQ(o.error, Errno::einval);
  EXPECT_EQ(o.clause.id, "lwplist-size");
  EXPECT_EQ(o.emissions, 1);
  const Outcome list = w.ptrace(PT_GETLWPLIST, 10);
  EXPECT_EQ(list.error, Errno::ok);
  EXPECT_EQ(list.result, 1);  // min(threads, data)
}

// B08: a number that is no request is looked at only after the tracing state.
TEST(kern_ptrace, unknown_request) {
  expect_refused(World(), Request{30}, Errno::eperm, "not-traced");
  expect_refused(with_tracee(), Request{30}, Errno::einval, "unknown-request");
  expect_done(with_tracee(), Request{PT_FIRSTMACH + 7});  // cpu_ptrace() decides
}

TEST(kern_ptrace, machine_request) {
  World w = with_tracee();
  w.open(Open::machine) = 1;
  expect_refused(w, Request{PT_FIRSTMACH}, Errno::einval, "machine-request");
}

}  // namespace
}  // namespace proctor::model
