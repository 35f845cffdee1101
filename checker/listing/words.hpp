// SPDX-License-Identifier: BSD-2-Clause
//
// Terms in words: "P_TRACED in p", "p.p_pptr = curp".
#pragma once

#include <string>
#include <string_view>

#include "checker/listing/reading.hpp"

namespace proctor::rules {

class Words {
 public:
  // `caller`: what the process of the rule's first thread is called.
  Words(const Reading& reading, const model::Rule& rule);

  std::string term(TermId id, const Step& step) const;
  // A condition with its negation, without parentheses around it.
  std::string condition(TermId id, const Step& step, bool negated = false) const;
  // A value that is written to something of this type.
  std::string value(TermId id, Type type, const Step& step) const;
  std::string name(TermId slot, std::string name);  // from now on

 private:
  std::string boolean(TermId id, const Step& step, bool negated, int tightness) const;
  std::string equality(const Term& term, const Step& step, bool negated) const;
  std::string read(TermId id, const Step& step) const;
  std::string choice(const Term& term, const Step& step, Type type) const;

  const Reading& reading_;
  const Terms& terms_;
  std::map<TermId, std::string> names_;
  std::string caller_;
};

// "P_TRACED, P_WAITED" with the separator.
std::string process_flags(int mask, std::string_view separator);
std::string thread_flags(int mask, std::string_view separator);
std::string way(model::Open kind, int which);

}  // namespace proctor::rules
