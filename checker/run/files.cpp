// SPDX-License-Identifier: BSD-2-Clause
#include "checker/run/files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace proctor {

namespace fs = std::filesystem;

tl::expected<std::string, std::string> read_text(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return tl::unexpected(std::string("it is a folder"));
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file && file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad() || text.bad())
    return tl::unexpected(std::string(std::strerror(errno != 0 ? errno : EIO)));
  return std::move(text).str();
}

Output::Output(std::string path, std::string part, std::FILE* file)
    : path_(std::move(path)), part_(std::move(part)), file_(file) {}

Output::Output(Output&& other) noexcept
    : path_(std::move(other.path_)),
      part_(std::move(other.part_)),
      file_(std::exchange(other.file_, nullptr)),
      failed_(other.failed_) {}

Output::~Output() {
  if (file_ == nullptr || file_ == stdout) return;
  std::fclose(file_);
  std::error_code ignored;
  if (!part_.empty()) fs::remove(part_, ignored);
}

tl::expected<Output, std::string> Output::open(const std::string& path) {
  if (path.empty()) return Output("standard output", {}, stdout);
  std::error_code ignored;
  const bool direct = fs::exists(path, ignored) && !fs::is_regular_file(path, ignored);
  std::string part = direct ? std::string() : path + ".part";
  std::FILE* file = std::fopen((direct ? path : part).c_str(), "w");
  if (file == nullptr)
    return tl::unexpected(
        fmt::format("{}: cannot be written: {}: expected a path in a folder that exists", path, std::strerror(errno)));
  return Output(path, std::move(part), file);
}

void Output::write(std::string_view text) {
  failed_ = std::fwrite(text.data(), 1, text.size(), file_) != text.size() || failed_;
}

tl::expected<void, std::string> Output::close() {
  std::FILE* const file = std::exchange(file_, nullptr);
  failed_ = (file == stdout ? std::fflush(file) : std::fclose(file)) != 0 || failed_;
  std::error_code error;
  if (failed_ && !part_.empty()) fs::remove(part_, error);
  if (failed_) return tl::unexpected(fmt::format("{}: cannot be written whole: the disk may be full", path_));
  if (!part_.empty()) fs::rename(part_, path_, error);
  if (error) return tl::unexpected(fmt::format("{}: cannot be written: {}", path_, error.message()));
  return {};
}

}  // namespace proctor
