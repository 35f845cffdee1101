// SPDX-License-Identifier: BSD-2-Clause
#include "checker/listing/words.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <span>

#include "model/names.hpp"
#include "model/words/signals.hpp"

namespace proctor::rules {

using namespace model;
using ir::Op;

namespace {

std::string constant(int value, Type type) {
  switch (type) {
    case Type::boolean: return value == 0 ? "false" : "true";
    case Type::process:
      if (value == kInit) return "init";
      [[fallthrough]];
    case Type::thread:
      if (value == kNone) return "none";
      break;
    case Type::state: {
      constexpr std::array<std::string_view, 3> kStates{"free", "normal", "zombie"};
      if (value >= 0 && value < int(kStates.size())) return std::string(kStates[std::size_t(value)]);
      break;
    }
    case Type::place: return value >= 0 && value <= int(At::proc_signal_stop) ? std::string(at_name(At(value))) : "";
    case Type::signal:
      if (const auto name = signal_name(value); value != 0 && !name.empty()) return std::string(name);
      break;
    case Type::events:
    case Type::credentials: {
      if (value == 0) return "0";
      if (type == Type::credentials && value == CR_ROOT) return "CR_ROOT";
      const auto names = type == Type::events ? std::span<const FlagName>(kEventFlags) : std::span(kCredentials);
      if (value > 0) return flag_names(names, value, " | ");
      const std::string all = flag_names(names, ~value, " | ");
      return all.find(' ') == std::string::npos ? "~" + all : "~(" + all + ")";
    }
    case Type::none:
    case Type::number: break;
  }
  return std::to_string(value);
}

bool is_one_bit(int value) { return value > 0 && (value & (value - 1)) == 0; }

}  // namespace

std::string process_flags(int mask, std::string_view separator) { return flag_names(kProcessFlags, mask, separator); }
std::string thread_flags(int mask, std::string_view separator) { return flag_names(kThreadFlags, mask, separator); }

// What an answer to an open choice means.
std::string way(Open kind, int which) {
  const auto& ways = model::words(kind).ways;
  return which >= 0 && which < int(ways.size()) ? std::string(ways[std::size_t(which)].meaning)
                                                : fmt::format("way {}", which);
}

Words::Words(const Reading& reading, const Rule& rule) : reading_(reading), terms_(reading.terms()) {
  const auto has = [&](std::string_view wanted) {
    for (const Argument& argument : rule.arguments)
      if (argument.name == wanted) return true;
    return false;
  };
  caller_ = rule.by == Rule::By::request ? "curp" : has("p") ? "td.td_proc" : "p";
}

std::string Words::name(TermId slot, std::string name) {
  int same = 1;
  for (const auto& [id, other] : names_) same += other.starts_with(name) ? 1 : 0;
  if (same > 1) name += std::to_string(same);
  return names_[slot] = name;
}

std::string Words::term(TermId id, const Step& step) const {
  if (id < 0) return "";
  if (const auto named = names_.find(id); named != names_.end()) return named->second;
  const Term& term = terms_[id];
  const Type type = terms_.type(id);
  const auto infix = [&](std::string_view sign) {
    const auto side = [&](TermId part) {
      const Op op = terms_[part].op;
      const std::string text = value(part, type, step);
      const bool parts = op == Op::constant && text.find(' ') != std::string::npos && !text.starts_with('~');
      return parts || op == Op::ite || (op != term.op && (op == Op::bit_or || op == Op::bit_and)) ? "(" + text + ")"
                                                                                                  : text;
    };
    return fmt::format("{} {} {}", side(term.a), sign, side(term.b));
  };
  switch (term.op) {
    case Op::constant: return constant(term.imm, Type::number);
    case Op::argument: {
      const std::string& name = terms_.argument(term.imm);
      return name == "pid" ? "p" : name;
    }
    case Op::bit_and: return infix("&");
    case Op::bit_or: return infix("|");
    case Op::add: return infix("+");
    case Op::sub: return infix("-");
    case Op::min: return fmt::format("min({}, {})", this->term(term.a, step), this->term(term.b, step));
    case Op::ite: return choice(term, step, type);
    case Op::open: return fmt::format("what is decided (of {} ways)", term.imm2);
    case Op::read_proc:
    case Op::read_lwp:
    case Op::first_lwp:
    case Op::first_unmasked:
    case Op::pending: return read(id, step);
    default: return boolean(id, step, false, 0);
  }
}

std::string Words::value(TermId id, Type type, const Step& step) const {
  if (id < 0) return "";
  if (terms_.is_constant(id)) return constant(terms_[id].imm, type);
  if (terms_[id].op == Op::ite && !names_.contains(id)) return choice(terms_[id], step, type);
  return term(id, step);
}

std::string Words::choice(const Term& term, const Step& step, Type type) const {
  return fmt::format("{} if {}, else {}", value(term.b, type, step), condition(term.a, step),
                     value(term.c, type, step));
}

std::string Words::read(TermId id, const Step& step) const {
  const Term& term = terms_[id];
  std::string out;
  if (term.op == Op::first_lwp) {
    out = fmt::format("the first thread of {}", this->term(term.a, step));
  } else if (term.op == Op::first_unmasked) {
    out = fmt::format("the first thread of {} that does not mask {}", this->term(term.a, step),
                      value(term.b, Type::signal, step));
  } else if (term.op == Op::pending) {
    out = fmt::format("the signal pending for {}", this->term(term.a, step));
    if (terms_.is_constant(term.b, 0))
      out += ", no stop signal";
    else if (!terms_.is_constant(term.b))
      out += fmt::format(" (a stop signal if {})", condition(term.b, step));
  } else {
    const bool whose = term.op == Op::read_lwp && LwpField(term.imm) == td_proc && terms_[term.a].op == Op::argument;
    if (whose) {
      const std::string& thread = terms_.argument(terms_[term.a].imm);
      if (thread == "td" && terms_[term.a].imm == 0) return caller_;
      if (thread == "tid") return "p";
    }
    const std::string slot =
        terms_.is_constant(term.a) ? constant(terms_[term.a].imm, Type::process) : this->term(term.a, step);
    out = fmt::format("{}.{}", slot,
                      term.op == Op::read_proc ? field_name(ProcField(term.imm)) : field_name(LwpField(term.imm)));
  }
  return reading_.is_stale(id, step) ? fmt::format("old({})", out) : out;
}

std::string Words::condition(TermId id, const Step& step, bool negated) const { return boolean(id, step, negated, 0); }

// tightness: 0 stands alone, 1 beside "or", 2 beside "and"
std::string Words::boolean(TermId id, const Step& step, bool negated, int tightness) const {
  const Term& term = terms_[id];
  switch (term.op) {
    case Op::constant: return (term.imm != 0) != negated ? "true" : "false";
    case Op::not_: return boolean(term.a, step, !negated, tightness);
    case Op::and_:
    case Op::or_: {
      const bool is_and = (term.op == Op::and_) != negated;
      const int own = is_and ? 2 : 1;
      const std::string text = fmt::format("{} {} {}", boolean(term.a, step, negated, own), is_and ? "and" : "or",
                                           boolean(term.b, step, negated, own));
      return tightness != 0 && tightness != own ? "(" + text + ")" : text;
    }
    case Op::read_pflag:
    case Op::read_lflag: {
      const bool process = term.op == Op::read_pflag;
      const auto names = [&](std::string_view separator) {
        return process ? process_flags(term.imm, separator) : thread_flags(term.imm, separator);
      };
      const std::string slot =
          terms_.is_constant(term.a) ? constant(terms_[term.a].imm, Type::process) : this->term(term.a, step);
      const bool several = !is_one_bit(term.imm);
      const std::string text = !negated  ? fmt::format("{} in {}", names("|"), slot)
                               : several ? fmt::format("no {} in {}", names("|"), slot)
                                         : fmt::format("{} not in {}", names("|"), slot);
      return reading_.is_stale(id, step) ? fmt::format("old({})", text) : text;
    }
    case Op::equal: return equality(term, step, negated);
    case Op::in_pset:
    case Op::in_lset: {
      const std::string_view set = term.op == Op::in_pset ? set_name(ProcSet(term.imm)) : set_name(LwpSet(term.imm));
      const std::string slot =
          terms_.is_constant(term.a) ? constant(terms_[term.a].imm, Type::process) : this->term(term.a, step);
      const std::string text =
          fmt::format("{} {} {}.{}", value(term.b, Type::signal, step), negated ? "not in" : "in", slot, set);
      return reading_.is_stale(id, step) ? fmt::format("old({})", text) : text;
    }
    case Op::between: {
      const Type type = terms_.type(term.a);
      if (type == Type::place)
        return fmt::format("{} is {}{} to {}", this->term(term.a, step), negated ? "not " : "",
                           constant(term.imm, type), constant(term.imm2, type));
      const std::string middle = this->term(term.a, step);
      const bool endless = term.imm2 == std::numeric_limits<std::int32_t>::max();
      if (negated && endless) return fmt::format("{} < {}", middle, term.imm);
      if (negated) {
        const std::string text = fmt::format("{} < {} or {} > {}", middle, term.imm, middle, term.imm2);
        return tightness == 2 ? "(" + text + ")" : text;
      }
      return endless ? fmt::format("{} >= {}", middle, term.imm)
                     : fmt::format("{} <= {} <= {}", term.imm, middle, term.imm2);
    }
    default: return fmt::format("{}{}", negated ? "not " : "", this->term(id, step));
  }
}

std::string Words::equality(const Term& term, const Step& step, bool negated) const {
  const Term& left = terms_[term.a];
  const bool to_constant = terms_.is_constant(term.b);
  const int wanted = to_constant ? terms_[term.b].imm : 0;
  if (left.op == Op::open && to_constant) {
    if (!negated) return way(Open(left.imm), wanted);
    if (left.imm2 == 2) return way(Open(left.imm), 1 - wanted);
    return fmt::format("not ({})", way(Open(left.imm), wanted));
  }
  const Type type = terms_.type(term.a);
  if (left.op == Op::argument && type == Type::boolean && to_constant)
    return fmt::format("{}{}", (wanted == 0) != negated ? "not " : "", this->term(term.a, step));
  const bool bits = type == Type::events || type == Type::credentials;
  if (bits && left.op == Op::bit_and && terms_.is_constant(left.b) && is_one_bit(terms_[left.b].imm) && to_constant &&
      wanted == 0)
    return fmt::format("{} {} {}", constant(terms_[left.b].imm, type), negated ? "in" : "not in",
                       this->term(left.a, step));
  return fmt::format("{} {} {}", this->term(term.a, step), negated ? "!=" : "=", value(term.b, type, step));
}

}  // namespace proctor::rules
