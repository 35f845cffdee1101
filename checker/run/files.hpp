// SPDX-License-Identifier: BSD-2-Clause
//
// Files that a user names: read whole, written whole or not at all.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace proctor {

// The error says why, without the path: "it is a folder".
tl::expected<std::string, std::string> read_text(const std::string& path);

// Where a report goes.  A file is written beside its name first, so that what is there stays whole if this fails; what is
// not a file (a terminal, a pipe, a device) is written to as it is.
class Output {
 public:
  // Empty: standard output.  Any error is one line with the path.
  static tl::expected<Output, std::string> open(const std::string& path);
  Output(Output&& other) noexcept;
  Output& operator=(Output&&) = delete;
  ~Output();  // not closed: nothing was written

  void write(std::string_view text);
  tl::expected<void, std::string> close();

 private:
  Output(std::string path, std::string part, std::FILE* file);
  std::string path_, part_;  // part_: empty if path_ is written to directly
  std::FILE* file_;
  bool failed_ = false;
};

}  // namespace proctor
