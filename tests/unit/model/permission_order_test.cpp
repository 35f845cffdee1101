// SPDX-License-Identifier: BSD-2-Clause
//
// The first check that fails names the errno.  For each pair of checks of a request, a state in which both would fail.
#include <fmt/format.h>

#include <functional>
#include <vector>

#include "tests/unit/model/world.hpp"

namespace proctor::model {
namespace {

using namespace rules;
using namespace test;

// One check of kern_ptrace() in the order of the source, and how to make it fail.
struct Check {
  std::string_view clause;
  Errno error;
  std::function<void(World&)> offend;
};

const std::vector<Check> kCommon{
    {"capability-mode", Errno::ecapmode, [](World& w) { w.capmode = true; }},
    {"no-such-process", Errno::esrch, [](World& w) { w.proc(kTarget).state = ProcState::zombie; }},
    {"exiting", Errno::esrch, [](World& w) { w.set(kTarget, P_WEXIT); }},
    {"not-visible", Errno::esrch, [](World& w) { w.open(Open::cansee) = 1; }},
    {"may-not-debug", Errno::eperm, [](World& w) { w.open(Open::candebug) = 1; }},
    {"in-exec", Errno::ebusy, [](World& w) { w.set(kTarget, P_INEXEC); }},
    {"system-process", Errno::einval, [](World& w) { w.set(kTarget, P_SYSTEM); }},
};

std::vector<Check> with(std::vector<Check> checks, const std::vector<Check>& more) {
  checks.insert(checks.end(), more.begin(), more.end());
  return checks;
}

void expect_order(const World& innocent, Request req, int data, const std::vector<Check>& checks) {
  EXPECT_EQ(World(innocent).ptrace(req, data).error, Errno::ok);
  for (std::size_t first = 0; first < checks.size(); ++first)
    for (std::size_t second = first; second < checks.size(); ++second) {
      World w = innocent;
      checks[second].offend(w);
      checks[first].offend(w);
      const Outcome o = w.ptrace(req, data);
      const std::string what = fmt::format("{} with {}", checks[first].clause, checks[second].clause);
      EXPECT_EQ(o.clause.id, checks[first].clause) << what;
      EXPECT_EQ(o.error, checks[first].error) << what;
    }
}

const std::vector<Check> kTraced{
    {"not-traced", Errno::eperm, [](World& w) { w.clear(kTarget, P_TRACED); }},
    {"not-traced-by-you", Errno::ebusy, [](World& w) { w.proc(kTarget).p_pptr = kOther; }},
    {"not-stopped", Errno::ebusy, [](World& w) { w.clear(kTarget, P_STOPPED_SIG | P_STOPPED_TRACE); }},
    {"not-all-suspended", Errno::ebusy, [](World& w) { w.proc(kTarget).p_suspcount = 0; }},
    {"not-waited", Errno::ebusy, [](World& w) { w.clear(kTarget, P_WAITED); }},
};

TEST(permission_order, PT_CONTINUE) { expect_order(with_tracee(), PT_CONTINUE, 0, with(kCommon, kTraced)); }

TEST(permission_order, a_bad_signal_comes_last) {
  std::vector<Check> checks = with(kCommon, kTraced);
  for (Request req : {PT_STEP, PT_CONTINUE, PT_TO_SCE, PT_TO_SCX, PT_SYSCALL, PT_DETACH})
    for (const Check& check : checks) {
      World w = with_tracee();
      check.offend(w);
      EXPECT_EQ(w.ptrace(req, 129).clause.id, check.clause);
    }
}

TEST(permission_order, PT_ATTACH) {
  World w;  // the debugger is traced, by the third process; the target is no relative
  w.proc(kDebugger).p_pptr = kOther;
  w.set(kDebugger, P_TRACED);
  expect_order(w, PT_ATTACH, 0,
               with(kCommon, {{"attach-traced", Errno::ebusy, [](World& v) { v.set(kTarget, P_TRACED); }},
                              {"attach-ancestor", Errno::einval, [](World& v) { v.proc(kOther).p_pptr = kTarget; }}}));
}

// attach-self stands before attach-traced: a traced process that attaches itself gets EINVAL.
TEST(permission_order, attach_self_before_attach_traced) {
  World w;
  w.target = kDebugger;
  w.set(kDebugger, P_TRACED);
  EXPECT_EQ(w.ptrace(PT_ATTACH).clause.id, "attach-self");
  w.set(kDebugger, P_SYSTEM);  // and after P_SYSTEM
  EXPECT_EQ(w.ptrace(PT_ATTACH).clause.id, "system-process");
}

// The caller is the target: p_candebug() is not asked, and P_INEXEC is looked at in it.
TEST(permission_order, PT_TRACE_ME) {
  World w;
  w.caller = kTarget;
  w.proc(kTarget).p_pptr = kOther;
  expect_order(w, PT_TRACE_ME, 0,
               {{"capability-mode", Errno::ecapmode, [](World& v) { v.capmode = true; }},
                {"exiting", Errno::esrch, [](World& v) { v.set(kTarget, P_WEXIT); }},
                {"not-visible", Errno::esrch, [](World& v) { v.open(Open::cansee) = 1; }},
                {"system-process", Errno::einval, [](World& v) { v.set(kTarget, P_SYSTEM); }},
                {"trace-me-traced", Errno::ebusy, [](World& v) { v.set(kTarget, P_TRACED); }},
                {"trace-me-init", Errno::eperm, [](World& v) { v.proc(kTarget).p_pptr = kInit; }}});
}

// The size of the event mask is checked and the mask copied in before the process is looked for.
TEST(permission_order, PT_SET_EVENT_MASK) {
  World w = with_tracee();
  w.gone = true;
  EXPECT_EQ(w.ptrace(PT_SET_EVENT_MASK, 8).clause.id, "event-mask-size-set");
  w.open(Open::copyin) = 1;
  EXPECT_EQ(w.ptrace(PT_SET_EVENT_MASK, 4).clause.id, "event-mask-copyin");
  w.open(Open::copyin) = 0;
  EXPECT_EQ(w.ptrace(PT_SET_EVENT_MASK, 4).clause.id, "no-such-process");
  w.gone = false;
  EXPECT_EQ(w.ptrace(PT_SET_EVENT_MASK, 4, 0x40).clause.id, "event-mask-bits");
}

}  // namespace
}  // namespace proctor::model
