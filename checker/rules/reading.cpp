// SPDX-License-Identifier: BSD-2-Clause
#include "checker/rules/reading.hpp"

#include <algorithm>
#include <string_view>

namespace proctor::rules {

using model::Lock;
using model::LwpField;
using model::ProcField;
using model::SmallState;
using model::ir::Instruction;
using model::ir::Op;

namespace {

bool is_write(Op op) { return op >= Op::write_proc && op <= Op::copy_lset; }
bool leaves(const Instruction& in) { return (in.op == Op::unlock || in.op == Op::release) && in.imm2 != 0; }

// After this others may have written the process; what was read before is not what a later read sees.
bool lets_others_in(const Instruction& in) {
  return in.op == Op::sleep || (in.op == Op::unlock && (Lock(in.imm) == Lock::proc || Lock(in.imm) == Lock::token));
}

}  // namespace

Reading::Reading(const model::Rule& rule)
    : program_(rule.program), terms_(rule), value_(rule.program.code.size(), TermId{-1}) {
  walk(0, std::int32_t(program_.code.size()), steps_);
  drop_unused_names();
}

void Reading::walk(std::int32_t begin, std::int32_t end, std::vector<Step>& out) {
  for (std::int32_t at = begin; at < end;) {
    if (const auto u = unrolled(at)) {
      loop(*u, out);
      at += u->length * u->turns;
    } else {
      step(at++, out);
    }
  }
}

// Record writes one turn like the next, but for the number of the slot and for C++ variables that a turn hands on.
void Reading::loop(const Unrolled& u, std::vector<Step>& out) {
  Turning turning{.u = u, .carried = {}, .initial = {}};
  std::set<std::int32_t> met;
  for (std::int32_t at = u.begin; at < u.begin + u.length; ++at)
    for (int which = 0; which < 4; ++which) {
      const std::int32_t in_next = raw_operand(at + u.length, which), first = raw_operand(at, which);
      if (!u.has(in_next) || first >= u.begin) continue;
      const std::int32_t offset = in_next - u.begin;
      if (turning.carried.contains(offset)) continue;
      const TermId start = value_[std::size_t(first)];
      const Op op = program_.code[std::size_t(in_next)].op;
      const bool truth = op == Op::and_ || op == Op::or_ || op == Op::not_;
      const Type type = truth ? Type::boolean : terms_.type(start);
      const std::string_view name = type == Type::process ? "pp" : type == Type::thread ? "tdp" : truth ? "any" : "n";
      turning.carried[offset] = terms_.variable(std::string(name), type);
      turning.initial[offset] = first;
      Step initial{
          .kind = Step::Kind::first, .at = u.begin, .when = {}, .a = turning.carried[offset], .b = start, .body = {}};
      remember(u.begin, initial);
      if (!is_dead(u.begin)) {
        for (const std::int32_t path : chain(program_.code[std::size_t(u.begin)].path))
          initial.when.push_back(value_[std::size_t(condition(path))]);
        out.push_back(std::move(initial));
      }
    }
  // What later turns write, an earlier one's text may read: the body is read as if all of it had been written before.
  std::vector<Write> before;
  for (std::int32_t at = u.begin; at < u.begin + u.length; ++at)
    if (const Instruction& in = program_.code[std::size_t(at)]; is_write(in.op))
      before.push_back({u.begin, in.path, in.op, -1, in.imm, -1});
  for (Write& write : before) write.path = program_.code[std::size_t(u.begin)].path;
  writes_.insert(writes_.end(), before.begin(), before.end());

  Step step{.kind = Step::Kind::loop, .at = u.begin, .when = {}, .body = {}};
  step.a = terms_.variable(turning_name(u.processes), u.processes ? Type::process : Type::thread);
  if (!u.processes) step.b = value_[std::size_t(u.of)];
  value_[std::size_t(u.begin)] = step.a;
  loops_.push_back(turning);
  walk(u.begin + 1, u.begin + u.length, step.body);
  for (const auto& [offset, variable] : turning.carried) {
    const std::int32_t first = u.begin + offset, last = first + (u.turns - 1) * u.length;
    step.body.push_back({.kind = Step::Kind::next,
                         .at = u.begin + u.length - 1,
                         .when = {},
                         .a = variable,
                         .b = value_[std::size_t(first)],
                         .body = {}});
    value_[std::size_t(last)] = variable;
  }
  loops_.pop_back();
  const auto outer = chain(program_.code[std::size_t(u.begin)].path);
  const bool all_names = std::all_of(step.body.begin(), step.body.end(), [](const Step& s) {
    return s.kind == Step::Kind::let || s.kind == Step::Kind::open;
  });
  if (is_dead(u.begin) || all_names) return;
  const std::size_t enclosing = loops_.empty() ? 0 : chain(loops_.back().u.inside).size();
  for (std::size_t i = enclosing; i < outer.size(); ++i) step.when.push_back(value_[std::size_t(condition(outer[i]))]);
  std::erase_if(step.when, [&](TermId cond) { return terms_.is_constant(cond); });
  out.push_back(std::move(step));
}

void Reading::step(std::int32_t at, std::vector<Step>& out) {
  const Instruction& in = program_.code[std::size_t(at)];
  const Known known = known_at(in.path);
  Step step{.kind = Step::Kind::effect, .at = at, .when = {}, .body = {}};
  if (!is_effect(in.op)) {
    const TermId term = value(at, known);
    value_[std::size_t(at)] = term;
    const bool slot = terms_.type(term) == Type::process || terms_.type(term) == Type::thread;
    if (in.op == Op::open) {
      step.kind = Step::Kind::open;
    } else if (slot && (terms_[term].op == Op::ite || terms_[term].op == Op::first_lwp) && named_.insert(term).second) {
      step.kind = Step::Kind::let;
    } else {
      return;
    }
    step.a = term;
  } else {
    step.a = operand(at, 0);
    step.b = operand(at, 1);
    step.c = operand(at, 2);
    step.d = operand(at, 3);
  }
  const auto held = std::pair(in.op == Op::lock || in.op == Op::unlock ? in.imm : 0x100 + in.imm, step.a);
  if (is_dead(at)) {
    // On the way out of a call that failed before it took the lock nothing is given back.
    const auto path = chain(in.path);
    const bool possible = std::none_of(path.begin(), path.end(), [&](std::int32_t p) {
      return terms_.is_constant(value_[std::size_t(condition(p))], 0);
    });
    if (!leaves(in) || !possible || !taken_.contains(held)) return;
  }
  if (in.op == Op::lock || in.op == Op::hold) taken_.insert(held);
  if (in.op == Op::require || in.op == Op::guard) {
    if (const auto holds = decide(known, step.a)) step.a = terms_.constant(*holds ? 1 : 0);
    if (terms_.is_constant(step.a, 1)) return;
    if (terms_.is_constant(step.a, 0)) dead_.push_back(in.path);
    facts_.push_back({step.a, in.path});
  }
  if (in.op == Op::emit && !program_.kernel.writes_ktr) return;
  if (in.op == Op::write_proc) {  // "|= 0" for the requests that add no event
    const Term& from = terms_[step.b];
    const bool same_place = from.op == Op::read_proc && from.a == step.a && from.imm == in.imm;
    if (same_place && !is_stale(step.b, step)) return;
  }
  remember(at, step);
  if (is_write(in.op) || lets_others_in(in)) {
    const bool slotless = in.op == Op::sleep;
    writes_.push_back({at, in.path, in.op, slotless ? -1 : step.a, in.imm, step.b});
    if (in.op == Op::fresh) writes_.push_back({at, in.path, Op::unlink, step.b, 0, -1});
  }
  const std::size_t enclosing = loops_.empty() ? 0 : chain(loops_.back().u.inside).size();
  const auto path = chain(in.path);
  for (std::size_t i = enclosing; i < path.size(); ++i) {
    const TermId cond = value_[std::size_t(condition(path[i]))];
    if (!terms_.is_constant(cond)) step.when.push_back(cond);
  }
  out.push_back(std::move(step));
}

// data is a signal where it is handed on as one.
void Reading::remember(std::int32_t at, const Step& step) {
  const Instruction& in = program_.code[std::size_t(at)];
  const bool to_signal = (in.op == Op::write_proc && ProcField(in.imm) == model::p_xstat) ||
                         (in.op == Op::write_lwp && LwpField(in.imm) == model::td_xsig);
  if (step.kind != Step::Kind::effect || !to_signal || step.b < 0) return;
  const Term& value = terms_[step.b];
  if (value.op == Op::argument) terms_.retype_argument(value.imm, Type::signal);
}

bool Reading::is_dead(std::int32_t at) const {
  const std::int32_t own = program_.code[std::size_t(at)].path;
  const auto path = chain(own);
  for (const std::int32_t p : path)
    if (terms_.is_constant(value_[std::size_t(condition(p))], 0)) return true;
  return std::any_of(dead_.begin(), dead_.end(), [&](std::int32_t dead) {
    return dead < 0 || std::find(path.begin(), path.end(), dead) != path.end();
  });
}

std::int32_t Reading::raw_operand(std::int32_t at, int which) const {
  const Instruction& in = program_.code[std::size_t(at)];
  return which == 0 ? in.a : which == 1 ? in.b : which == 2 ? in.c : in.op == Op::emit ? in.imm2 : -1;
}

TermId Reading::operand(std::int32_t at, int which) {
  const std::int32_t id = raw_operand(at, which);
  if (id < 0) return -1;
  for (const Turning& turning : loops_) {
    const std::int32_t in_next = raw_operand(at + turning.u.length, which);
    const auto found = turning.carried.find(in_next - turning.u.begin);
    if (turning.u.has(in_next) && id < turning.u.begin && found != turning.carried.end()) return found->second;
  }
  return value_[std::size_t(id)];
}

TermId Reading::value(std::int32_t at, const Known& known) {
  const Instruction& in = program_.code[std::size_t(at)];
  if (is_read(in.op)) return read(at, known);
  Term term{.op = in.op, .a = operand(at, 0), .b = operand(at, 1), .c = operand(at, 2), .imm = in.imm, .imm2 = in.imm2};
  if (in.op == Op::open) term.since = at;  // each is decided anew
  if (in.op == Op::ite)
    if (const auto holds = decide(known, term.a)) term.a = terms_.constant(*holds ? 1 : 0);
  const TermId made = terms_.make(term);
  const auto holds = terms_.type(made) == Type::boolean ? decide(known, made) : std::nullopt;
  return holds ? terms_.constant(*holds ? 1 : 0) : made;
}

// A read sees the last write to the same place, if it is certain which that was.
TermId Reading::read(std::int32_t at, const Known& known) {
  const Instruction& in = program_.code[std::size_t(at)];
  Term term{.op = in.op, .a = operand(at, 0), .b = operand(at, 1), .imm = in.op == Op::first_lwp ? 0 : in.imm};
  const auto here = chain(in.path);
  for (auto write = writes_.rbegin(); write != writes_.rend(); ++write) {
    const bool barrier = write->op == Op::sleep || write->op == Op::unlock;
    if (barrier ? write->slot >= 0 && write->slot != term.a : !may_touch(*write, term, known)) continue;
    const bool always = write->path < 0 || std::find(here.begin(), here.end(), write->path) != here.end();
    if (!barrier && always && write->slot == term.a) {
      if (write->op == Op::set_pflag || write->op == Op::set_lflag) return terms_.constant(1);
      if (write->op == Op::clear_pflag || write->op == Op::clear_lflag) {
        term.imm &= ~write->imm;
        if (term.imm == 0) return terms_.constant(0);
        continue;
      }
      const bool field = write->op == Op::write_proc || write->op == Op::write_lwp;
      if (field && terms_[write->value].op <= Op::argument) return write->value;
    }
    term.since = write->at;
    break;
  }
  const TermId made = terms_.make(term);
  const auto holds = terms_.type(made) == Type::boolean ? decide(known, made) : std::nullopt;
  return holds ? terms_.constant(*holds ? 1 : 0) : made;
}

bool Reading::may_touch(const Write& write, const Term& read, const Known& known) const {
  // Which thread is the oldest, and what is pending, follows from more than one place.
  const bool of_lists = write.op == Op::link || write.op == Op::unlink || write.op == Op::fresh;
  const bool of_sets = write.op >= Op::add_pset && write.op <= Op::copy_lset;
  if (read.op == Op::first_lwp) return of_lists;
  if (read.op == Op::first_unmasked || read.op == Op::pending) return of_lists || of_sets || write.op == Op::free;
  bool same = false;
  switch (write.op) {
    case Op::write_proc: same = read.op == Op::read_proc && read.imm == write.imm; break;
    case Op::set_pflag:
    case Op::clear_pflag: same = read.op == Op::read_pflag && (read.imm & write.imm) != 0; break;
    case Op::write_lwp: same = read.op == Op::read_lwp && read.imm == write.imm; break;
    case Op::set_lflag:
    case Op::clear_lflag: same = read.op == Op::read_lflag && (read.imm & write.imm) != 0; break;
    case Op::fresh:
    case Op::free: same = read.op == Op::read_proc || read.op == Op::read_pflag || read.op == Op::in_pset; break;
    case Op::link:
    case Op::unlink: same = read.op == Op::read_lwp || read.op == Op::read_lflag || read.op == Op::in_lset; break;
    case Op::add_pset:
    case Op::remove_pset:
    case Op::empty_pset:
    case Op::copy_pset: same = read.op == Op::in_pset && read.imm == write.imm; break;
    case Op::add_lset:
    case Op::remove_lset:
    case Op::empty_lset:
    case Op::copy_lset: same = read.op == Op::in_lset && read.imm == write.imm; break;
    default: return false;
  }
  if (!same || write.slot == read.a) {
    if (!same) return false;
  } else if (write.slot >= 0) {
    if (terms_.is_constant(write.slot) && terms_.is_constant(read.a)) return false;
    for (const TermId no : known.no) {
      const Term& apart = terms_[no];
      if (apart.op == Op::equal &&
          ((apart.a == write.slot && apart.b == read.a) || (apart.b == write.slot && apart.a == read.a)))
        return false;
    }
  }
  for (const std::int32_t path : chain(write.path))
    if (decide(known, value_[std::size_t(condition(path))]) == false) return false;
  return true;
}

bool Reading::is_stale(TermId read, const Step& step) const {
  const Term& term = terms_[read];
  const Known known = known_at(program_.code[std::size_t(step.at)].path);
  return std::any_of(writes_.begin(), writes_.end(), [&](const Write& write) {
    return write.at > term.since && write.at < step.at && may_touch(write, term, known);
  });
}

void Reading::assume(Known& known, TermId id, bool holds) const {
  if (id < 0) return;
  (holds ? known.yes : known.no).insert(id);
  const Term& term = terms_[id];
  const auto somebody = [&](TermId slot) {
    known.somebody.insert(slot);
    if (terms_[slot].op == Op::read_lwp) known.somebody.insert(terms_[slot].a);
  };
  switch (term.op) {
    case Op::not_: assume(known, term.a, !holds); break;
    case Op::and_:
    case Op::or_:
      if (holds == (term.op == Op::and_)) {
        assume(known, term.a, holds);
        assume(known, term.b, holds);
      }
      break;
    case Op::equal:
      if (holds && terms_.is_constant(term.b)) known.equals.insert({term.a, term.b});
      if (holds && terms_[term.a].op == Op::read_proc && ProcField(terms_[term.a].imm) == model::p_state &&
          terms_.is_constant(term.b) && !terms_.is_constant(term.b, 0))
        somebody(terms_[term.a].a);
      break;
    case Op::read_pflag:
    case Op::read_lflag:
      if (holds) somebody(term.a);
      break;
    default: break;
  }
}

Reading::Known Reading::known_at(std::int32_t path) const {
  Known known;
  const auto here = chain(path);
  for (const std::int32_t p : here) assume(known, value_[std::size_t(condition(p))], true);
  for (const Fact& fact : facts_)
    if (fact.path < 0 || std::find(here.begin(), here.end(), fact.path) != here.end()) assume(known, fact.term, true);
  return known;
}

std::optional<bool> Reading::decide(const Known& known, TermId id) const {
  if (id < 0) return std::nullopt;
  const Term& term = terms_[id];
  if (term.op == Op::constant) return term.imm != 0;
  if (known.yes.contains(id)) return true;
  if (known.no.contains(id)) return false;
  switch (term.op) {
    case Op::not_:
      if (const auto inner = decide(known, term.a)) return !*inner;
      break;
    case Op::and_:
    case Op::or_: {
      const bool decisive = term.op == Op::or_;
      const auto a = decide(known, term.a), b = decide(known, term.b);
      if (a == decisive || b == decisive) return decisive;
      if (a && b) return !decisive;
      break;
    }
    case Op::equal: {
      if (!terms_.is_constant(term.b)) break;
      if (terms_.is_constant(term.b, model::kNone) && known.somebody.contains(term.a)) return false;
      const auto other = known.equals.lower_bound({term.a, -1});
      if (other != known.equals.end() && other->first == term.a) return other->second == term.b;
      break;
    }
    default: break;
  }
  return std::nullopt;
}

std::int32_t Reading::parent(std::int32_t path) const {
  const Instruction& in = program_.code[std::size_t(path)];
  return in.op == Op::and_ && in.path >= 0 && in.a == in.path ? in.path : -1;
}
std::int32_t Reading::condition(std::int32_t path) const {
  return parent(path) < 0 ? path : program_.code[std::size_t(path)].b;
}
std::vector<std::int32_t> Reading::chain(std::int32_t path) const {
  std::vector<std::int32_t> out;
  for (; path >= 0; path = parent(path)) out.insert(out.begin(), path);
  return out;
}

bool Reading::turn_begins(std::int32_t at, std::int32_t turn, const Unrolled& first) const {
  const auto& code = program_.code;
  if (std::size_t(at) + 3 >= code.size()) return false;
  const Instruction& slot = code[std::size_t(at)];
  if (slot.op != Op::constant || slot.imm != turn || slot.path != code[std::size_t(first.begin)].path) return false;
  const Instruction &x = code[std::size_t(at) + 1], &y = code[std::size_t(at) + 2], &z = code[std::size_t(at) + 3];
  if (!first.processes)
    return x.op == Op::read_lwp && x.a == at && LwpField(x.imm) == model::td_proc && y.op == Op::equal &&
           y.a == at + 1 && y.b == first.of;
  // Which side of == is evaluated first is the compiler's choice.
  const auto reads = [&](const Instruction& in) {
    return in.op == Op::read_proc && in.a == at && ProcField(in.imm) == model::p_state;
  };
  return (reads(x) || reads(y)) && z.op == Op::equal;
}

std::optional<Reading::Unrolled> Reading::unrolled(std::int32_t at) const {
  const auto& code = program_.code;
  for (const bool processes : {true, false}) {
    Unrolled u{.processes = processes, .begin = at, .length = 0, .turns = 0, .inside = -1, .of = -1};
    u.turns = processes ? SmallState::kProcs : SmallState::kLwps;
    if (!processes && std::size_t(at) + 2 < code.size()) u.of = code[std::size_t(at) + 2].b;
    if (!turn_begins(at, 0, u)) continue;
    std::int32_t next = at + 1;
    while (std::size_t(next) < code.size() && !turn_begins(next, 1, u)) ++next;
    u.length = next - at;
    const std::int32_t end = at + u.length * u.turns;
    bool all = std::size_t(end) <= code.size();
    for (std::int32_t turn = 1; all && turn < u.turns; ++turn) all = turn_begins(at + turn * u.length, turn, u);
    if (!all) continue;
    const std::int32_t test = at + (processes ? 4 : 2);
    u.inside = code[std::size_t(at)].path < 0 ? test : test + 1;
    return u;
  }
  return std::nullopt;
}

std::string Reading::turning_name(bool processes) const {
  for (const std::string_view name : {processes ? "q" : "t", processes ? "r" : "u"})
    if (std::find(program_.arguments.begin(), program_.arguments.end(), name) == program_.arguments.end())
      return std::string(name);
  return "s";
}

// A name stays if a step speaks of it, or another name that stays; the first thread of a process needs one only where a
// step does something to it.
void Reading::drop_unused_names() {
  std::set<TermId> used, by_steps;
  const auto use = [&](auto&& self, TermId id, bool by_step) -> void {
    if (id < 0) return;
    if (by_step) by_steps.insert(id);
    const bool again = !used.insert(id).second;
    const Term& term = terms_[id];
    if (again && !by_step) return;
    for (const TermId part : {term.a, term.b, term.c}) self(self, part, by_step && !named_.contains(id));
  };
  const auto is_variable = [](const Step& s) { return s.kind == Step::Kind::first || s.kind == Step::Kind::next; };
  const auto collect = [&](auto&& self, const std::vector<Step>& steps) -> void {
    for (const Step& step : steps) {
      for (const TermId id : step.when) use(use, id, true);
      if (is_variable(step)) {
        if (used.contains(step.a)) use(use, step.b, true);
      } else if (step.kind != Step::Kind::let && step.kind != Step::Kind::open) {
        for (const TermId id : {step.a, step.b, step.c, step.d}) use(use, id, true);
      }
      self(self, step.body);
    }
  };
  for (std::size_t before = used.size() + 1; before != used.size();) {
    before = used.size();
    collect(collect, steps_);
  }
  const auto drop = [&](auto&& self, std::vector<Step>& steps) -> void {
    std::erase_if(steps, [&](const Step& s) {
      if (s.kind == Step::Kind::let && terms_[s.a].op == Op::first_lwp) return !by_steps.contains(s.a);
      return (s.kind == Step::Kind::let || s.kind == Step::Kind::open || is_variable(s)) && !used.contains(s.a);
    });
    for (Step& step : steps) self(self, step.body);
  };
  drop(drop, steps_);
  std::map<std::string, int> same;
  const auto number = [&](auto&& self, const std::vector<Step>& steps) -> void {
    for (const Step& s : steps) {
      self(self, s.body);
      if (s.kind != Step::Kind::first) continue;
      const std::int32_t variable = terms_[s.a].imm;
      const std::string name = terms_.argument(variable);
      if (const int n = ++same[name]; n > 1) terms_.rename_argument(variable, name + std::to_string(n));
    }
  };
  number(number, steps_);
}

}  // namespace proctor::rules
