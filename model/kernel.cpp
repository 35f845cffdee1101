// SPDX-License-Identifier: BSD-2-Clause
#include "model/kernel.hpp"

#include <fmt/format.h>

namespace proctor::model {

Clause Anchor::of(const Behaviours& kernel) const {
  // proc_rwmem() lost 25 lines, an #include and __FBSDID were added above it.
  constexpr int kRwmem = 147, kAbove = 24, kBelow = 1;
  int line = 0;
  switch (kernel.source) {
    case Source::freebsd51: line = lines.freebsd51; break;
    case Source::freebsd51_sa0309:
      line = lines.freebsd51 == 0 ? 0 : lines.freebsd51 < kRwmem ? lines.freebsd51 + kBelow : lines.freebsd51 - kAbove;
      break;
    case Source::freebsd11c: line = lines.freebsd11c; break;
    case Source::dragonfly55: line = lines.dragonfly55; break;
    case Source::freebsd104: line = lines.freebsd104; break;
  }
  return {id, file, line, function, impossible_why, says_where};
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
    case Errno::ecapmode: return "ECAPMODE";
    case Errno::erestart: return "ERESTART";
  }
  return fmt::format("errno {}", int(error));
}

}  // namespace proctor::model
