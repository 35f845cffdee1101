// SPDX-License-Identifier: BSD-2-Clause
//
// From the text of a BSD kernel's sys/kern/sys_process.c to an image: the text compiled with the machine's C compiler
// against the shim, a miniature kernel whose files the program carries along, and loaded.  Compiling is running: an
// image is native code with the rights of whoever started proctor.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "checker/source/shim/abi.h"

namespace proctor::source {

struct CompileProblem {
  std::string message;            // one or more lines without a last newline, the compiler's own words
  std::vector<std::string> gaps;  // what the shim does not have: functions, types, "struct proc.p_member", headers
};

// For the user: the message, then the gaps.
std::string problem_text(const CompileProblem& problem);

struct CompileOptions {
  std::string family;                // "freebsd" or "dragonfly": which of the two shims
  int kernel_number = 0;             // PROCTOR_KERNEL of the shim, such as 51 or 104
  std::string compiler = "cc";       // a name or path, perhaps with options; CC of the environment comes first
  std::vector<std::string> extra{};  // further options, after ours
  bool keep = false;                 // leave the temporary folder behind
};

// A private folder below TMPDIR.  It goes away with the object, whatever way that happens.
class TemporaryFolder {
 public:
  TemporaryFolder(std::string path, bool keep) : path_(std::move(path)), keep_(keep) {}
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  ~TemporaryFolder() { remove(); }

  const std::string& path() const { return path_; }

 private:
  void remove() noexcept;

  std::string path_;  // empty once moved away
  bool keep_;
};

// A loaded image; pointers into it are good as long as it lives.
class Image {
 public:
  Image(Image&& other) noexcept;
  Image& operator=(Image&& other) noexcept;
  ~Image() { close(); }

  const pr_image& operator*() const { return *image_; }
  const pr_image* operator->() const { return image_; }

  // Where the source, the shim and image.so lie, for messages with CompileOptions::keep.
  const std::string& folder() const { return folder_.path(); }

 private:
  friend tl::expected<Image, CompileProblem> compile_source(const std::string& path_for_messages, std::string_view text,
                                                            const CompileOptions& options);
  static tl::expected<Image, CompileProblem> load(TemporaryFolder folder, const std::string& family);
  Image(TemporaryFolder folder, void* handle) : folder_(std::move(folder)), handle_(handle) {}
  void close() noexcept;

  TemporaryFolder folder_;  // outlives the handle
  void* handle_;
  const pr_image* image_ = nullptr;
};

// `path_for_messages` is what the compiler's messages call the text; nothing is read from there.
tl::expected<Image, CompileProblem> compile_source(const std::string& path_for_messages, std::string_view text,
                                                   const CompileOptions& options);

}  // namespace proctor::source
