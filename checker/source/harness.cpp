// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/harness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdarg>
#include <cstring>

#include "model/rules/lifecycle.hpp"
#include "model/rules/sys_ptrace.hpp"

namespace proctor::source {

using model::kNone;
using model::Lock;
using model::LockEvent;
using model::Slot;
using model::SmallState;

namespace {

Harness* g_at_work = nullptr;
using Machine = model::Exec<SmallState>;

// The image's numbers are the model's.
struct Same {
  int image, model;
};
constexpr Same kSame[] = {{PR_P_TRACED, int(model::P_TRACED)},
                          {PR_P_WAITED, int(model::P_WAITED)},
                          {PR_P_WEXIT, int(model::P_WEXIT)},
                          {PR_P_STOPPED_SIG, int(model::P_STOPPED_SIG)},
                          {PR_P_STOPPED_TRACE, int(model::P_STOPPED_TRACE)},
                          {PR_P_PPWAIT, int(model::P_PPWAIT)},
                          {PR_P_PPTRACE, int(model::P_PPTRACE)},
                          {PR_P_CONTINUED, int(model::P_CONTINUED)},
                          {PR_P_WKILLED, int(model::P_WKILLED)},
                          {PR_P_TREE_REAPER, int(model::P_TREE_REAPER)},
                          {PR_P2_PTRACE_FSTP, int(model::P2_PTRACE_FSTP)},
                          {PR_P_SYSTEM, int(model::P_SYSTEM)},
                          {PR_P_SUGID, int(model::P_SUGID)},
                          {PR_P_INEXEC, int(model::P_INEXEC)},
                          {PR_KEPT, int(model::P_SINGLE_EXIT) | int(model::KSI_ONQ)},
                          {PR_TD_SUSPENDED, int(model::TD_SUSPENDED)},
                          {PR_TD_RFPPWAIT, int(model::TD_RFPPWAIT)},
                          {PR_TD_STEP, int(model::TD_STEP)},
                          {PR_EXEC, int(model::PTRACE_EXEC)},
                          {PR_SCE, int(model::PTRACE_SCE)},
                          {PR_SCX, int(model::PTRACE_SCX)},
                          {PR_FORK, int(model::PTRACE_FORK)},
                          {PR_LWP, int(model::PTRACE_LWP)},
                          {PR_VFORK, int(model::PTRACE_VFORK)},
                          {PR_SIGPARENT, int(model::P_SIGPARENT)},
                          {PR_FREE, int(model::ProcState::free)},
                          {PR_NORMAL, int(model::ProcState::normal)},
                          {PR_ZOMBIE, int(model::ProcState::zombie)},
                          {PR_PROCTREE, int(Lock::proctree)},
                          {PR_PROC, int(Lock::proc)},
                          {PR_SLOCK, int(Lock::slock)},
                          {PR_GIANT, int(Lock::giant)},
                          {PR_SCHED, int(Lock::sched)},
                          {PR_THREAD, int(Lock::thread)},
                          {PR_TOKEN, int(Lock::token)},
                          {PR_CRIT, int(Lock::crit)},
                          {PR_LWPHOLD, int(Lock::lwp)},
                          {PR_LOCK, int(LockEvent::Op::lock)},
                          {PR_UNLOCK, int(LockEvent::Op::unlock)},
                          {PR_HOLD, int(LockEvent::Op::hold)},
                          {PR_RELEASE, int(LockEvent::Op::release)},
                          {PR_OPEN_COPYIN, int(model::Open::copyin)},
                          {PR_OPEN_COPYOUT, int(model::Open::copyout)},
                          {PR_OPEN_CANSEE, int(model::Open::cansee)},
                          {PR_OPEN_CANDEBUG, int(model::Open::candebug)},
                          {PR_OPEN_IO_OP, int(model::Open::io_op)},
                          {PR_OPEN_MEMORY, int(model::Open::memory)},
                          {PR_OPEN_REGISTERS, int(model::Open::registers)},
                          {PR_OPEN_MACHINE, int(model::Open::machine)},
                          {PR_OPEN_VM_ENTRY, int(model::Open::vm_entry)},
                          {PR_OPEN_SIGCHLD, int(model::Open::sigchld_ignored)},
                          {PR_OPEN_SET_PC, int(model::Open::set_pc)},
                          {PR_OPEN_SINGLE_STEP, int(model::Open::single_step)},
                          {PR_MOVED_WORD_READ, int(model::Move::word_read)},
                          {PR_MOVED_WORD_WRITE, int(model::Move::word_write)},
                          {PR_MOVED_IO_READ, int(model::Move::io_read)},
                          {PR_MOVED_IO_WRITE, int(model::Move::io_write)},
                          {PR_MOVED_PIOD, int(model::Move::io_length)},
                          {PR_MOVED_REGS_OUT, int(model::Move::registers_read)},
                          {PR_MOVED_REGS_SET, int(model::Move::registers_written)},
                          {PR_MOVED_PC, int(model::Move::pc)},
                          {PR_MOVED_KSI, int(model::Move::sigchld_taken)},
                          {PR_MOVED_LWPLIST, int(model::Move::lwplist)},
                          {PR_MOVED_LWPINFO, int(model::Move::lwpinfo)},
                          {PR_MOVED_VM_ENTRY, int(model::Move::vm_entry)},
                          {PR_MOVED_MACHINE, int(model::Move::machine)},
                          {PR_MOVED_RUNNABLE, int(model::Move::runnable)},
                          {PR_UNINIT_CHILD_PID, int(model::Uninitialised::child_pid)},
                          {PR_UNINIT_TDNAME, int(model::Uninitialised::name_tail)},
                          {PR_UNINIT_PADDING, int(model::Uninitialised::padding)}};
constexpr bool all_same() {
  for (const Same& pair : kSame)
    if (pair.image != pair.model) return false;
  return PR_PROCS == SmallState::kProcs && PR_LWPS == SmallState::kLwps && PR_NONE == kNone &&
         PR_OPENS == model::kOpenKinds;
}
static_assert(all_same());
static_assert(model::kEventsAll == (PR_EXEC | PR_SCE | PR_SCX | PR_FORK | PR_LWP | PR_VFORK));

std::string_view name(Lock lock) {
  constexpr std::string_view names[] = {"proctree_lock", "process lock", "process slock",    "Giant", "sched_lock",
                                        "thread lock",   "token of",     "critical section", "lwp of"};
  return names[std::size_t(lock)];
}

}  // namespace

std::string lock_text(const LockEvent& e) {
  constexpr std::string_view ops[] = {"lock", "unlock", "hold", "release", "may sleep", "lock shared"};
  const auto op = std::min<std::size_t>(std::size_t(e.op), 5);
  if (e.op == LockEvent::Op::sleep) return std::string(ops[op]);
  const bool holds = e.op == LockEvent::Op::hold || e.op == LockEvent::Op::release;
  std::string out =
      std::string(ops[op]) + " " + (holds && e.lock == Lock::proc ? std::string("process") : std::string(name(e.lock)));
  if (e.proc != kNone) out += fmt::format(" p{}", e.proc + 1);
  return out;
}

SmallState from_image(const pr_state& image, SmallState state) {
  for (std::size_t i = 0; i < PR_PROCS; ++i) {
    const pr_proc& from = image.proc[i];
    model::Proc& to = state.proc[i];
    to.state = model::ProcState(from.state);
    to.p_ptevents = std::uint8_t(from.p_ptevents & 0x3f);
    to.p_pptr = from.p_pptr;
    to.p_oppid = from.p_oppid;
    to.p_orphan = from.p_orphan;
    to.p_xthread = from.p_xthread;
    to.p_reaper = from.p_reaper;
    to.p_flag = from.p_flag;
    to.p_xstat = from.p_xstat;
    to.p_numthreads = from.p_numthreads;
    to.p_suspcount = from.p_suspcount;
    to.p_cred = from.p_cred;
  }
  for (std::size_t i = 0; i < PR_LWPS; ++i) {
    auto& to = state.lwp[i];
    to.proc = image.lwp[i].proc;
    to.td_xsig = image.lwp[i].td_xsig;
    to.td_flag = image.lwp[i].td_flag;
    to.td_dbgksi = image.lwp[i].td_dbgksi;
  }
  return state;
}

pr_state to_image(const SmallState& state) {
  pr_state image{};
  for (std::size_t i = 0; i < PR_PROCS; ++i) {
    const model::Proc& from = state.proc[i];
    image.proc[i] = {.state = static_cast<unsigned char>(from.state),
                     .p_ptevents = from.p_ptevents,
                     .p_pptr = from.p_pptr,
                     .p_oppid = from.p_oppid,
                     .p_orphan = from.p_orphan,
                     .p_xthread = from.p_xthread,
                     .p_reaper = from.p_reaper,
                     .p_numthreads = from.p_numthreads,
                     .p_suspcount = from.p_suspcount,
                     .p_flag = from.p_flag,
                     .p_xstat = from.p_xstat,
                     .p_cred = from.p_cred};
  }
  for (std::size_t i = 0; i < PR_LWPS; ++i)
    image.lwp[i] = {.proc = state.lwp[i].proc,
                    .td_xsig = state.lwp[i].td_xsig,
                    .td_dbgksi = state.lwp[i].td_dbgksi,
                    .td_rank = state.lwp[i].td_rank,
                    .td_flag = state.lwp[i].td_flag};
  return image;
}

Harness::Harness(Image image, const scenario::Vocabulary& words) : image_(std::move(image)), words_(words) {
  g_at_work = this;
  image_->start(&host());
}

Harness::~Harness() {
  if (g_at_work == this) g_at_work = nullptr;
}

Harness& Harness::at_work() { return *g_at_work; }

void Harness::store(const SmallState& state) {
  kept_ = state;
  const pr_state image = to_image(state);
  image_->store(&image);
}

SmallState Harness::load() {
  pr_state image;
  image_->load(&image);
  return from_image(image, kept_);
}

void Harness::reset() {
  forget_flights();
  now_ = nullptr;
  single_.held.clear();
  single_.work.assign(image_->work_size, 0);
  image_->reset();
}

void Harness::call(const scenario::Action& action, std::uint64_t dice, Observation& seen) {
  single_.td = action.arguments[0];
  single_.action = &action;
  single_.dice = dice;
  single_.held.clear();
  if (single_.work.size() != image_->work_size) single_.work.assign(image_->work_size, 0);
  if (flights_.empty()) flights_.push_back(&single_);
  std::swap(single_.seen, seen);  // keeps the memory of both
  begin(single_);
  std::swap(single_.seen, seen);
}

void Harness::begin(Flight& flight) {
  g_at_work = this;
  const scenario::Action& action = *flight.action;
  const model::Rule& rule = words_.rules()[action.rule];
  flight.seen.locks.clear();
  flight.seen.ktr.clear();
  flight.seen.result = {};
  if (flight.work.size() != image_->work_size) flight.work.assign(image_->work_size, 0);
  now_ = &flight;
  SmallState entered = load();  // where the thread is
  Machine k(entered, kernel());
  model::rules::begin_call(k, k.lwp(Slot(flight.td)));
  kept_.lwp[std::size_t(flight.td)].td_at = entered.lwp[std::size_t(flight.td)].td_at;
  image_->current(flight.td);
  const int target = rule.number == model::rules::PT_TRACE_ME ? int{kNone} : action.arguments[1];
  image_->call(flight.work.data(), flight.td, rule.number, target, words_.by_tid(action.rule) ? 1 : 0,
               action.arguments[2], action.arguments[3], &flight.seen.result);
  if (!flight.held.empty()) {
    std::string locks;
    for (const LockEvent& event : flight.held) locks += (locks.empty() ? "" : ", ") + lock_text(event);
    fail("held at return", fmt::format("the call returned and did not give back: {}", locks));
  }
  flight.seen.state = load();
}

void Harness::resume(Flight& flight) {
  now_ = &flight;
  image_->current(flight.td);
}

bool Harness::is_free(const LockEvent& event, const Flight& by) const {
  if (event.op != LockEvent::Op::lock && event.op != LockEvent::Op::lock_shared) return true;
  for (const Flight* flight : flights_)
    for (const LockEvent& held : flight->held)
      if (held.op == LockEvent::Op::lock && held.lock == event.lock && held.proc == event.proc &&
          event.lock != Lock::crit && flight != &by)
        return false;
  return true;
}

int Harness::holds(int proc) const {
  int count = 0;
  for (const Flight* flight : flights_)
    for (const LockEvent& held : flight->held)
      count += held.op == LockEvent::Op::hold && held.lock == Lock::proc && held.proc == proc ? 1 : 0;
  return count;
}

bool Harness::owns(pr_lock lock, int proc) const {
  return std::any_of(now_->held.begin(), now_->held.end(), [&](const LockEvent& e) {
    return e.op == LockEvent::Op::lock && e.lock == Lock(lock) && (is_global(e.lock) || e.proc == proc);
  });
}

void Harness::operation(pr_op op, pr_lock lock, int proc) {
  const LockEvent event{op == PR_SHARED ? LockEvent::Op::lock_shared : LockEvent::Op(op), Lock(lock),
                        is_global(Lock(lock)) ? kNone : Slot(proc)};
  Flight& flight = *now_;
  if (at_lock) {
    at_lock(flight, event);
    resume(flight);
  }
  flight.seen.locks.push_back(event);
  const bool recursive = event.lock == Lock::token || event.lock == Lock::crit;
  switch (event.op) {
    case LockEvent::Op::lock:
    case LockEvent::Op::lock_shared:
      if (!recursive && owns(lock, proc)) fail("recursion", fmt::format("{} a second time", lock_text(event)));
      flight.held.push_back({LockEvent::Op::lock, event.lock, event.proc});
      return;
    case LockEvent::Op::hold: flight.held.push_back(event); return;
    case LockEvent::Op::unlock:
    case LockEvent::Op::release: {
      const LockEvent taken{event.op == LockEvent::Op::unlock ? LockEvent::Op::lock : LockEvent::Op::hold, event.lock,
                            event.proc};
      const auto at = std::find(flight.held.begin(), flight.held.end(), taken);
      if (at == flight.held.end()) fail("not held", fmt::format("{}, which is not held", lock_text(event)));
      flight.held.erase(at);
      return;
    }
    default: return;
  }
}

int Harness::help(pr_help what, int a, int b) {
  SmallState state = load();
  Machine k(state, kernel(), now_->action->choices);
  switch (what) {
    case PR_CANSEE: model::rules::p_cansee(k, k.proc(Slot(a)), k.proc(Slot(b))); return int(k.outcome().error);
    case PR_CANDEBUG: model::rules::p_candebug(k, k.proc(Slot(a)), k.proc(Slot(b))); return int(k.outcome().error);
    case PR_PRIV: return model::rules::is_privileged(k, k.proc(Slot(a))).v ? 0 : int(model::Errno::eperm);
    case PR_REALPARENT: return model::rules::proc_realparent(k, k.proc(Slot(a))).slot.v;
    case PR_REPARENT: model::rules::proc_reparent(k, k.proc(Slot(a)), k.proc(Slot(b))); break;
    case PR_PSIGNAL: model::rules::psignal(k, k.proc(Slot(a)), {b}); break;
    case PR_UNSUSPEND: model::rules::thread_unsuspend(k, k.proc(Slot(a))); break;
    case PR_UNSTOP: model::rules::proc_unstop(k, k.proc(Slot(a))); break;
    case PR_SIGTAKE: model::rules::sigqueue_take(k, k.proc(Slot(a))); break;
    case PR_SIGDEL: k.remove(k.proc(Slot(a)), model::p_siglist, {b}); break;
  }
  store(state);
  return 0;
}

void Harness::ktr(const char* format, int count, const unsigned long* args) {
  auto [found, fresh] = formats_.try_emplace(format);
  if (fresh) found->second = trace::find_format(format);
  KtrLine line{.format = format};
  if (found->second) {
    line.line = found->second->line;
    for (std::size_t i = 0; i < std::size_t(count) && i < found->second->roles.size(); ++i) {
      const char role = found->second->roles[i];
      std::uint64_t value = args[i];
      const bool words = line.line == trace::Ktr::follow_fork || line.line == trace::Ktr::lwp_events;
      if (words && role != 'p') value = std::strcmp(reinterpret_cast<const char*>(args[i]), "enabled") == 0 ? 1 : 0;
      if (role == 'p')
        line.pid = std::int32_t(value);
      else if (role == 't')
        line.tid = std::int32_t(value);
      else if (role != '-')
        line.args[std::size_t(role - '0')] = value;
    }
    if (found->second->arg0 >= 0) line.args[0] = std::uint64_t(found->second->arg0);
  }
  now_->seen.ktr.push_back(line);
}

void Harness::fail(std::string kind, std::string text) { throw Finding{std::move(kind), std::move(text)}; }

// A C function with variable arguments cannot be a lambda.
void Harness::panic(const char* format, ...) {
  char text[512];
  va_list list;
  va_start(list, format);
  std::vsnprintf(text, sizeof text, format, list);
  va_end(list);
  at_work().fail("panic", text);
}

const pr_host& Harness::host() {
  static const pr_host table{
      .lock = [](pr_op op, pr_lock lock, int proc) { at_work().operation(op, lock, proc); },
      .owns = [](pr_lock lock, int proc) { return at_work().owns(lock, proc) ? 1 : 0; },
      .held = [](int proc) { return at_work().holds(proc); },
      .may_sleep =
          [](const char* where) {
            Harness& h = at_work();
            if (h.kernel().tokens) {
              if (std::strcmp(where, "proc_reparent") != 0) return;
              const LockEvent event{LockEvent::Op::sleep, Lock::token, kNone};
              if (h.at_lock) {
                Flight& flight = *h.now_;
                h.at_lock(flight, event);
                h.resume(flight);
              }
              h.now_->seen.locks.push_back(event);
              return;
            }
            for (const LockEvent& e : h.now_->held)
              if (e.op == LockEvent::Op::lock && e.lock != Lock::proctree && e.lock != Lock::giant)
                h.fail("sleep", fmt::format("{} may sleep, and the caller holds {}", where, lock_text(e)));
          },
      .open = [](pr_open kind) { return int(at_work().now_->action->choices[std::size_t(kind)]); },
      .help = [](pr_help what, int a, int b) { return at_work().help(what, a, b); },
      .dice =
          [](int ways) {
            std::uint64_t& dice = at_work().now_->dice;
            dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
            return int((dice >> 33) % unsigned(ways));
          },
      .ktr = [](const char* format, int count, const unsigned long* args) { at_work().ktr(format, count, args); },
      .finding = panic,
  };
  return table;
}

}  // namespace proctor::source
