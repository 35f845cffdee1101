// SPDX-License-Identifier: BSD-2-Clause
#include "model/kernel.hpp"

#include <fmt/format.h>

namespace proctor::model {

std::string place(const Clause& clause) {
  if (clause.line > 0) return fmt::format("[{}, {}:{}]", clause.id, clause.file, clause.line);
  return fmt::format("[{}, {} {}()]", clause.id, clause.file, clause.function);
}

}  // namespace proctor::model
