// SPDX-License-Identifier: BSD-2-Clause
//
// A trial of the algebra on the kernel that fits it least: PT_ATTACH and PT_DETACH of DragonFly (sys_process.c at
// b608d1d3).  Its kern_ptrace() holds p_token, and a token is given up whenever its holder blocks.  What the trial
// needed and found is written down in model/docs/0001-one-rule-text.md.
//
//   attach:  check, mark traced | proc_reparent() | signal        detach:  check | proc_reparent() | unmark, signal
//
// Each | is a place where lwkt_gettoken() may block: there the rule ends, others run, and the next segment begins with the
// locals that the first left, true or not.  So a sleep is no operation of a rule but the end of one.
#include "model/ir.hpp"
#include "model/record.hpp"
#include "tests/unit/model/world.hpp"

namespace proctor::model {
namespace dragonfly {

using namespace rules;

inline constexpr auto SSTOP = P_STOPPED_SIG;  // p_stat == SSTOP: there is one kind of stop

// What a call keeps on its stack from one segment to the next.
template <class K>
struct InFlight {
  ProcRef<K> curp, p;
  ProcRef<K> pp;  // PT_DETACH: the real parent found, or none; held, so its struct proc stays
  typename K::Num data;
};

template <Kernel K>
void token(K& k, ProcRef<K> p) {
  k.lock(Lock::proc, p);  // stands for Lock::token: recursive, without an order, given up in every sleep
}

constexpr Clause line(std::string_view id, int number) { return at(id, number, "sys_process.c"); }

// kern_ptrace() to the end of its permission switch, listing lines 298 to 429.
template <Kernel K>
void permission(K& k, ProcRef<K> curp, ProcRef<K> p, Request req) {
  k.require(is(p, ProcState::normal), Errno::esrch, line("no-such-process", 302));
  k.require(k.open(Open::cansee, 2) == k.lit(0), Errno::esrch, line("not-visible", 305));  // PRISON_CHECK()
  k.require(!p[P_SYSTEM], Errno::einval, line("system-process", 309));
  token(k, p);
  k.require(!p[P_INEXEC], Errno::eagain, line("in-exec", 316));
  switch (req) {
    case PT_TRACE_ME: break;  // always legal
    case PT_ATTACH:
      k.require(!(p == curp), Errno::einval, line("attach-self", 332));
      k.require(!p[P_TRACED], Errno::ebusy, line("attach-traced", 339));
      k.when(curp[P_TRACED], [&] {
        auto pp = curp[p_pptr];
        k.each_proc([&](ProcRef<K> turn) {
          k.require(!(pp == p.slot), Errno::einval, line("attach-ancestor", 347));
          pp = k.either(is(turn, ProcState::free), pp, proc(k, pp)[p_pptr]);
        });
        k.guard(none(k, pp), line("attach-walk-ends", 346));
      });
      k.require(k.open(Open::candebug, 2) == k.lit(0), Errno::eperm, line("may-not-debug", 354));  // asked here only
      break;
    case PT_DETACH:
    case PT_CONTINUE:
      k.require(p[P_TRACED], Errno::eperm, line("not-traced", 401));
      k.require(p[p_pptr] == curp.slot, Errno::ebusy, line("not-traced-by-you", 408));
      k.require(p[SSTOP], Errno::ebusy, line("not-stopped", 415));
      k.require(p[P_WAITED], Errno::ebusy, line("not-waited", 416));
      break;
    default: k.require(k.yes(false), Errno::einval, line("unknown-request", 425));
  }
}

// proc_reparent(): takes the tokens of the old parent, the child and the new parent, and looks again at p_pptr after.
template <Kernel K>
void reparent(K& k, ProcRef<K> child, ProcRef<K> parent) {
  k.when(!(child[p_pptr] == parent.slot), [&] { k.set(child, p_pptr, parent.slot); });
}

// sendsig:, lines 513 to 528.
template <Kernel K>
void sendsig(K& k, const InFlight<K>& call) {
  auto stopped = call.p[SSTOP];
  k.when(stopped, [&] {
    k.set(call.p, p_xstat, call.data);
    k.clear(call.p, SSTOP);  // proc_unstop()
  });
  k.when(!stopped && (call.data == k.lit(kSigstop)), [&] { k.set(call.p, PEND_STOP); });  // ksignal()
}

template <Kernel K>
InFlight<K> attach_check(K& k, ProcRef<K> curp, ProcRef<K> p) {
  permission(k, curp, p, PT_ATTACH);
  k.set(p, P_TRACED);
  k.set(p, p_oppid, p[p_pptr]);
  return {curp, p, p, k.lit(kSigstop)};
}
template <Kernel K>
void attach_reparent(K& k, const InFlight<K>& call) {
  reparent(k, call.p, call.curp);
}

template <Kernel K>
InFlight<K> detach_check(K& k, ProcRef<K> curp, ProcRef<K> p, typename K::Num data) {
  permission(k, curp, p, PT_DETACH);
  k.require(data.between(0, kSigmax), Errno::einval, line("signal-range", 467));
  auto borrowed = !(p[p_oppid] == p[p_pptr]);
  auto found = is(proc(k, p[p_oppid]), ProcState::normal);  // pfind(p->p_oppid)
  return {curp, p, proc(k, k.either(borrowed && found, p[p_oppid], k.lit(kNone))), data};
}
template <Kernel K>
void detach_reparent(K& k, const InFlight<K>& call) {
  k.when(!none(k, call.pp.slot), [&] { reparent(k, call.p, call.pp); });
}
template <Kernel K>
void detach_clear(K& k, const InFlight<K>& call) {
  k.clear(call.p, P_TRACED | P_WAITED);
  k.set(call.p, p_oppid, k.lit(kNone));
  sendsig(k, call);
}

}  // namespace dragonfly

namespace {

using namespace test;
namespace df = dragonfly;

// One call, segment by segment.  An Exec runs one rule, so each segment has its own; slots are all that is carried over.
struct Call {
  SmallState& state;
  Slot curp, p, pp = kNone;
  int data;
  Outcome outcome{};

  df::InFlight<Machine> in_flight(Machine& k) const { return {k.proc(curp), k.proc(p), k.proc(pp), {data}}; }
  template <class Segment>
  void run(Segment segment) {
    Machine k(state, kFreebsd104);
    segment(k, in_flight(k));
  }
};

Call attach_check(World& w, Slot curp, Slot p) {
  Machine k(w.state, kFreebsd104, w.choices);
  df::attach_check(k, k.proc(curp), k.proc(p));
  return {w.state, curp, p, kNone, rules::kSigstop, k.outcome()};
}
Outcome attach(World& w, Slot curp, Slot p) {
  Call call = attach_check(w, curp, p);
  if (call.outcome.error == Errno::ok) {
    call.run(df::attach_reparent<Machine>);
    call.run(df::sendsig<Machine>);
  }
  return call.outcome;
}
Call detach_check(World& w, Slot curp, Slot p, int data = 0) {
  Machine k(w.state, kFreebsd104, w.choices);
  const auto call = df::detach_check(k, k.proc(curp), k.proc(p), {data});
  return {w.state, curp, p, Slot(call.pp.slot.v), data, k.outcome()};
}
Outcome detach(World& w, Slot curp, Slot p, int data = 0) {
  Call call = detach_check(w, curp, p, data);
  if (call.outcome.error == Errno::ok) {
    call.run(df::detach_reparent<Machine>);
    call.run(df::detach_clear<Machine>);
  }
  return call.outcome;
}

// The debugger has attached the target, which is a child of the third process, and has waited for its stop.
World attached() {
  World w;
  w.proc(kTarget).p_pptr = kOther;
  attach(w, kDebugger, kTarget);
  w.set(kTarget, df::SSTOP | P_WAITED);
  return w;
}

TEST(dragonfly_attach, borrows_the_process) {
  World w = attached();
  EXPECT_EQ(w.proc(kTarget).p_pptr, kDebugger);
  EXPECT_EQ(w.proc(kTarget).p_oppid, kOther);
  EXPECT_NE(w.proc(kTarget).p_flag & P_TRACED, 0);
  EXPECT_NE(w.proc(kTarget).p_flag & PEND_STOP, 0);
}

// B27: attached while it was stopped, the process just goes on, and no SIGSTOP is pending that could stop it again.
TEST(dragonfly_attach, of_a_stopped_process_loses_the_stop) {
  World w;
  w.set(kTarget, df::SSTOP);
  EXPECT_EQ(attach(w, kDebugger, kTarget).error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_flag & (df::SSTOP | PEND_STOP), 0);
}

// Lines 309 to 354.  Each world fails the check named and all that come after it.
TEST(dragonfly_attach, order_of_checks) {
  World w;
  w.set(kDebugger, P_TRACED);
  w.proc(kDebugger).p_pptr = kTarget;  // attach-ancestor
  w.choices[1] = 1;                    // may-not-debug
  EXPECT_EQ(attach(w, kDebugger, kTarget).clause.id, "attach-ancestor");
  w.set(kTarget, P_TRACED);
  EXPECT_EQ(attach(w, kDebugger, kTarget).error, Errno::ebusy);
  EXPECT_EQ(attach(w, kTarget, kTarget).clause.id, "attach-self");  // both EINVAL and EBUSY would do
  w.set(kTarget, P_INEXEC);
  EXPECT_EQ(attach(w, kDebugger, kTarget).error, Errno::eagain);
  w.set(kTarget, P_SYSTEM);
  EXPECT_EQ(attach(w, kDebugger, kTarget).error, Errno::einval);
}

// Lines 401, 408, 415: EPERM before EBUSY, and credentials are not asked again.
TEST(dragonfly_detach, order_of_checks) {
  World w = attached();
  w.clear(kTarget, df::SSTOP | P_TRACED);
  EXPECT_EQ(detach(w, kOther, kTarget).error, Errno::eperm);
  w.set(kTarget, P_TRACED);
  EXPECT_EQ(detach(w, kOther, kTarget).clause.id, "not-traced-by-you");
  EXPECT_EQ(detach(w, kDebugger, kTarget).clause.id, "not-stopped");
  w.set(kTarget, df::SSTOP);
  EXPECT_EQ(detach(w, kDebugger, kTarget, 129).clause.id, "signal-range");
  w.choices[1] = 1;
  EXPECT_EQ(detach(w, kDebugger, kTarget).error, Errno::ok);
}

// B08 is not in DragonFly: a number that is no request is refused in the same switch, EINVAL on an untraced process.
TEST(dragonfly_request, unknown_is_einval_on_an_untraced_process) {
  World w;
  Machine k(w.state, kFreebsd104);
  df::permission(k, k.proc(kDebugger), k.proc(kTarget), rules::PT_LWPINFO);
  EXPECT_EQ(k.outcome().error, Errno::einval);
}

TEST(dragonfly_detach, gives_the_process_back) {
  World w = attached();
  EXPECT_EQ(detach(w, kDebugger, kTarget).error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_pptr, kOther);
  EXPECT_EQ(w.proc(kTarget).p_oppid, kNone);
  EXPECT_EQ(w.proc(kTarget).p_flag & (P_TRACED | P_WAITED | df::SSTOP), 0);
}

// B19: with the real parent gone nothing is reparented; the process stays the child of its ex-debugger.
TEST(dragonfly_detach, without_a_real_parent_leaves_the_child_with_the_ex_debugger) {
  World w = attached();
  w.proc(kOther).state = ProcState::free;
  EXPECT_EQ(detach(w, kDebugger, kTarget).error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_pptr, kDebugger);
  EXPECT_EQ(w.proc(kTarget).p_flag & P_TRACED, 0);
}

// B10: p_oppid is a pid.  A slot used again stands for a pid used again: a stranger becomes the parent.
TEST(dragonfly_detach, after_pid_reuse_gives_the_process_to_a_stranger) {
  World w = attached();
  w.proc(kOther) = Proc{};  // the real parent has been reaped
  w.proc(kOther).state = ProcState::normal;
  w.proc(kOther).p_pptr = kInit;
  EXPECT_EQ(detach(w, kDebugger, kTarget).error, Errno::ok);
  EXPECT_EQ(w.proc(kTarget).p_pptr, kOther);
}

// Marked before proc_reparent() can block: a second debugger that comes in between is refused.
TEST(dragonfly_tokens, attach_is_decided_before_it_sleeps) {
  World w;
  Call first = attach_check(w, kDebugger, kTarget);
  EXPECT_EQ(first.outcome.error, Errno::ok);
  EXPECT_EQ(attach(w, kOther, kTarget).clause.id, "attach-traced");
  first.run(df::attach_reparent<Machine>);
  first.run(df::sendsig<Machine>);
  EXPECT_EQ(w.proc(kTarget).p_pptr, kDebugger);
}

// Unmarked only after proc_reparent(): two threads of the debugger can both have passed the checks, and both succeed.
TEST(dragonfly_tokens, detach_is_decided_slept_on_and_done_twice) {
  World w = attached();
  Call first = detach_check(w, kDebugger, kTarget), second = detach_check(w, kDebugger, kTarget, rules::kSigstop);
  for (Call* call : {&first, &second}) {
    EXPECT_EQ(call->outcome.error, Errno::ok);
    call->run(df::detach_reparent<Machine>);
    call->run(df::detach_clear<Machine>);
  }
  EXPECT_EQ(w.proc(kTarget).p_flag & P_TRACED, 0);
  EXPECT_NE(w.proc(kTarget).p_flag & PEND_STOP, 0);  // the second signalled a process that it did not trace any more

  World again = attached();  // one after the other the second is refused
  EXPECT_EQ(detach(again, kDebugger, kTarget).error, Errno::ok);
  EXPECT_EQ(detach(again, kDebugger, kTarget).error, Errno::eperm);
}

// The real parent was found alive, died while the token was given up, and gets the child all the same.
TEST(dragonfly_tokens, detach_reparents_to_whom_it_found) {
  World w = attached();
  Call call = detach_check(w, kDebugger, kTarget);
  w.proc(kOther).state = ProcState::zombie;
  call.run(df::detach_reparent<Machine>);
  call.run(df::detach_clear<Machine>);
  EXPECT_EQ(w.proc(kTarget).p_pptr, kOther);
}

// The same text written down: the segments are programs like any other.
TEST(dragonfly_record, agrees_with_exec) {
  Record r("dragonfly: detach, first segment", kFreebsd104);
  const Record::P curp{&r, r.argument("curp")}, p{&r, r.argument("p")};
  const auto call = df::detach_check(r, curp, p, r.argument("data"));
  r.result(call.pp.slot);  // what the segment leaves for the next
  const ir::Program program = r.take();
  int refused = 0;
  for (std::uint16_t flags = 0; flags < 0x4000; ++flags) {
    World w = attached();
    w.proc(kTarget).p_flag = flags;
    World interpreted = w;
    const Call expected = detach_check(w, kDebugger, kTarget);
    const Outcome got = ir::interpret(program, interpreted.state, {kDebugger, kTarget, 0}, {});
    ASSERT_EQ(got.error, expected.outcome.error) << flags;
    ASSERT_EQ(got.clause.id, expected.outcome.clause.id) << flags;
    ASSERT_TRUE(w.state == interpreted.state) << flags;
    if (got.error == Errno::ok) {
      ASSERT_EQ(got.result, expected.pp) << flags;
    }
    refused += got.error != Errno::ok ? 1 : 0;
  }
  // Of P_TRACED, P_WAITED, SSTOP, P_SYSTEM and P_INEXEC exactly one combination in 32 passes.
  EXPECT_EQ(refused, 0x4000 - 0x4000 / 32);
}

}  // namespace
}  // namespace proctor::model
