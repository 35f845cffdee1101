// SPDX-License-Identifier: BSD-2-Clause
//
// `proctor anchors`: writes the line file of a kernel.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>

#include "checker/anchors/place.hpp"
#include "checker/commands/command.hpp"
#include "checker/names/kernel.hpp"
#include "checker/source/listing.hpp"

namespace proctor::commands {
namespace {

using anchors::Place;
using anchors::Placed;
using anchors::Source;

struct Options {
  std::string kernel;
  std::string output;
  std::vector<std::string> files;
};

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
  auto text = read_text(path);
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

Exit anchors_command(const Options& options) {
  const auto kernel = names::kernel_of_option(options.kernel);
  if (!kernel) return unreadable(kernel.error());
  if (options.files.empty())
    return unreadable(fmt::format("anchors: no source given: expected some of {}", files_with_clauses()));
  std::vector<File> files;
  for (const std::string& path : options.files) {
    auto file = read_file(path);
    if (!file) return unreadable(file.error());
    const auto same = [&](const File& other) { return other.name == file->name; };
    if (std::any_of(files.begin(), files.end(), same))
      return unreadable(fmt::format("{}: a second {}: expected each file of the kernel once", path, file->name));
    files.push_back(std::move(*file));
  }
  std::vector<Source> sources;
  for (const File& file : files) sources.emplace_back(file.name, file.text);
  const Placed placed = anchors::place(anchors::clauses_of(**kernel), sources);
  for (const std::string& what : placed.missing) complain(what);
  for (const auto& [file, clauses] : placed.no_file)
    complain(fmt::format("{} was not given, so these have no line: {}", file, fmt::join(clauses, ", ")));
  auto out = Output::open(options.output);
  if (!out) return unreadable(out.error());
  out->write(line_file(**kernel, files, placed));
  if (const auto closed = out->close(); !closed) return unreadable(closed.error());
  return placed.missing.empty() ? Exit::nothing_found : Exit::finding;
}

}  // namespace

Command add_anchors(CLI::App& program) {
  const auto options = std::make_shared<Options>();
  CLI::App* const app = program.add_subcommand("anchors", "find where a kernel's clauses stand in its sources");
  app->add_option("-k,--kernel", options->kernel, "whose sources they are")->required();
  app->add_option("-o,--output", options->output, "write the line file here");
  app->add_option("FILE", options->files, "sys_process.c, kern_sig.c and others of the kernel");
  return {app, [options] { return int(anchors_command(*options)); }};
}

}  // namespace proctor::commands
