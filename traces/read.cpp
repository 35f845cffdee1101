// SPDX-License-Identifier: BSD-2-Clause
#include "traces/read.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

#include "traces/readers.hpp"
#include "traces/text.hpp"

namespace proctor::trace {
namespace {

constexpr std::string_view kExpected =
    "expected ktrace.out of FreeBSD (64-bit little-endian, header version 0) or DragonFly, kdump text, ktrdump text or "
    "console lines of debug.ktr.verbose";

tl::unexpected<ReadError> fail(const std::string& path, std::string_view what) {
  return tl::unexpected(ReadError{fmt::format("{}: {}", path, what)});
}

tl::unexpected<ReadError> fail_unknown(const std::string& path, std::string_view what) {
  return fail(path, fmt::format("{}not a log that proctor reads: {}", what, kExpected));
}

class File {
 public:
  explicit File(const std::string& path)
      : standard_input_(path == "-"),
        descriptor_(standard_input_ ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (!standard_input_ && descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  bool standard_input_;
  int descriptor_;
};

tl::expected<std::string, ReadError> read_file(const std::string& path) {
  const File file(path);
  if (!file.is_open()) {
    return fail(path, std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) {
    return fail(path, std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    return fail(path, "is a directory; expected the log file itself");
  }
  const auto too_large = [&] { return fail(path, fmt::format("is larger than {} GiB", kFileBytesMax >> 30)); };
  std::size_t room = 1 << 16;
  if (S_ISREG(status.st_mode)) {
    if (static_cast<std::uint64_t>(status.st_size) > kFileBytesMax) {
      return too_large();
    }
    room = static_cast<std::size_t>(status.st_size) + 1;  // one more, so that the end is met before the room is used up
  }
  std::string bytes;
  std::size_t used = 0;
  while (true) {
    if (used == bytes.size()) {
      bytes.resize(used + std::max(used, room));
    }
    const ssize_t count = ::read(file.descriptor(), bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return fail(path, std::strerror(errno));
    }
    used += static_cast<std::size_t>(count);
    if (count == 0) {
      bytes.resize(used);
      return bytes;
    }
    if (used > kFileBytesMax) {
      return too_large();
    }
  }
}

// The first line that only one format can have decides.
std::optional<Format> detect_text(std::string_view bytes) {
  Lines lines(bytes);
  while (lines.next()) {
    const std::string_view line = lines.text();
    if (line.empty() || line.size() > 4096) {
      continue;  // no format has such lines, and a large file of something else should not take long to refuse
    }
    if (is_kdump_record(line)) {
      return Format::kdump_text;
    }
    if (is_ktrdump_line(line)) {
      return Format::ktrdump_text;
    }
    if (is_console_line(line)) {
      return Format::ktr_console;
    }
  }
  return std::nullopt;
}

// How many lines there must be for each that the reader understood.  A console has other things to say as well.
std::uint64_t lines_per_understood(Format format) { return format == Format::ktr_console ? 20 : 2; }

void read_as(Format format, std::string_view bytes, Log& log) {
  switch (format) {
    case Format::ktrace_freebsd_v0_lp64_le: return read_ktrace(bytes, log);
    case Format::ktrace_dragonfly_lp64_le: return read_dragonfly_ktrace(bytes, log);
    case Format::kdump_text: return read_kdump(bytes, log);
    case Format::ktrdump_text: return read_ktrdump(bytes, log);
    case Format::ktr_console: return read_console(bytes, log);
  }
}

tl::expected<Log, ReadError> read_unpacked(std::string_view bytes, const std::string& path) {
  if (bytes.empty()) {
    return fail_unknown(path, "is empty, ");
  }
  const auto format = detect(bytes);
  if (!format) {
    if (const std::string_view name = unsupported_format(bytes); !name.empty()) {
      return fail_unknown(path, fmt::format("looks like {}, ", name));
    }
    return fail_unknown(path, "");
  }
  Log log;
  log.path = path;
  log.format = *format;
  read_as(*format, bytes, log);
  if (is_full(log)) {
    return fail(path, fmt::format("holds {} events or more; split it, or log fewer classes", kEventsMax));
  }
  if (!log.is_binary()) {
    const std::uint64_t understood = log.records - log.unreadable;
    if (understood * lines_per_understood(*format) < log.records) {
      return fail_unknown(log.path,
                          fmt::format("only {} of {} lines are {}, ", understood, log.records, name(*format)));
    }
    const std::size_t end = bytes.rfind('\n') + 1;
    if (end != bytes.size()) {
      Lines lines(bytes);
      while (lines.next()) {
      }
      log.cut = Log::Cut{end, lines.number() + 1, "the last line has no newline, so it may be cut, and is left out"};
    }
  }
  return log;
}

}  // namespace

std::optional<Format> detect(std::string_view bytes) {
  const auto binary = ktrace_format(bytes);
  return binary ? binary : detect_text(bytes);
}

tl::expected<Log, ReadError> read_bytes(std::string_view bytes, const std::string& path) {
  try {
    if (!is_xz(bytes)) {
      return read_unpacked(bytes, path);
    }
    const auto unpacked = unpack_xz(bytes);
    return unpacked ? read_unpacked(*unpacked, path) : fail(path, unpacked.error());
  } catch (const std::bad_alloc&) {
    return fail(path, "not enough memory to read it");
  } catch (const std::length_error&) {
    return fail(path, "not enough memory to read it");
  }
}

tl::expected<Log, ReadError> read_log(const std::string& path) {
  try {
    auto bytes = read_file(path);
    return bytes ? read_bytes(*bytes, path) : tl::unexpected(bytes.error());
  } catch (const std::bad_alloc&) {
    return fail(path, "not enough memory to read it");
  } catch (const std::length_error&) {
    return fail(path, "not enough memory to read it");
  }
}

}  // namespace proctor::trace
