// SPDX-License-Identifier: BSD-2-Clause
#include "model/ir/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "model/names.hpp"

namespace proctor::model::ir {
namespace {

constexpr std::string_view kNames[] = {
    "const",    "arg",    "read",     "flag?", "read_td", "tdflag?",   "first_td", "unmasked", "in",      "in_td",
    "pending",  "eq",     "and",      "or",    "not",     "bitand",    "bitor",    "add",      "sub",     "min",
    "between",  "ite",    "open",     "var",   "when",    "each_proc", "each_td",  "write",    "set",     "clear",
    "write_td", "set_td", "clear_td", "fresh", "link",    "unlink",    "free",     "incl",     "incl_td", "excl",
    "excl_td",  "empty",  "empty_td", "copy",  "copy_td", "require",   "guard",    "lock",     "unlock",  "hold",
    "release",  "sleep",  "wakeup",   "emit",  "result",  "move",      "uninit"};
static_assert(std::size(kNames) == kOps);

}  // namespace

Type type_of(ProcField field) {
  constexpr Type kTypes[] = {
#define PROCESS_FIELD(id, name, type) Type::type,
#include "model/words/fields.inc"
  };
  return kTypes[std::size_t(field)];
}

Type type_of(LwpField field) {
  constexpr Type kTypes[] = {
#define THREAD_FIELD(id, name, type) Type::type,
#include "model/words/fields.inc"
  };
  return kTypes[std::size_t(field)];
}

Type type_of(Op op, std::int32_t imm, Type a, Type b, Type c) {
  switch (op) {
    case Op::read_proc: return type_of(ProcField(imm));
    case Op::read_lwp: return type_of(LwpField(imm));
    case Op::each_proc: return Type::process;
    case Op::first_lwp:
    case Op::first_unmasked:
    case Op::each_lwp: return Type::thread;
    case Op::pending: return Type::signal;
    case Op::in_pset:
    case Op::in_lset:
    case Op::read_pflag:
    case Op::read_lflag:
    case Op::equal:
    case Op::and_:
    case Op::or_:
    case Op::not_:
    case Op::between: return Type::boolean;
    case Op::bit_and:
    case Op::bit_or:
    case Op::add:
    case Op::sub:
    case Op::min:
    case Op::carried: return a != Type::none ? a : b;
    case Op::ite: return b != Type::none ? b : c;
    case Op::open: return Type::number;
    default: return Type::none;
  }
}

Operands::Operands(const Instruction& in) : number_{} {
  for (const std::int32_t operand : {in.a, in.b, in.c, in.d})
    if (operand >= 0) number_[count_++] = operand;
}

std::vector<Access> reads(std::span<const Instruction> code, std::int32_t at) {
  using What = Access::What;
  const Instruction& in = code[std::size_t(at)];
  switch (in.op) {
    case Op::read_proc: return {{What::proc_field, in.imm, in.a}};
    case Op::read_pflag: return {{What::proc_flags, in.imm, in.a}};
    case Op::read_lwp: return {{What::lwp_field, in.imm, in.a}};
    case Op::read_lflag: return {{What::lwp_flags, in.imm, in.a}};
    case Op::first_lwp: return {{What::lwp_field, int(td_proc), -1}, {What::lwp_rank, 0, -1}};
    case Op::first_unmasked:
      if (in.imm != 0)
        return {{What::lwp_field, int(td_proc), -1},
                {What::lwp_rank, 0, -1},
                {What::lwp_set, int(td_sigmask), -1},
                {What::lwp_field, int(td_at), -1}};
      return {{What::lwp_field, int(td_proc), -1}, {What::lwp_rank, 0, -1}, {What::lwp_set, int(td_sigmask), -1}};
    case Op::in_pset:
    case Op::add_pset:
    case Op::remove_pset: return {{What::proc_set, in.imm, in.a}};
    case Op::in_lset:
    case Op::add_lset:
    case Op::remove_lset: return {{What::lwp_set, in.imm, in.a}};
    case Op::copy_pset: return {{What::proc_set, in.imm, in.b}};
    case Op::copy_lset: return {{What::lwp_set, in.imm, in.b}};
    case Op::pending:
      return {{What::lwp_field, int(td_proc), in.a},
              {What::lwp_set, int(td_siglist), in.a},
              {What::lwp_set, int(td_sigmask), in.a},
              {What::proc_set, int(p_siglist), -1}};
    case Op::unlink: return {{What::lwp_field, int(td_proc), -1}, {What::lwp_rank, 0, -1}};
    case Op::link:
      if (in.imm == 0) return {{What::lwp_field, int(td_proc), -1}, {What::lwp_rank, 0, -1}};
      return {{What::lwp_field, int(td_proc), -1}};
    case Op::each_lwp: return {{What::lwp_field, int(td_proc), -1}};
    case Op::each_proc: return {{What::proc_field, int(p_state), -1}};
    default: return {};
  }
}

std::vector<Access> writes(std::span<const Instruction> code, std::int32_t at) {
  using What = Access::What;
  const Instruction& in = code[std::size_t(at)];
  switch (in.op) {
    case Op::write_proc: return {{What::proc_field, in.imm, in.a}};
    case Op::write_lwp: return {{What::lwp_field, in.imm, in.a}};
    case Op::set_pflag:
    case Op::clear_pflag: return {{What::proc_flags, in.imm, in.a}};
    case Op::set_lflag:
    case Op::clear_lflag: return {{What::lwp_flags, in.imm, in.a}};
    case Op::fresh: return {{What::proc, 0, in.a}, {What::lwp, 0, in.b}};
    case Op::link:
      if (in.imm == 0) return {{What::lwp, 0, in.a}, {What::lwp_rank, 0, -1}};
      return {{What::lwp, 0, in.a}};
    case Op::unlink: return {{What::lwp, 0, in.a}, {What::lwp_rank, 0, -1}};
    case Op::free: return {{What::proc, 0, in.a}};
    case Op::add_pset:
    case Op::remove_pset:
    case Op::empty_pset:
    case Op::copy_pset: return {{What::proc_set, in.imm, in.a}};
    case Op::add_lset:
    case Op::remove_lset:
    case Op::empty_lset:
    case Op::copy_lset: return {{What::lwp_set, in.imm, in.a}};
    default: return {};
  }
}

bool overlap(const Access& a, const Access& b) {
  using What = Access::What;
  const auto of_process = [](What what) { return what <= What::proc; };
  if (of_process(a.what) != of_process(b.what)) return false;
  const auto whole = [](What what) { return what == What::proc || what == What::lwp; };
  if (whole(a.what) || whole(b.what)) return true;
  const bool flags = a.what == What::proc_flags || a.what == What::lwp_flags;
  return a.what == b.what && (flags ? (a.which & b.which) != 0 : a.which == b.which);
}

std::string fault(const Program& program) {
  const std::int32_t size = std::int32_t(program.code.size());
  std::vector<bool> known(program.code.size(), false);
  std::vector<std::int32_t> blocks;  // where each that is open began
  std::int32_t before = -1;          // the block that has just ended: "if it was entered, what it computed, else ..."
  const auto close = [&](std::int32_t block) {
    before = block;
    for (std::int32_t i = block; i < program.code[std::size_t(block)].end; ++i) known[std::size_t(i)] = false;
  };
  const auto is_of_block = [&](const Instruction& in, std::int32_t value) {
    return before >= 0 && in.op == Op::ite && value == in.b && program.code[std::size_t(before)].op == Op::when &&
           program.code[std::size_t(before)].a == in.a && value > before &&
           value < program.code[std::size_t(before)].end;
  };
  for (std::int32_t at = 0; at < size; ++at) {
    while (!blocks.empty() && program.code[std::size_t(blocks.back())].end == at) {
      close(blocks.back());
      blocks.pop_back();
    }
    const Instruction& in = program.code[std::size_t(at)];
    const std::int32_t limit = blocks.empty() ? size : program.code[std::size_t(blocks.back())].end;
    if (is_block(in.op)) {
      if (in.end <= at || in.end > limit) return fmt::format("{}: block {} ends at {}", program.name, at, in.end);
      blocks.push_back(at);
    }
    for (const std::int32_t operand : operands(in)) {
      const bool after_turn = in.op == Op::carried && operand == in.b;
      if (operand >= size || (!after_turn && !known[std::size_t(operand)] && !is_of_block(in, operand)))
        return fmt::format("{}: instruction {} uses value {}, which is not defined there", program.name, at, operand);
    }
    known[std::size_t(at)] = true;
    if (in.op != Op::ite) before = -1;
  }
  return "";
}

std::string print(const Program& program) {
  std::string out = program.name + "\n";
  std::vector<std::int32_t> ends;
  const auto close = [&](std::int32_t at) {
    for (; !ends.empty() && ends.back() == at; ends.pop_back())
      fmt::format_to(std::back_inserter(out), "{:{}}}}\n", "", 5 + 2 * (ends.size() - 1));
  };
  for (std::size_t i = 0; i < program.code.size(); ++i) {
    close(std::int32_t(i));
    const Instruction& in = program.code[i];
    fmt::format_to(std::back_inserter(out), "{:4} {:{}}{:<8}", i, "", 2 * ends.size(), kNames[std::size_t(in.op)]);
    for (const std::int32_t operand : operands(in)) fmt::format_to(std::back_inserter(out), " %{}", operand);
    switch (in.op) {
      case Op::argument: fmt::format_to(std::back_inserter(out), " {}", program.arguments[std::size_t(in.imm)]); break;
      case Op::read_proc:
      case Op::write_proc: fmt::format_to(std::back_inserter(out), " {}", field_name(ProcField(in.imm))); break;
      case Op::read_lwp:
      case Op::write_lwp: fmt::format_to(std::back_inserter(out), " {}", field_name(LwpField(in.imm))); break;
      case Op::between: fmt::format_to(std::back_inserter(out), " {}..{}", in.imm, in.imm2); break;
      case Op::require: fmt::format_to(std::back_inserter(out), " else errno {} {}", in.imm, place(in.clause)); break;
      case Op::guard: fmt::format_to(std::back_inserter(out), " {}", place(in.clause)); break;
      default:
        if (in.imm != 0) fmt::format_to(std::back_inserter(out), " {:#x}", in.imm);
    }
    if (in.path >= 0) fmt::format_to(std::back_inserter(out), " if %{}", in.path);
    if (is_block(in.op)) {
      out += " {";
      ends.push_back(in.end);
    }
    out += '\n';
  }
  close(std::int32_t(program.code.size()));
  return out;
}

}  // namespace proctor::model::ir
