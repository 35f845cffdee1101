// SPDX-License-Identifier: BSD-2-Clause
#include "model/kernels/lines.hpp"

#include <algorithm>

namespace proctor::model {
namespace {

constexpr ClauseLine kFreebsd51Rows[] = {
    {},
#include "model/kernels/lines/freebsd-5.1.inc"
};
constexpr ClauseLine kFreebsd51Sa0309Rows[] = {
    {},
#include "model/kernels/lines/freebsd-5.1-sa0309.inc"
};
constexpr ClauseLine kFreebsd11cRows[] = {
    {},
#include "model/kernels/lines/freebsd-11c.inc"
};
constexpr ClauseLine kDragonfly55Rows[] = {
    {},
#include "model/kernels/lines/dragonfly-5.5.inc"
};
// Its kern_sig.c was not at hand: what stands there has no line, the rest is as without the commit.
constexpr ClauseLine kDragonfly55Be1f9ddRows[] = {
    {},
#include "model/kernels/lines/dragonfly-5.5-be1f9dd.inc"
};
constexpr ClauseLine kFreebsd104Rows[] = {
    {},
#include "model/kernels/lines/freebsd-10.4.inc"
};
constexpr ClauseLine kFreebsd11cIn104Rows[] = {
    {},
#include "model/kernels/lines/freebsd-11c-in-10.4.inc"
};
constexpr ClauseLine kFreebsd111Rows[] = {
    {},
#include "model/kernels/lines/freebsd-11.1.inc"
};

}  // namespace

const LineFile kFreebsd51Lines(kFreebsd51Rows);
const LineFile kFreebsd51Sa0309Lines(kFreebsd51Sa0309Rows);
const LineFile kFreebsd11cLines(kFreebsd11cRows);
const LineFile kDragonfly55Lines(kDragonfly55Rows);
const LineFile kDragonfly55Be1f9ddLines(kDragonfly55Be1f9ddRows);
const LineFile kFreebsd104Lines(kFreebsd104Rows);
const LineFile kFreebsd11cIn104Lines(kFreebsd11cIn104Rows);
const LineFile kFreebsd111Lines(kFreebsd111Rows);

const ClauseLine* LineFile::find(std::string_view clause) const {
  const auto row = std::lower_bound(rows_.begin(), rows_.end(), clause,
                                    [](const ClauseLine& a, std::string_view b) { return a.clause < b; });
  return row == rows_.end() || row->clause != clause ? nullptr : &*row;
}

}  // namespace proctor::model
