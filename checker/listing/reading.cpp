// SPDX-License-Identifier: BSD-2-Clause
#include "checker/listing/reading.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace proctor::rules {

using model::Lock;
using model::LwpField;
using model::ProcField;
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
  walk(0, std::int32_t(program_.code.size()), -1, steps_);
  drop_unused_names();
}

void Reading::walk(std::int32_t begin, std::int32_t end, std::int32_t block, std::vector<Step>& out) {
  for (std::int32_t at = begin; at < end;) {
    const Instruction& in = program_.code[std::size_t(at)];
    if (in.op == Op::when)
      walk(at + 1, in.end, inside(block, in.a, operand(in.a)), out);
    else if (is_loop(in.op))
      loop(at, block, out);
    else
      step(at, block, out);
    at = is_block(in.op) ? in.end : at + 1;
  }
}

void Reading::loop(std::int32_t at, std::int32_t block, std::vector<Step>& out) {
  const Instruction& in = program_.code[std::size_t(at)];
  std::vector<std::int32_t> variables = std::exchange(carried_, {});
  for (const std::int32_t variable : variables) {
    const TermId start = operand(program_.code[std::size_t(variable)].a);
    const bool truth = program_.code[std::size_t(variable)].type == Type::boolean;
    const Type type = truth ? Type::boolean : terms_.type(start);
    const std::string_view name = type == Type::process ? "pp" : type == Type::thread ? "tdp" : truth ? "any" : "n";
    value_[std::size_t(variable)] = terms_.variable(std::string(name), type);
    if (is_dead(block)) continue;
    Step first{.kind = Step::Kind::first, .at = at, .block = block, .when = conditions(block), .body = {}};
    first.a = value_[std::size_t(variable)];
    first.b = start;
    out.push_back(std::move(first));
  }
  // What later turns write, an earlier one's text may read: the body is read as if all of it had been written before.
  for (std::int32_t i = at + 1; i < in.end; ++i)
    if (const Instruction& write = program_.code[std::size_t(i)]; is_write(write.op))
      writes_.push_back({at, block, write.op, -1, write.imm, -1});

  const bool processes = in.op == Op::each_proc;
  Step step{.kind = Step::Kind::loop, .at = at, .block = block, .when = {}, .body = {}};
  step.a = terms_.variable(turning_name(processes), processes ? Type::process : Type::thread);
  if (!processes) step.b = operand(in.a);
  value_[std::size_t(at)] = step.a;
  // The turn is for a process that is not free, or a thread of that process.
  const Known known = known_at(block);
  TermId turns = -1;
  if (processes) {
    const TermId state = read({.op = Op::read_proc, .a = step.a, .imm = int(model::p_state)}, block, known);
    const TermId is_free = decided({.op = Op::equal, .a = state, .b = terms_.constant(0)}, known);
    turns = decided({.op = Op::not_, .a = is_free}, known);
  } else {
    const TermId owner = read({.op = Op::read_lwp, .a = step.a, .imm = int(model::td_proc)}, block, known);
    turns = decided({.op = Op::equal, .a = owner, .b = step.b}, known);
  }
  const std::int32_t body = inside(block, at, turns);
  loops_.push_back(body);
  walk(at + 1, in.end, body, step.body);
  std::sort(variables.begin(), variables.end(), [&](std::int32_t a, std::int32_t b) {
    return program_.code[std::size_t(a)].b < program_.code[std::size_t(b)].b;
  });
  for (const std::int32_t variable : variables) {
    Step next{.kind = Step::Kind::next, .at = in.end - 1, .block = body, .when = {}, .body = {}};
    next.a = value_[std::size_t(variable)];
    next.b = operand(program_.code[std::size_t(variable)].b);
    step.body.push_back(std::move(next));
  }
  loops_.pop_back();
  const bool all_names = std::all_of(step.body.begin(), step.body.end(), [](const Step& s) {
    return s.kind == Step::Kind::let || s.kind == Step::Kind::open;
  });
  if (is_dead(block) || all_names) return;
  step.when = conditions(block);
  out.push_back(std::move(step));
}

// Of the blocks around, as far as the innermost loop.
std::vector<TermId> Reading::conditions(std::int32_t block) const {
  std::vector<TermId> out;
  for (const std::int32_t b : chain(block)) {
    if (!loops_.empty() && encloses(b, loops_.back())) continue;
    if (!terms_.is_constant(blocks_[std::size_t(b)].condition)) out.push_back(blocks_[std::size_t(b)].condition);
  }
  return out;
}

void Reading::step(std::int32_t at, std::int32_t block, std::vector<Step>& out) {
  const Instruction& in = program_.code[std::size_t(at)];
  if (in.op == Op::carried) return carried_.push_back(at);
  const Known known = known_at(block);
  Step step{.kind = Step::Kind::effect, .at = at, .block = block, .when = {}, .body = {}};
  if (!is_effect(in.op)) {
    const TermId term =
        is_read(in.op)
            ? read({.op = in.op, .a = operand(in.a), .b = operand(in.b), .imm = in.op == Op::first_lwp ? 0 : in.imm},
                   block, known)
            : value(at, known);
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
    step.a = operand(in.a);
    step.b = operand(in.b);
    step.c = operand(in.c);
    step.d = operand(in.d);
  }
  const auto held = std::pair(in.op == Op::lock || in.op == Op::unlock ? in.imm : 0x100 + in.imm, step.a);
  if (is_dead(block)) {
    // On the way out of a call that failed before it took the lock nothing is given back.
    const auto around = chain(block);
    const bool possible = std::none_of(around.begin(), around.end(), [&](std::int32_t b) {
      return terms_.is_constant(blocks_[std::size_t(b)].condition, 0);
    });
    if (!leaves(in) || !possible || !taken_.contains(held)) return;
  }
  if (in.op == Op::lock || in.op == Op::hold) taken_.insert(held);
  if (in.op == Op::require || in.op == Op::guard) {
    if (const auto holds = decide(known, step.a)) step.a = terms_.constant(*holds ? 1 : 0);
    if (terms_.is_constant(step.a, 1)) return;
    if (terms_.is_constant(step.a, 0)) dead_.push_back(block);
    facts_.push_back({step.a, block});
  }
  if (in.op == Op::emit && !program_.kernel.writes_ktr) return;
  if (in.op == Op::write_proc) {  // "|= 0" for the requests that add no event
    const Term& from = terms_[step.b];
    const bool same_place = from.op == Op::read_proc && from.a == step.a && from.imm == in.imm;
    if (same_place && !is_stale(step.b, step)) return;
  }
  remember(step);
  if (is_write(in.op) || lets_others_in(in)) {
    const bool slotless = in.op == Op::sleep;
    writes_.push_back({at, block, in.op, slotless ? -1 : step.a, in.imm, step.b});
    if (in.op == Op::fresh) writes_.push_back({at, block, Op::unlink, step.b, 0, -1});
  }
  step.when = conditions(block);
  out.push_back(std::move(step));
}

// data is a signal where it is handed on as one.
void Reading::remember(const Step& step) {
  const Instruction& in = program_.code[std::size_t(step.at)];
  const bool to_signal = (in.op == Op::write_proc && ProcField(in.imm) == model::p_xstat) ||
                         (in.op == Op::write_lwp && LwpField(in.imm) == model::td_xsig);
  if (step.kind != Step::Kind::effect || !to_signal || step.b < 0) return;
  const Term& value = terms_[step.b];
  if (value.op == Op::argument) terms_.retype_argument(value.imm, Type::signal);
}

bool Reading::is_dead(std::int32_t block) const {
  const auto around = chain(block);
  return std::any_of(around.begin(), around.end(),
                     [&](std::int32_t b) { return terms_.is_constant(blocks_[std::size_t(b)].condition, 0); }) ||
         std::any_of(dead_.begin(), dead_.end(), [&](std::int32_t dead) { return encloses(dead, block); });
}

TermId Reading::value(std::int32_t at, const Known& known) {
  const Instruction& in = program_.code[std::size_t(at)];
  Term term{.op = in.op, .a = operand(in.a), .b = operand(in.b), .c = operand(in.c), .imm = in.imm, .imm2 = in.imm2};
  if (in.op == Op::open) term.since = at;  // each is decided anew
  if (in.op == Op::ite)
    if (const auto holds = decide(known, term.a)) term.a = terms_.constant(*holds ? 1 : 0);
  return decided(term, known);
}

TermId Reading::decided(const Term& term, const Known& known) {
  const TermId made = terms_.make(term);
  const auto holds = terms_.type(made) == Type::boolean ? decide(known, made) : std::nullopt;
  return holds ? terms_.constant(*holds ? 1 : 0) : made;
}

// A read sees the last write to the same place, if it is certain which that was.
TermId Reading::read(Term term, std::int32_t block, const Known& known) {
  for (auto write = writes_.rbegin(); write != writes_.rend(); ++write) {
    const bool barrier = write->op == Op::sleep || write->op == Op::unlock;
    if (barrier ? write->slot >= 0 && write->slot != term.a : !may_touch(*write, term, known)) continue;
    if (!barrier && encloses(write->block, block) && write->slot == term.a) {
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
  return decided(term, known);
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
  const auto around = chain(write.block);
  return std::none_of(around.begin(), around.end(),
                      [&](std::int32_t b) { return decide(known, blocks_[std::size_t(b)].condition) == false; });
}

bool Reading::is_stale(TermId read, const Step& step) const {
  const Term& term = terms_[read];
  const Known known = known_at(step.block);
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

Reading::Known Reading::known_at(std::int32_t block) const {
  Known known;
  for (const std::int32_t b : chain(block)) assume(known, blocks_[std::size_t(b)].condition, true);
  for (const Fact& fact : facts_)
    if (encloses(fact.block, block)) assume(known, fact.term, true);
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

// Two when() of the same condition in the same place are one block.
std::int32_t Reading::inside(std::int32_t block, std::int32_t value, TermId condition) {
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    if (blocks_[i].parent == block && blocks_[i].value == value) return std::int32_t(i);
  blocks_.push_back({block, value, condition});
  return std::int32_t(blocks_.size()) - 1;
}

bool Reading::encloses(std::int32_t outer, std::int32_t block) const {
  if (outer < 0) return true;
  while (block >= 0 && block != outer) block = blocks_[std::size_t(block)].parent;
  return block == outer;
}

std::vector<std::int32_t> Reading::chain(std::int32_t block) const {
  std::vector<std::int32_t> out;
  for (; block >= 0; block = blocks_[std::size_t(block)].parent) out.insert(out.begin(), block);
  return out;
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
