// SPDX-License-Identifier: BSD-2-Clause
//
// How Record writes a rule down: on rules made up for this, that do what none of the real ones may.
#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>

#include "model/ir/fails_late.hpp"
#include "model/ir/record.hpp"
#include "model/programs.hpp"
#include "model/rules/lifecycle.hpp"

namespace proctor::model {
namespace {

using ir::Op;

template <class Text>
ir::Program written(Text&& text) {
  Record k("made up", kFreebsd104);
  const Record::Num argument = k.argument("p", ir::Type::process);
  text(k, argument);
  return k.take();
}
int count(const ir::Program& program, Op op) {
  int n = 0;
  for (const ir::Instruction& in : program.code) n += in.op == op ? 1 : 0;
  return n;
}
Outcome run(const ir::Program& program, SmallState state, std::int32_t argument) {
  return ir::interpret(program, state, {argument}, {});
}

// Four processes, of which one is free; three threads belong to process 1.
SmallState some_state() {
  SmallState s = SmallState::boot();
  for (Slot p : {Slot{1}, Slot{3}}) s.proc[p].state = ProcState::normal;
  s.proc[1].p_xstat = 5;
  s.proc[3].p_xstat = 7;
  for (Slot td : {Slot{1}, Slot{3}, Slot{4}}) s.lwp[td].proc = 1;
  return s;
}

// Written as nobody may: without either(), so that only turns that are taken may change the variables.
template <class K>
void counts(K& k, typename K::Num argument) {
  auto threads = k.lit(0), last = k.lit(kNone);
  k.each_lwp(ProcRef<K>{&k, argument}, [&](LwpRef<K> td) {
    threads = threads + k.lit(1);
    last = k.either(k.yes(false), last, td.slot);
  });
  auto sum = threads;
  k.each_proc([&](ProcRef<K> p) { sum = sum + p[p_xstat]; });
  k.result(sum + last + last);
}

TEST(record, a_loop_stays_a_loop_and_hands_its_variables_on) {
  const ir::Program program = written([](Record& k, Record::Num p) { counts(k, p); });
  EXPECT_EQ(count(program, Op::each_lwp), 1);
  EXPECT_EQ(count(program, Op::each_proc), 1);
  EXPECT_EQ(count(program, Op::carried), 3);
  const ir::Program unrolled = ir::unroll(program, SmallState::kProcs, SmallState::kLwps);
  EXPECT_EQ(ir::fault(unrolled), "");
  EXPECT_EQ(count(unrolled, Op::each_lwp) + count(unrolled, Op::each_proc) + count(unrolled, Op::carried), 0);
  const ir::Program flat = ir::flatten(unrolled);
  EXPECT_EQ(count(flat, Op::when), 0);
  // 3 threads, 5 + 7, and twice the last thread of process 1, which is 4
  for (const ir::Program* form : {&program, &unrolled, &flat}) {
    EXPECT_EQ(run(*form, some_state(), 1).result, 3 + 12 + 2 * 4);
    EXPECT_EQ(run(*form, some_state(), 3).result, 0 + 12 + 2 * kNone);
  }
  SmallState state = some_state();
  Exec<SmallState> k(state, kFreebsd104);
  counts(k, k.lit(1));
  EXPECT_EQ(k.outcome().result, 3 + 12 + 2 * 4);
}

TEST(record, loops_within_loops_hand_on_too) {
  const ir::Program program = written([](Record& k, Record::Num) {
    auto n = k.lit(0);
    k.each_proc([&](ProcRef<Record> p) { k.each_lwp(p, [&](LwpRef<Record>) { n = n + p[p_xstat]; }); });
    k.result(n);
  });
  EXPECT_EQ(count(program, Op::carried), 2);
  EXPECT_EQ(run(program, some_state(), 0).result, 3 * 5);
  EXPECT_EQ(run(ir::unroll(program, SmallState::kProcs, SmallState::kLwps), some_state(), 0).result, 3 * 5);
}

TEST(record, a_value_does_not_leave_its_when) {
  EXPECT_THROW(written([](Record& k, Record::Num p) {
                 auto n = k.lit(0);
                 k.when(p == k.lit(1), [&] { n = k.lit(2); });
                 k.result(n);
               }),
               std::logic_error);
}

TEST(record, a_value_does_not_leave_its_turn) {
  EXPECT_THROW(written([](Record& k, Record::Num) {
                 auto n = k.lit(0);
                 k.each_proc([&](ProcRef<Record> p) { n = p[p_xstat]; });
                 k.result(n);
               }),
               std::logic_error);
}

TEST(record, values_have_types) {
  const ir::Program program = written([](Record& k, Record::Num p) {
    const ProcRef<Record> ref{&k, p};
    k.result(k.either(ref[P_TRACED], ref[p_pptr], k.lit(kInit)));
    k.result(ref[p_xthread]);
  });
  std::vector<ir::Type> types;
  for (const ir::Instruction& in : program.code)
    if (!is_effect(in.op) && in.op != Op::constant) types.push_back(in.type);
  using T = ir::Type;
  std::sort(types.begin(), types.end());
  EXPECT_EQ(types, (std::vector<T>{T::boolean, T::process, T::process, T::process, T::thread}));
}

using What = ir::Access::What;

TEST(accesses, of_each_instruction) {
  const ir::Program program = written([](Record& k, Record::Num p) {
    const ProcRef<Record> ref{&k, p};
    k.set(ref, P_TRACED | P_WAITED);
    k.free(ref);
    k.emit(Ktr::attach, ref, p, p, k.lit(1));
  });
  std::vector<ir::Access> written_to;
  for (std::int32_t at = 0; at < std::int32_t(program.code.size()); ++at) {
    for (const ir::Access& access : ir::writes(program.code, at)) written_to.push_back(access);
    EXPECT_TRUE(ir::reads(program.code, at).empty());
    if (program.code[std::size_t(at)].op == Op::emit) {
      EXPECT_EQ(ir::operands(program.code[std::size_t(at)]).all().size(), 4U);
    }
  }
  EXPECT_EQ(written_to, (std::vector<ir::Access>{{What::proc_flags, P_TRACED | P_WAITED, 0}, {What::proc, 0, 0}}));
  EXPECT_TRUE(overlap(written_to[0], {What::proc_flags, P_WAITED, 0}));
  EXPECT_FALSE(overlap(written_to[0], {What::proc_flags, P_WEXIT, 0}));
  EXPECT_TRUE(overlap(written_to[1], {What::proc_field, int(p_pptr), 0}));
  EXPECT_FALSE(overlap(written_to[1], {What::lwp_field, int(td_xsig), 0}));
}

// Nothing is dropped because there is much of it: twenty orphans are twenty lines.
TEST(exec, writes_a_line_for_each_of_twenty_orphans) {
  constexpr int kOrphans = 20;
  using Large = State<32, 32, AllSignals>;
  Large state = Large::boot();
  for (int p = 1; p <= 1 + kOrphans; ++p) {
    state.proc[std::size_t(p)].state = ProcState::normal;
    state.proc[std::size_t(p)].p_pptr = kInit;
    if (p > 1) state.proc[std::size_t(p)].p_orphan = 1;
  }
  state.proc[1].p_flag = P_WEXIT;
  Exec<Large> k(state, kFreebsd104);
  rules::exit1_zombie(k, k.proc(1));
  ASSERT_EQ(k.outcome().error, Errno::ok);
  ASSERT_EQ(k.outcome().emissions, kOrphans);
  for (int i = 0; i < kOrphans; ++i) {
    EXPECT_EQ(k.outcome().emitted[std::size_t(i)].line, Ktr::exit_orphan);
    EXPECT_EQ(k.outcome().emitted[std::size_t(i)].arg[0], 2 + i);
  }
}

// Whoever was born and is gone has left nothing behind: the state is what it was.
void take(const std::vector<Rule>& rules, SmallState& state, std::string_view name,
          std::vector<std::int32_t> arguments) {
  for (const Rule& rule : rules) {
    if (rule.program.name != name) continue;
    Exec<SmallState> k(state, rule.program.kernel);
    rule.run(k, arguments);
    ASSERT_TRUE(k.outcome().possible) << name << " " << k.outcome().clause.id;
    ASSERT_EQ(k.outcome().error, Errno::ok) << name;
    return;
  }
  FAIL() << name;
}

// A new thread comes to user mode, where this kernel has a step for that.
void comes_to_user_mode(const std::vector<Rule>& rules, SmallState& state, std::int32_t td) {
  for (const Rule& rule : rules) {
    if (rule.id != RuleId::fork_return && rule.id != RuleId::thread_return) continue;
    SmallState after = state;
    Exec<SmallState> k(after, rule.program.kernel);
    rule.run(k, {td});
    if (k.outcome().possible) state = after;
  }
}

TEST(exec, a_freed_slot_is_as_if_it_had_never_been_used) {
  for (const Behaviours* kernel : kKernels) {
    const std::vector<Rule> rules = all_rules(*kernel);
    SmallState state = SmallState::boot();
    take(rules, state, "fork", {0, 1, 1});
    comes_to_user_mode(rules, state, 1);
    const SmallState before = state;
    take(rules, state, "thr_new", {1, 2});
    comes_to_user_mode(rules, state, 2);
    state.lwp[2].td_xsig = 9;
    EXPECT_FALSE(state == before);
    take(rules, state, "thr_exit", {2});
    if (state.lwp[2].proc != kNone) take(rules, state, "thr_exit: gone", {2});
    EXPECT_TRUE(state == before) << kernel->name;
    take(rules, state, "exit1: P_WEXIT", {1, 0x0700});
    take(rules, state, "exit1: untraced", {1});
    take(rules, state, "exit1: zombie", {1});
    take(rules, state, "wait6(P_ALL): exited", {0, 1, kNone});
    EXPECT_TRUE(state == SmallState::boot()) << kernel->name;
  }
}

// Which lines of freebsd-10.4 are of calls that may have failed.  Its logs hold such lines of calls that did, of the first
// group, and none of the last.  What is between follows from sys_process.c: the copyout() comes after the line.
TEST(fails_late, is_what_real_logs_show) {
  constexpr Open settled[] = {Open::set_pc, Open::single_step};
  const auto late = [&](std::string_view name) {
    for (const Rule& rule : all_rules(kFreebsd104))
      for (const ir::Instruction& in : rule.program.code)
        if (rule.program.name == name && in.op == Op::emit)
          return ir::may_fail_after(rule.program, Ktr(in.imm), settled);
    throw std::invalid_argument(std::string(name));
  };
  for (const char* request : {"PT_GETLWPLIST", "PT_GETREGS", "PT_IO", "PT_LWPINFO", "PT_SETREGS", "PT_SETDBREGS"})
    EXPECT_TRUE(late("ptrace(" + std::string(request) + ", pid)")) << request;
  for (const char* request : {"PT_GETFPREGS", "PT_SETFPREGS", "PT_GETDBREGS", "PT_VM_ENTRY", "PT_GET_EVENT_MASK"})
    EXPECT_TRUE(late("ptrace(" + std::string(request) + ", pid)")) << request;
  EXPECT_FALSE(late("ptrace(PT_TRACE_ME)"));
  for (const char* request :
       {"PT_READ_I", "PT_READ_D", "PT_WRITE_I", "PT_WRITE_D", "PT_ATTACH", "PT_CONTINUE", "PT_STEP", "PT_DETACH",
        "PT_KILL", "PT_TO_SCE", "PT_TO_SCX", "PT_SYSCALL", "PT_FOLLOW_FORK", "PT_GETNUMLWPS", "PT_SUSPEND", "PT_RESUME",
        "PT_SET_EVENT_MASK", "PT_VM_TIMESTAMP"})
    EXPECT_FALSE(late("ptrace(" + std::string(request) + ", pid)")) << request;
}

// The answers to open questions decide together whether the line is written and what fails.
TEST(fails_late, looks_at_answers_and_blocks) {
  const auto program = [](bool before) {
    return written([&](Record& k, Record::Num argument) {
      const ProcRef<Record> p{&k, argument};
      auto answer = k.open(Open::memory, 2);
      const auto check = [&] { k.require(answer == k.lit(0), Errno::efault, at("copyout")); };
      if (before) check();
      k.when(answer == k.lit(0), [&] { k.emit(Ktr::read, p); });
      if (!before) check();
      k.when(answer == k.lit(1), [&] { k.emit(Ktr::write, p); });
    });
  };
  EXPECT_FALSE(ir::may_fail_after(program(true), Ktr::read));
  EXPECT_FALSE(ir::may_fail_after(program(false), Ktr::read));
  const auto late = written([&](Record& k, Record::Num argument) {
    k.emit(Ktr::read, ProcRef<Record>{&k, argument});
    k.require(k.open(Open::memory, 2) == k.lit(0), Errno::efault, at("copyout"));
  });
  EXPECT_TRUE(ir::may_fail_after(late, Ktr::read));
  constexpr Open settled[] = {Open::memory};
  EXPECT_FALSE(ir::may_fail_after(late, Ktr::read, settled));
  EXPECT_FALSE(ir::may_fail_after(late, Ktr::write));
}

}  // namespace
}  // namespace proctor::model
