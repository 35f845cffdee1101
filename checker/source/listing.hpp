// SPDX-License-Identifier: BSD-2-Clause
//
// Annotated listings of a kernel's source, as source browsers show them: the first line names file and revision
// ("xref: /freebsd/sys/kern/sys_process.c (revision ...)"), every further one has the line's number in front, in some
// followed by commit and author without anything between, then a no-break space (U+00A0) and the text.  The last line
// is a number alone: what follows the source's last newline.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace proctor::source {

// Tells a listing from C text by how its first two lines begin.
bool looks_like_listing(std::string_view text);

// The plain text; line N of it is line N of the source, so that a compiler's messages and the model's anchors agree.
// The error is one line: "path:LINE: what is wrong; what would have been accepted", with LINE counted in the listing.
tl::expected<std::string, std::string> strip_listing(std::string_view text, const std::string& path);

}  // namespace proctor::source
