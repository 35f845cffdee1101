// SPDX-License-Identifier: BSD-2-Clause
//
// The line files: where each clause stands in a kernel's sources.  `proctor anchors` writes them (lines/KERNEL.inc).
#pragma once

#include <span>
#include <string_view>

namespace proctor::model {

struct ClauseLine {
  std::string_view clause, file;
  int line;
};

class LineFile {
 public:
  // The first row is nobody's: what `proctor anchors` has not written yet is empty, which an array may not be.
  consteval explicit LineFile(std::span<const ClauseLine> rows) : rows_(rows.subspan(1)) {
    for (std::size_t i = 1; i < rows.size(); ++i)
      if (!(rows[i - 1].clause < rows[i].clause)) throw "a line file is sorted, and has each clause once";
  }
  std::span<const ClauseLine> rows() const { return rows_; }
  const ClauseLine* find(
      std::string_view clause) const;  // null if the kernel does not have it, or nobody has placed it

 private:
  std::span<const ClauseLine> rows_;
};

extern const LineFile kFreebsd51Lines, kFreebsd51Sa0309Lines, kFreebsd11cLines, kDragonfly55Lines,
    kDragonfly55Be1f9ddLines, kFreebsd104Lines, kFreebsd11cIn104Lines, kFreebsd111Lines;

}  // namespace proctor::model
