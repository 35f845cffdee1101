// SPDX-License-Identifier: BSD-2-Clause
#include "model/kernel.hpp"

#include <fmt/format.h>

namespace proctor::model {

namespace {

int line_by_hand(const Lines& lines, Source source) {
  switch (source) {
    case Source::freebsd51: return lines.freebsd51;
    case Source::freebsd11c: return lines.freebsd11c;
    case Source::dragonfly55: return lines.dragonfly55;
    case Source::freebsd104: return lines.freebsd104;
    default: return 0;
  }
}

}  // namespace

Clause Anchor::of(const Behaviours& kernel) const {
  if (const ClauseLine* row = kernel.lines->find(key))
    return {id(), row->file, row->line, {}, impossible_why, says_where, key};
  return {id(), file, line_by_hand(by_hand, kernel.source), function, impossible_why, says_where, key};
}

std::string place(const Clause& clause) {
  if (clause.line > 0) return fmt::format("[{}, {}:{}]", clause.id, clause.file, clause.line);
  if (clause.function.empty()) return fmt::format("[{}, {}]", clause.id, clause.file);
  return fmt::format("[{}, {} {}()]", clause.id, clause.file, clause.function);
}

}  // namespace proctor::model
