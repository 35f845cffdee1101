// SPDX-License-Identifier: BSD-2-Clause
//
// What is written is whole, or what was there before stays.
#include "checker/run/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace proctor {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string name = (fs::temp_directory_path() / "proctor-files-XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~Files() override { fs::remove_all(folder); }
  fs::path folder;
};

TEST_F(Files, AreThereWhenClosedAndNotBefore) {
  const std::string path = folder / "report";
  auto out = Output::open(path);
  ASSERT_TRUE(out);
  out->write("one\n");
  EXPECT_FALSE(fs::exists(path));
  ASSERT_TRUE(out->close());
  EXPECT_EQ(read_text(path).value(), "one\n");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(Files, StayAsTheyWereIfNobodyCloses) {
  const std::string path = folder / "report";
  std::ofstream(path) << "before";
  {
    auto out = Output::open(path);
    ASSERT_TRUE(out);
    out->write("after");
  }
  EXPECT_EQ(read_text(path).value(), "before");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
}

TEST_F(Files, InNoFolderAreRefusedWithTheirName) {
  const auto out = Output::open(folder / "none" / "report");
  ASSERT_FALSE(out);
  EXPECT_THAT(out.error(), HasSubstr((folder / "none" / "report").string() + ": cannot be written: No such file"));
}

TEST_F(Files, ADeviceStaysADevice) {
  auto out = Output::open("/dev/null");
  ASSERT_TRUE(out);
  out->write("gone");
  EXPECT_TRUE(out->close());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(Files, AFullDeviceIsAnError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  auto out = Output::open("/dev/full");
  ASSERT_TRUE(out);
  out->write("lost");
  const auto closed = out->close();
  ASSERT_FALSE(closed);
  EXPECT_THAT(closed.error(), HasSubstr("/dev/full: cannot be written whole"));
}

TEST_F(Files, AFolderHasNoText) { EXPECT_EQ(read_text(folder).error(), "it is a folder"); }

}  // namespace
}  // namespace proctor
