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

std::string name(Errno error) {
  switch (error) {
    case Errno::ok: return "success";
    case Errno::eperm: return "EPERM";
    case Errno::enoent: return "ENOENT";
    case Errno::esrch: return "ESRCH";
    case Errno::eintr: return "EINTR";
    case Errno::eio: return "EIO";
    case Errno::echild: return "ECHILD";
    case Errno::enomem: return "ENOMEM";
    case Errno::eacces: return "EACCES";
    case Errno::efault: return "EFAULT";
    case Errno::ebusy: return "EBUSY";
    case Errno::einval: return "EINVAL";
    case Errno::eagain: return "EAGAIN";
    case Errno::enametoolong: return "ENAMETOOLONG";
    case Errno::ealready: return "EALREADY";
    case Errno::enotconn: return "ENOTCONN";
    case Errno::ecapmode: return "ECAPMODE";
    case Errno::erestart: return "ERESTART";
  }
  return fmt::format("errno {}", int(error));
}

}  // namespace proctor::model
