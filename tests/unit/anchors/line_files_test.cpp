// SPDX-License-Identifier: BSD-2-Clause
//
// The line files: each clause is in them, and they are what `proctor anchors` makes of the sources, where those are at
// hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "checker/anchors/place.hpp"
#include "checker/run/files.hpp"
#include "checker/run/saved.hpp"
#include "checker/source/listing.hpp"
#include "model/programs.hpp"

namespace proctor::anchors {
namespace {

namespace fs = std::filesystem;

// How the names begin: of the listing of sys_process.c, of the folder with the whole environment.
struct Origin {
  std::string_view kernel, listing, environment;
  std::string_view other = {};  // the file that the kernel has in another version than that folder
};
constexpr Origin kOrigins[] = {
    {"freebsd-5.1", "003_", ""},
    {"freebsd-5.1-sa0309", "000_", ""},
    {"freebsd-11c", "001_", "freebsd-11.0-CURRENT-r291961"},
    {"dragonfly-5.5", "002_", "dragonfly-5.5-20190531"},
    {"dragonfly-5.5-be1f9dd", "002_", "dragonfly-5.5-20190531", "kern_sig.c"},
    {"freebsd-10.4", "", "freebsd-10.4-r315949"},
    {"freebsd-11c-in-10.4", "001_", ""},
    {"freebsd-11.1", "", "freebsd-11.1-20170820"},
};

fs::path begins_with(const fs::path& folder, std::string_view begin) {
  if (!begin.empty() && fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().filename().string().starts_with(begin)) return entry.path();
  return {};
}

std::vector<Source> sources_of(const Origin& origin) {
  std::vector<Source> out;
  if (const fs::path path = begins_with(PROCTOR_LISTINGS_DIR, origin.listing); !path.empty())
    out.emplace_back("sys_process.c", source::strip_listing(read_text(path.string()).value(), path.string()).value());
  std::set<std::string_view> files;
  for (const model::Quote& quote : model::kQuotes) files.insert(quote.file);
  if (const fs::path kernel = begins_with(PROCTOR_KERNELS_DIR, origin.environment); !kernel.empty())
    for (const std::string_view file : files)
      for (const std::string_view folder : {"kern", "vfs/procfs", "platform/pc64/x86_64"}) {
        const fs::path path = kernel / "sys" / folder / file;
        if (file != origin.other && fs::exists(path) && (out.empty() || out.front().name() != file))
          out.emplace_back(std::string(file), read_text(path.string()).value());
      }
  return out;
}

TEST(line_files, are_what_the_sources_say) {
  int kernels = 0;
  for (const Origin& origin : kOrigins) {
    const std::vector<Source> sources = sources_of(origin);
    if (sources.empty()) continue;
    ++kernels;
    const auto kernel = std::find_if(std::begin(model::kKernels), std::end(model::kKernels),
                                     [&](const model::Behaviours* k) { return k->name == origin.kernel; });
    ASSERT_NE(kernel, std::end(model::kKernels));
    const Placed placed = place(clauses_of(**kernel), sources);
    EXPECT_TRUE(placed.missing.empty()) << origin.kernel << ": " << placed.missing.front();
    std::map<std::string, std::pair<std::string, int>> found, compiled;
    for (const Place& p : placed.places) found[p.clause] = {p.file, p.line};
    for (const model::ClauseLine& row : (*kernel)->lines->rows())
      compiled[std::string(row.clause)] = {std::string(row.file), row.line};
    EXPECT_EQ(compiled, found) << origin.kernel << ": write its line file again, with proctor anchors";
  }
  if (kernels == 0) GTEST_SKIP() << "skipped: no sources in " << PROCTOR_LISTINGS_DIR << ", " << PROCTOR_KERNELS_DIR;
}

TEST(line_files, have_every_clause_of_sys_process_c) {
  for (const model::Behaviours* kernel : model::kKernels)
    for (const model::ir::Program& program : model::programs(*kernel))
      for (const model::ir::Instruction& in : program.code)
        if (in.clause.file == "sys_process.c") {
          EXPECT_GT(in.clause.line, 0) << kernel->name << ": " << in.clause.key;
        }
}

TEST(line_files, have_no_clause_that_no_rule_has) {
  for (const model::Behaviours* kernel : model::kKernels) {
    const std::set<std::string> clauses = clauses_of(*kernel);
    for (const model::ClauseLine& row : kernel->lines->rows())
      EXPECT_TRUE(clauses.contains(std::string(row.clause))) << kernel->name << ": " << row.clause;
  }
}

TEST(line_files, every_quote_is_of_a_clause) {
  std::set<std::string> clauses;
  for (const model::Behaviours* kernel : model::kKernels) clauses.merge(clauses_of(*kernel));
  for (const model::Quote& quote : model::kQuotes)
    EXPECT_TRUE(clauses.contains(std::string(quote.clause))) << quote.clause;
}

// A clause without a row says what it knows by hand; with one, the row is right.
TEST(anchor, line_file_before_hand) {
  EXPECT_EQ(model::place(model::at("not-traced", 1).of(model::kFreebsd104)), "[not-traced, sys_process.c:823]");
  EXPECT_EQ(model::place(model::at("new", 12, "kern_sig.c").of(model::kFreebsd104)), "[new, kern_sig.c:12]");
  EXPECT_EQ(model::place(model::at("new", 12, "kern_sig.c").of(model::kFreebsd11c)), "[new, kern_sig.c]");
  EXPECT_EQ(model::place(model::at("new", {.dragonfly55 = 7}).of(model::kDragonfly55)), "[new, sys_process.c:7]");
  EXPECT_EQ(model::place(model::in("new", "exit1", "kern_exit.c").of(model::kFreebsd104)),
            "[new, kern_exit.c exit1()]");
}

TEST(anchor, a_clause_in_two_places_is_one_clause) {
  const model::Clause write = model::at("memory-unmapped/write").of(model::kFreebsd11c);
  const model::Clause read = model::at("memory-unmapped/read").of(model::kFreebsd11c);
  EXPECT_EQ(write.id, "memory-unmapped");
  EXPECT_EQ(read.id, "memory-unmapped");
  EXPECT_LT(write.line, read.line);  // PT_WRITE_I stands above PT_READ_I there
}

}  // namespace
}  // namespace proctor::anchors
