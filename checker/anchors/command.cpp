// SPDX-License-Identifier: BSD-2-Clause
#include "checker/anchors/command.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>

#include "checker/anchors/place.hpp"
#include "checker/names/kernel.hpp"
#include "checker/source/listing.hpp"
#include "checker/source/saved.hpp"
#include "model/programs.hpp"

namespace proctor::anchors {
namespace {

enum Exit { nothing_found = 0, finding = 1, unreadable = 3 };

void complain(const std::string& message) { fmt::print(stderr, "proctor: {}\n", message); }

struct File {
  std::string name;      // "sys_process.c"
  std::string revision;  // as the file itself says, or empty
  std::string text;
};

std::string between(std::string_view text, std::string_view begin, std::string_view end) {
  const std::size_t from = text.find(begin);
  if (from == std::string_view::npos) return {};
  text.remove_prefix(from + begin.size());
  const std::size_t to = text.find_first_of(std::string(end) + "\n");
  return to == std::string_view::npos || text[to] == '\n' ? std::string() : std::string(text.substr(0, to));
}

bool has_clauses(const std::string& file) {
  return std::any_of(std::begin(model::kQuotes), std::end(model::kQuotes),
                     [&](const model::Quote& quote) { return quote.file == file; });
}

std::string files_with_clauses() {
  std::set<std::string_view> files;
  for (const model::Quote& quote : model::kQuotes) files.insert(quote.file);
  return fmt::format("{}", fmt::join(files, ", "));
}

tl::expected<File, std::string> read_file(const std::string& path) {
  auto text = source::read_text(path);
  if (!text)
    return tl::make_unexpected(
        fmt::format("{}: cannot be read: {}: expected a C source of a kernel", path, text.error()));
  File out{std::filesystem::path(path).filename().string(), {}, std::move(*text)};
  if (source::looks_like_listing(out.text)) {  // "xref: /freebsd/sys/kern/sys_process.c (revision ...)"
    out.name = std::filesystem::path(between(out.text, "xref: ", " ")).filename().string();
    out.revision = between(out.text, "(", ")");
    auto plain = source::strip_listing(out.text, path);
    if (!plain) return tl::make_unexpected(plain.error());
    out.text = std::move(*plain);
  } else {
    out.revision = between(out.text, "$FreeBSD: ", "$");
  }
  while (out.revision.ends_with(' ')) out.revision.pop_back();
  if (!has_clauses(out.name))
    return tl::make_unexpected(fmt::format("{}: no clause stands in a file named {}: expected one of {}", path,
                                           out.name, files_with_clauses()));
  return out;
}

std::string line_file(const model::Behaviours& kernel, const std::vector<File>& files, const Placed& placed) {
  std::string out = "// SPDX-License-Identifier: BSD-2-Clause\n//\n";
  out += fmt::format("// Where the clauses of {} stand, written by `proctor anchors`.\n// {}\n", kernel.name,
                     kernel.provenance);
  for (const File& file : files) {
    const auto lines = std::count(file.text.begin(), file.text.end(), '\n');
    out += fmt::format("// {}, {} lines{}{}\n", file.name, lines, file.revision.empty() ? "" : ": ", file.revision);
  }
  for (const Place& place : placed.places)
    out += fmt::format("{{\"{}\", \"{}\", {}}},\n", place.clause, place.file, place.line);
  return out;
}

bool write(const std::string& path, const std::string& text) {
  if (path.empty()) return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  const std::string part = path + ".part";
  std::FILE* out = std::fopen(part.c_str(), "w");
  if (out == nullptr) return false;
  const bool whole = std::fwrite(text.data(), 1, text.size(), out) == text.size();
  if (std::fclose(out) != 0 || !whole) return false;
  std::filesystem::rename(part, path);
  return true;
}

}  // namespace

std::set<std::string> clauses_of(const model::Behaviours& kernel) {
  std::set<std::string> out;
  for (const model::ir::Program& program : model::programs(kernel))
    for (const model::ir::Instruction& in : program.code)
      if (!in.clause.key.empty()) out.emplace(in.clause.key);
  return out;
}

int anchors_command(const Options& options) {
  const auto kernel = names::kernel_of_option(options.kernel);
  if (!kernel) {
    complain(kernel.error());
    return unreadable;
  }
  if (options.files.empty()) {
    complain(fmt::format("anchors: no source given: expected some of {}", files_with_clauses()));
    return unreadable;
  }
  std::vector<File> files;
  for (const std::string& path : options.files) {
    auto file = read_file(path);
    if (!file) {
      complain(file.error());
      return unreadable;
    }
    const auto same = [&](const File& other) { return other.name == file->name; };
    if (std::any_of(files.begin(), files.end(), same)) {
      complain(fmt::format("{}: a second {}: expected each file of the kernel once", path, file->name));
      return unreadable;
    }
    files.push_back(std::move(*file));
  }
  std::vector<Source> sources;
  for (const File& file : files) sources.emplace_back(file.name, file.text);
  const Placed placed = place(clauses_of(**kernel), sources);
  for (const std::string& what : placed.missing) complain(what);
  for (const auto& [file, clauses] : placed.no_file)
    complain(fmt::format("{} was not given, so these have no line: {}", file, fmt::join(clauses, ", ")));
  if (!write(options.output, line_file(**kernel, files, placed))) {
    complain(fmt::format("{}: cannot be written: expected a path in a folder that exists",
                         options.output.empty() ? "standard output" : options.output));
    return unreadable;
  }
  return placed.missing.empty() ? nothing_found : finding;
}

}  // namespace proctor::anchors
