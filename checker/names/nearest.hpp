// SPDX-License-Identifier: BSD-2-Clause
//
// Which of the words that exist was meant by one that does not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proctor::names {

using Words = std::vector<std::string>;

// How many letters must be changed, added, left out or exchanged with their neighbour to make one word of the other
// (Damerau-Levenshtein; no letter is moved twice).  Case does not count.
std::size_t distance(std::string_view a, std::string_view b);

// The words that may have been meant, nearest first, of equally near ones that which begins more like it: at most three,
// at most three letters away, and at most a third of the letters of `word`.  If one differs in case only, it alone.
Words nearest(std::string_view word, const Words& known);

// "a, b or c"
std::string either(const Words& words);

// "did you mean PT_ATTACH or PT_DETACH?", or nothing if no word is near.
std::string did_you_mean(std::string_view word, const Words& known);

// What may follow "unknown word 'x': ": what was meant, and all words if they are few; all words if none is near.
// `kind` is what they are: "a request".
std::string instead_of(std::string_view word, const Words& known, std::string_view kind);

// "unknown word 'x': did you mean y?"
std::string unknown_word(std::string_view word, const Words& known, std::string_view kind);

}  // namespace proctor::names
