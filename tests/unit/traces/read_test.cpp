// SPDX-License-Identifier: BSD-2-Clause
#include <lzma.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/unit/traces/bytes.hpp"

namespace proctor::trace {
namespace {

constexpr std::string_view kExpected =
    "not a log that proctor reads: expected ktrace.out of FreeBSD (64-bit little-endian, header version 0) or "
    "DragonFly, kdump text, ktrdump text or console lines of debug.ktr.verbose";

std::string xz(std::string_view bytes) {
  std::string packed(lzma_stream_buffer_bound(bytes.size()), '\0');
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                    bytes.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size, packed.size()),
            LZMA_OK);
  packed.resize(size);
  return packed;
}

class Directory {
 public:
  Directory() : path_(std::filesystem::temp_directory_path() / ("proctor_read_test." + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(Read, FormatIsFoundByContent) {
  EXPECT_EQ(detect(record({KTR_SYSCALL}, call(2, {}))), Format::ktrace_freebsd_v0_lp64_le);
  EXPECT_EQ(detect(dragonfly_record({KTR_SYSCALL}, call(2, {}))), Format::ktrace_dragonfly_lp64_le);
  EXPECT_EQ(detect("    15 scen     CALL  fork\n"), Format::kdump_text);
  EXPECT_EQ(detect("   15:1    scen     CALL  fork\n"), Format::kdump_text);
  EXPECT_EQ(detect("     0 PT_KILL: pid 1\n"), Format::ktrdump_text);
  EXPECT_EQ(detect("cpu0 PT_KILL: pid 1\n"), Format::ktr_console);
  EXPECT_EQ(detect("    15 scen     CALL  fork"), std::nullopt);  // no whole line
  EXPECT_EQ(detect(""), std::nullopt);
}

TEST(Read, RefusalSaysWhereAndWhatAndWhatWouldDo) {
  EXPECT_EQ(refusal("hello, world\n"), "log: " + std::string(kExpected));
  EXPECT_EQ(refusal(""), "log: is empty, " + std::string(kExpected));
  EXPECT_EQ(refusal(std::string("\xff\xd8\xff\xe0\0\x10JFIF\0", 11)), "log: " + std::string(kExpected));
  EXPECT_EQ(refusal("192.168.0.1\tgateway\n10.0.0.1\tother\n"), "log: " + std::string(kExpected));
  EXPECT_EQ(refusal("     1 first line\n     2 second line\n"), "log: " + std::string(kExpected));
  EXPECT_EQ(refusal("index of the trace\n"), "log: " + std::string(kExpected));
}

TEST(Read, TextThatIsMostlySomethingElseIsRefused) {
  std::string text = "    15 scen     CALL  fork\n";
  for (int i = 0; i < 9; ++i) {
    text += "So it goes, line after line.\n";
  }
  EXPECT_EQ(refusal(text), "log: only 1 of 10 lines are kdump text, " + std::string(kExpected));
}

TEST(Read, RandomBytesAreRefused) {
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes(static_cast<std::size_t>(random() % 4096), '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(random());
    }
    EXPECT_FALSE(read_bytes(bytes, "log")) << i;
  }
}

TEST(Read, Compressed) {
  const std::string text = "    15 scen     CALL  fork\n";
  const std::string packed = xz(text);
  EXPECT_EQ(read(packed).events.size(), 1U);
  EXPECT_EQ(read(packed + packed).events.size(), 2U);  // xz files can be put one after the other
  EXPECT_EQ(refusal(packed.substr(0, packed.size() - 4)), "log: the xz data ends too early");
  std::string broken = packed;
  broken[20] ^= 0x55;
  EXPECT_EQ(refusal(broken), "log: the xz data is broken");
  EXPECT_EQ(refusal(xz("")), "log: is empty, " + std::string(kExpected));
}

TEST(Read, Files) {
  const Directory directory;
  const std::string path = directory.write("anything.txt", "    15 scen     CALL  fork\n");
  const auto log = read_log(path);
  ASSERT_TRUE(log);
  EXPECT_EQ(log->path, path);
  EXPECT_EQ(log->where(log->events[0]), path + ":1");
  const auto missing = read_log(path + ".not");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, path + ".not: No such file or directory");
  const auto is_directory = read_log(directory.path());
  ASSERT_FALSE(is_directory);
  EXPECT_EQ(is_directory.error().message, directory.path() + ": is a directory; expected the log file itself");
  if (::geteuid() != 0) {
    std::filesystem::permissions(path, std::filesystem::perms::none);
    const auto unreadable = read_log(path);
    ASSERT_FALSE(unreadable);
    EXPECT_EQ(unreadable.error().message, path + ": Permission denied");
  }
}

TEST(Read, StandardInput) {
  const Directory directory;
  const std::string path = directory.write("input", "    15 scen     CALL  fork\n");
  ASSERT_NE(std::freopen(path.c_str(), "r", stdin), nullptr);
  const auto log = read_log("-");
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ(log->where(log->events[0]), "-:1");
}

}  // namespace
}  // namespace proctor::trace
