// SPDX-License-Identifier: BSD-2-Clause
//
// One rule as lines of text.
#include <fmt/format.h>

#include "checker/listing/listing.hpp"
#include "checker/listing/words.hpp"
#include "model/names.hpp"

namespace proctor::rules {

using namespace model;
using ir::Op;

namespace {

class Writer {
 public:
  explicit Writer(const Rule& rule) : reading_(rule), words_(reading_, rule) {}

  std::vector<Line> write() {
    steps(reading_.steps(), 0);
    return std::move(lines_);
  }

 private:
  // A block that has just ended says with its condition what "else" is.
  struct Ended {
    int depth = -1;  // -1: none has
    TermId when = -1;
  };

  void steps(const std::vector<Step>& all, int depth) {
    std::vector<TermId> blocks;
    Ended ended;
    for (const Step& s : all) {
      std::size_t common = 0;
      while (common < blocks.size() && common < s.when.size() && blocks[common] == s.when[common]) ++common;
      if (common < blocks.size()) ended = Ended{depth + int(common), blocks[common]};
      blocks.resize(common);
      for (; common < s.when.size(); ++common) {
        const int here = depth + int(common);
        block(here, s, s.when[common], ended.depth == here ? ended.when : TermId{-1});
        ended = {};
        blocks.push_back(s.when[common]);
      }
      if (ended.depth >= depth + int(blocks.size())) ended = {};
      step(s, depth + int(blocks.size()));
    }
  }

  void add(LineKind kind, int depth, std::string text) {
    lines_.push_back({.kind = kind, .depth = depth, .text = std::move(text), .error = {}, .clause = {}});
  }

  void block(int depth, const Step& s, TermId when, TermId before) {
    const Terms& terms = reading_.terms();
    if (before >= 0 && is_negation(when, before)) return add(LineKind::block, depth, "else:");
    if (before >= 0 && terms[when].op == Op::and_ && is_negation(terms[when].a, before))
      return add(LineKind::block, depth, fmt::format("else if {}:", words_.condition(terms[when].b, s)));
    add(LineKind::block, depth, fmt::format("if {}:", words_.condition(when, s)));
  }
  bool is_negation(TermId a, TermId b) const {
    const Terms& terms = reading_.terms();
    return (terms[a].op == Op::not_ && terms[a].a == b) || (terms[b].op == Op::not_ && terms[b].a == a);
  }

  void step(const Step& s, int depth) {
    const Terms& terms = reading_.terms();
    switch (s.kind) {
      case Step::Kind::effect: return effect(s, depth);
      case Step::Kind::open: {
        std::string ways;
        for (int i = 0; i < terms[s.a].imm2; ++i) ways += (ways.empty() ? "" : " | ") + way(Open(terms[s.a].imm), i);
        return add(LineKind::open, depth, "left open: " + ways);
      }
      case Step::Kind::let: {
        const std::string text = words_.value(s.a, terms.type(s.a), s);  // before it has a name
        const std::string name = words_.name(s.a, terms.type(s.a) == Type::thread ? "td2" : "pp");
        return add(LineKind::name, depth, fmt::format("{} is {}", name, text));
      }
      case Step::Kind::first:
      case Step::Kind::next:
        return add(LineKind::name, depth,
                   fmt::format("{} := {}", words_.term(s.a, s), words_.value(s.b, terms.type(s.a), s)));
      case Step::Kind::loop: break;
    }
    std::string head = fmt::format("for each process {}:", words_.term(s.a, s));
    if (s.b >= 0) head = fmt::format("for each thread {} of {}:", words_.term(s.a, s), words_.term(s.b, s));
    if (!is_spoken_of(s.body, s.a))
      head = fmt::format("as many times as there are {}:", s.b < 0 ? "processes" : "threads");
    add(LineKind::block, depth, std::move(head));
    steps(s.body, depth + 1);
  }

  bool is_spoken_of(const std::vector<Step>& all, TermId variable) const {
    const auto in = [&](TermId id) { return reading_.terms().mentions(id, variable); };
    for (const Step& s : all) {
      if (in(s.a) || in(s.b) || in(s.c) || in(s.d) || is_spoken_of(s.body, variable)) return true;
      for (const TermId when : s.when)
        if (in(when)) return true;
    }
    return false;
  }

  std::string slot(TermId id, const Step& s) const { return words_.value(id, Type::process, s); }

  std::string lock_name(Lock lock, TermId of, const Step& s) const {
    switch (lock) {
      case Lock::proctree: return "proctree_lock";
      case Lock::proc: return slot(of, s);
      case Lock::slock: return fmt::format("{} (spin)", slot(of, s));
      case Lock::giant: return "Giant";
      case Lock::sched: return "sched_lock";
      case Lock::thread: return "the thread's lock";
      case Lock::token: return fmt::format("the token of {}", slot(of, s));
      case Lock::crit: return "the critical section";
      case Lock::lwp: return fmt::format("the first thread of {}", slot(of, s));
    }
    return "";
  }

  void check(const Step& s, const ir::Instruction& in, int depth) {
    const Terms& terms = reading_.terms();
    const bool always = terms.is_constant(s.a, 0);
    std::string when = "always";
    if (!always) {
      // "if" where the code's own condition, the one that fails, is the shorter to read.
      const Term& top = terms[s.a];
      const bool turned = top.op == Op::not_ ||
                          (top.op == Op::equal && (terms[top.a].op == Op::open || terms.type(top.a) == Type::boolean));
      when = fmt::format("{} {}", turned ? "if" : "unless", words_.condition(s.a, s, turned));
    }
    if (in.op == Op::require) {
      const std::string error = model::name(Errno(in.imm));
      lines_.push_back({.kind = LineKind::check,
                        .depth = depth,
                        .text = fmt::format("{} {}", error, when),
                        .error = error,
                        .clause = in.clause,
                        .always = always});
      return;
    }
    lines_.push_back({.kind = LineKind::guard,
                      .depth = depth,
                      .text = always ? "does not go on" : "goes on only if " + words_.condition(s.a, s),
                      .error = {},
                      .clause = in.clause,
                      .always = always});
  }

  static std::string_view set(const ir::Instruction& in) {
    const bool of_process =
        in.op == Op::add_pset || in.op == Op::remove_pset || in.op == Op::empty_pset || in.op == Op::copy_pset;
    return of_process ? set_name(ProcSet(in.imm)) : set_name(LwpSet(in.imm));
  }

  void effect(const Step& s, int depth) {
    const ir::Instruction& in = reading_.program().code[std::size_t(s.at)];
    const auto field = [&](std::string_view name, Type type) {
      add(LineKind::effect, depth, fmt::format("{}.{} := {}", slot(s.a, s), name, words_.value(s.b, type, s)));
    };
    const auto flag = [&](const std::string& names, int value) {
      add(LineKind::effect, depth, fmt::format("{}.{} := {}", slot(s.a, s), names, value));
    };
    const auto lock = [&](std::string_view what, const std::string& of) {
      add(LineKind::lock, depth,
          fmt::format("{} {}{}", what, of, in.imm2 != 0 ? "  (on the way out, where held)" : ""));
    };
    switch (in.op) {
      case Op::require:
      case Op::guard: return check(s, in, depth);
      case Op::write_proc: return field(field_name(ProcField(in.imm)), ir::type_of(ProcField(in.imm)));
      case Op::write_lwp: return field(field_name(LwpField(in.imm)), model::ir::type_of(LwpField(in.imm)));
      case Op::set_pflag: return flag(process_flags(in.imm, ", "), 1);
      case Op::clear_pflag: return flag(process_flags(in.imm, ", "), 0);
      case Op::set_lflag: return flag(thread_flags(in.imm, ", "), 1);
      case Op::clear_lflag: return flag(thread_flags(in.imm, ", "), 0);
      case Op::fresh: return add(LineKind::effect, depth, fmt::format("{}, {} := 0", slot(s.a, s), slot(s.b, s)));
      case Op::link:
        return add(
            LineKind::effect, depth,
            fmt::format("{} := 0, the {} thread of {}", slot(s.a, s), in.imm != 0 ? "last" : "first", slot(s.b, s)));
      case Op::unlink: return add(LineKind::effect, depth, fmt::format("{} is gone", slot(s.a, s)));
      case Op::free: return add(LineKind::effect, depth, fmt::format("{} is gone", slot(s.a, s)));
      case Op::add_pset:
      case Op::add_lset:
        return add(LineKind::effect, depth,
                   fmt::format("{} into {}.{}", words_.value(s.b, Type::signal, s), slot(s.a, s), set(in)));
      case Op::remove_pset:
      case Op::remove_lset:
        return add(LineKind::effect, depth,
                   fmt::format("{} out of {}.{}", words_.value(s.b, Type::signal, s), slot(s.a, s), set(in)));
      case Op::empty_pset:
      case Op::empty_lset: return add(LineKind::effect, depth, fmt::format("{}.{} := empty", slot(s.a, s), set(in)));
      case Op::copy_pset:
      case Op::copy_lset:
        return add(LineKind::effect, depth, fmt::format("{}.{} := {}'s", slot(s.a, s), set(in), slot(s.b, s)));
      case Op::lock: return lock(Lock(in.imm) == Lock::crit ? "enter" : "lock", lock_name(Lock(in.imm), s.a, s));
      case Op::unlock: return lock(Lock(in.imm) == Lock::crit ? "leave" : "unlock", lock_name(Lock(in.imm), s.a, s));
      case Op::hold:
      case Op::release: {
        const bool lwp = Lock(in.imm) == Lock::lwp;
        return lock(in.op == Op::hold ? "hold" : "release", lwp ? lock_name(Lock::lwp, s.a, s) : slot(s.a, s));
      }
      case Op::sleep: return add(LineKind::lock, depth, "may sleep here, and gives up its tokens while it does");
      case Op::wakeup: return add(LineKind::lock, depth, fmt::format("wake {} up", slot(s.a, s)));
      case Op::emit: return ktr(s, in, depth);
      case Op::result: return add(LineKind::effect, depth, fmt::format("returns {}", slot(s.a, s)));
      case Op::move: return add(LineKind::effect, depth, moved(Move(in.imm), s));
      case Op::uninitialised:
        return add(LineKind::effect, depth, fmt::format("the caller sees {}, which nobody wrote", unwritten(in.imm)));
      default: return;
    }
  }

  // The parameters that the state determines; those that a line does not have are recorded as 0.
  void ktr(const Step& s, const ir::Instruction& in, int depth) {
    const Terms& terms = reading_.terms();
    std::vector<TermId> parameters{s.b, s.c, s.d};
    while (!parameters.empty() && terms.is_constant(parameters.back(), 0)) parameters.pop_back();
    std::string text = fmt::format("KTR line {}: {}", name(Ktr(in.imm)), slot(s.a, s));
    for (const TermId id : parameters) {
      const bool none = terms.is_constant(id, kNone);
      text += "; " + (none ? "none" : words_.value(id, terms.type(id), s));
    }
    add(LineKind::ktr, depth, std::move(text));
  }

  std::string moved(Move what, const Step& s) const {
    const std::string td = slot(s.a, s);
    switch (what) {
      case Move::none: return "moved: what the caller asked for, to the caller";
      case Move::word_read: return "moved: a word of the tracee's memory, to the caller";
      case Move::word_write: return "moved: a word, to the tracee's memory";
      case Move::io_read: return "moved: piod_len bytes of the tracee's memory, to the caller";
      case Move::io_write: return "moved: piod_len bytes of the caller, to the tracee's memory";
      case Move::io_length: return "moved: piod_len, to the caller";
      case Move::registers_read: return fmt::format("moved: the registers of {}, to the caller", td);
      case Move::registers_written: return fmt::format("moved: the caller's registers, to {}", td);
      case Move::pc: return fmt::format("moved: addr, to the program counter of {}", td);
      case Move::sigchld_taken: return "moved: the SIGCHLD that the debugger has not seen, off its queue";
      case Move::lwplist: return "moved: the thread ids, to the caller";
      case Move::lwpinfo: return fmt::format("moved: what is known of {}, to the caller", td);
      case Move::vm_entry: return "moved: the entry of the map, to the caller";
      case Move::machine: return fmt::format("moved: what the machine has for {}", td);
      case Move::runnable: return fmt::format("moved: {}, to the run queue", td);
    }
    return "";
  }
  static std::string_view unwritten(int field) {
    switch (Uninitialised(field)) {
      case Uninitialised::child_pid: return "pl_child_pid";
      case Uninitialised::name_tail: return "the end of pl_tdname";
      case Uninitialised::padding: return "padding";
    }
    return "";
  }

  Reading reading_;
  Words words_;
  std::vector<Line> lines_;
};

}  // namespace

std::vector<Line> describe(const Rule& rule) { return Writer(rule).write(); }

}  // namespace proctor::rules
