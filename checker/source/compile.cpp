// SPDX-License-Identifier: BSD-2-Clause
#include "checker/source/compile.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <utility>

#include "checker/source/shim_files.hpp"

extern char** environ;

namespace proctor::source {
namespace fs = std::filesystem;
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t kWordsMax = std::size_t{4} << 20;  // of a compiler's output; what is beyond is not kept
constexpr int kLinesShown = 40;

tl::unexpected<CompileProblem> problem(std::string message) {
  return tl::make_unexpected(CompileProblem{std::move(message), {}});
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// ---- Running a program -----------------------------------------------------------------------------------------

struct Run {
  int error = 0;      // errno, if it could not be started
  int status = 0;     // as waitpid gives it
  std::string words;  // what it wrote on standard error, and on standard output if that was asked for
};

// The messages must be in English and with ASCII quotes, nothing of the environment may add headers, and what the
// compiler leaves behind when it is killed goes with our folder.
Words compiler_environment(const std::string& folder) {
  Words out{"LC_ALL=C", "TMPDIR=" + folder};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, std::string_view(*entry).find('='));
    constexpr std::array kOurs{"LC_ALL", "LANGUAGE", "TMPDIR", "CPATH", "C_INCLUDE_PATH", "DEPENDENCIES_OUTPUT"};
    if (std::find(kOurs.begin(), kOurs.end(), name) == kOurs.end()) out.emplace_back(*entry);
  }
  return out;
}

std::vector<char*> pointers(Words& words) {
  std::vector<char*> out;
  for (std::string& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

Run run(Words arguments, const std::string& folder, bool with_output) {
  Run out;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    out.error = errno;
    return out;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (with_output) {
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  } else {
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  Words environment = compiler_environment(folder);
  pid_t pid = -1;
  out.error = posix_spawnp(&pid, arguments.front().c_str(), &actions, nullptr, pointers(arguments).data(),
                           pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (out.error == 0) {
    std::array<char, 4096> buffer;
    for (ssize_t got = 1; got != 0;) {
      got = read(ends[0], buffer.data(), buffer.size());
      if (got < 0 && errno != EINTR) break;
      const std::size_t room = kWordsMax - out.words.size();
      if (got > 0) out.words.append(buffer.data(), std::min(static_cast<std::size_t>(got), room));
    }
    while (waitpid(pid, &out.status, 0) < 0) {
      if (errno == EINTR) continue;
      out.error = errno;
      break;
    }
  }
  close(ends[0]);
  return out;
}

// ---- What the compiler said ------------------------------------------------------------------------------------

void add_once(std::vector<std::string>& names, std::string name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
}

// The name that stands in `line` after `before` and up to `after`.
std::optional<std::string_view> between(std::string_view line, std::string_view before, std::string_view after) {
  const std::size_t at = line.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at + before.size());
  const std::size_t end = line.find(after);
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  return line.substr(0, end);
}

// The quoted name right before `after`, which begins with the closing quote.
std::optional<std::string_view> quoted_before(std::string_view line, std::string_view after) {
  const std::size_t end = line.find(after);
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::size_t begin = line.rfind('\'', end - 1);
  if (begin == std::string_view::npos || begin + 1 == end) return std::nullopt;
  return line.substr(begin + 1, end - begin - 1);
}

// What a linker or the loader misses.  The words of GNU ld and gold, then of lld, mold and glibc's dlerror().
std::optional<std::string_view> undefined_symbol(std::string_view line) {
  if (const auto name = between(line, "undefined reference to '", "'")) return name;
  for (const std::string_view words : {"undefined symbol: ", "undefined hidden symbol: "}) {
    const std::size_t at = line.find(words);
    if (at == std::string_view::npos) continue;
    line.remove_prefix(at + words.size());
    return line.substr(0, line.find_first_of(" ,("));
  }
  return std::nullopt;
}

// What one line of gcc or clang says is missing.
std::optional<std::string> missing_name(std::string_view line) {
  if (const auto member = between(line, "no member named '", "'")) {
    std::optional<std::string_view> owner = quoted_before(line, "' has no member");  // gcc
    if (const auto real = quoted_before(line, "'} has no member")) owner = real;     // gcc on a typedef
    if (const auto in = between(line, "' in '", "'")) owner = in;                    // clang
    return owner ? fmt::format("{}.{}", *owner, *member) : std::string(*member);
  }
  // "type defaults to" is gcc on a macro at file scope, which it takes for a declaration.
  for (const std::string_view before :
       {"implicit declaration of function '", "unknown type name '", "undeclared function '",
        "undeclared library function '", "undeclared identifier '", "type defaults to 'int' in declaration of '",
        "incomplete type '", "incomplete definition of type '", "undefined type '", "storage size of '"}) {
    if (const auto name = between(line, before, "'")) return std::string(*name);
  }
  for (const std::string_view after : {"' undeclared", "' file not found", "' has incomplete type"}) {
    if (const auto name = quoted_before(line, after)) return std::string(*name);
  }
  if (const auto name = between(line, "fatal error: ", ": No such file")) return std::string(*name);
  if (const auto name = undefined_symbol(line)) return std::string(*name);
  return std::nullopt;
}

// Quotes as gcc and clang write them without a locale, in case the compiler goes its own ways; GNU ld's are `this'.
std::string plain_quotes(std::string text) {
  for (const std::string_view quote : {"\u2018", "\u2019", "`"}) replace_all(text, quote, "'");
  return text;
}

std::vector<std::string> missing_names(std::string_view words) {
  std::vector<std::string> out;
  const std::string plain = plain_quotes(std::string(words));
  for (std::string_view rest = plain; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (has(line, ": note: ")) continue;
    if (auto name = missing_name(line)) add_once(out, *std::move(name));
  }
  return out;
}

// Without warnings and what belongs to them.  They cannot be turned off (-w): gcc then also forgets those that
// -Werror=... makes errors.
std::string only_errors(std::string_view words) {
  std::string out, heading;
  bool wanted = true;
  while (!words.empty()) {
    const std::string_view line = take_line(words);
    const bool is_heading = has(line, ": In function ") || has(line, ": At top level:") ||
                            line.starts_with("In file included from ") || line.starts_with("                 from ");
    if (is_heading) {
      // Of those before a warning the last stays: gcc names a function only once.
      if (!line.starts_with(' ')) heading.clear();
      heading += fmt::format("{}\n", line);
      continue;
    }
    if (has(line, ": warning: ")) {
      wanted = false;
    } else if (!has(line, ": note: ")) {
      wanted = true;
    }
    if (!wanted) continue;
    out += heading;
    heading.clear();
    out += fmt::format("{}\n", line);
  }
  return out;
}

std::string first_lines(std::string_view words) {
  std::string out;
  for (int shown = 0; !words.empty(); ++shown) {
    if (shown == kLinesShown) {
      const auto more = std::count(words.begin(), words.end(), '\n') + (words.ends_with('\n') ? 0 : 1);
      out += fmt::format("... and {} more lines\n", more);
      break;
    }
    out += fmt::format("{}\n", take_line(words));
  }
  while (out.ends_with('\n')) out.pop_back();
  return out;
}

// Functions of the C library that a shim and a kernel's source may leave to it, because they mean the same in both;
// and what a compiler adds by itself.  Any other name of the library, such as psignal(), is a gap: it must not be
// found there by accident.
bool in_c_library(std::string_view name) {
  constexpr std::array kNames{"abort",  "memchr",  "memcmp",  "memcpy",  "memmove", "memset",   "snprintf", "strchr",
                              "strcmp", "strcpy",  "strlen",  "strncmp", "strncpy", "strnlen",  "strrchr",  "strstr",
                              "setjmp", "_setjmp", "longjmp", "strcat",  "strncat", "vsnprintf"};
  return name.starts_with("__") || std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

// The linker only warns of symbols that it does not find (see kOptions), so here is who is missed, with the lines that
// say so.  A shim may declare its names hidden, and of such the linker does complain.
CompileProblem link_problem(std::string_view words) {
  CompileProblem out;
  std::string lines;
  bool wanted = false;
  while (!words.empty()) {
    std::string line(take_line(words));
    const std::string plain = plain_quotes(line);
    if (const auto name = undefined_symbol(plain)) {
      wanted = !in_c_library(*name) || !has(line, "warning: ");
      if (wanted) add_once(out.gaps, std::string(*name));
      replace_all(line, "warning: undefined", "undefined");
      if (const std::size_t at = line.find("ld: "); line.starts_with('/') && at != line.npos) line.erase(0, at + 4);
    } else if (!line.starts_with(">>> ")) {  // lld's lines on where
      wanted = false;
    }
    if (wanted && !has(lines, line + "\n")) lines += line + "\n";
  }
  out.message = first_lines(lines);
  return out;
}

// ---- The compiler ----------------------------------------------------------------------------------------------

// A path with spaces that is a program, or words: CC="ccache gcc".
Words compiler_words(const CompileOptions& options) {
  const char* const from_environment = std::getenv("CC");
  const std::string text =
      from_environment != nullptr && *from_environment != '\0' ? from_environment : options.compiler;
  if (has(text, "/") && access(text.c_str(), X_OK) == 0) return {text};
  Words out;
  for (std::size_t at = 0; (at = text.find_first_not_of(" \t", at)) != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  if (out.empty()) out.emplace_back("cc");
  return out;
}

// Options that only some compilers know: locals that nobody wrote must not look like zeros, and no source lines are
// quoted, since the compiler would take them from the user's file, which may be a listing with other lines.
tl::expected<Words, CompileProblem> options_of(const Words& compiler, const std::string& folder) {
  Words probe = compiler;
  probe.insert(probe.end(), {"-dM", "-E", "-x", "c", "/dev/null"});
  const Run macros = run(std::move(probe), folder, true);
  if (macros.error != 0) {
    return problem(
        fmt::format("cannot run the C compiler '{}': {}; install one (Debian: apt-get install gcc) or name "
                    "yours in the environment variable CC",
                    compiler.front(), std::strerror(macros.error)));
  }
  const auto version = [&](std::string_view macro) {
    const auto text = between(macros.words, fmt::format("#define {} ", macro), "\n");
    return text ? std::atoi(std::string(*text).c_str()) : 0;
  };
  const int clang = version("__clang_major__"), gcc = clang != 0 ? 0 : version("__GNUC__");
  Words out;
  if (clang >= 8 || gcc >= 12) out.emplace_back("-ftrivial-auto-var-init=pattern");
  if (clang != 0) out.insert(out.end(), {"-fno-caret-diagnostics", "-ferror-limit=0"});
  if (gcc != 0) out.emplace_back("-fno-diagnostics-show-caret");
  return out;
}

constexpr std::initializer_list<const char*> kOptions{
    // The language as kernels are written in it, on any compiler: newer ones refuse more by themselves.
    "-std=gnu11", "-O1", "-g", "-ffreestanding", "-fno-strict-aliasing", "-fwrapv", "-fno-common", "-nostdinc",
    "-Werror=implicit-function-declaration", "-Werror=implicit-int", "-Werror=int-conversion",
    "-Wno-error=incompatible-pointer-types",
    // A kernel's names are its own: nothing of the C library is in the link, and what the image defines it also uses.
    // The linker warns instead of failing, as a few names of the library are fine (in_c_library).
    "-fPIC", "-shared", "-nostdlib", "-Wl,-Bsymbolic", "-Wl,-z,defs", "-Wl,--warn-unresolved-symbols"};

// ---- The folder ------------------------------------------------------------------------------------------------

tl::expected<TemporaryFolder, CompileProblem> make_folder(bool keep) {
  const char* const place = std::getenv("TMPDIR");
  std::error_code error;
  const fs::path below = fs::absolute(place != nullptr && *place != '\0' ? place : "/tmp", error);
  std::string path = (below / "proctor.XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) {
    return problem(fmt::format("{}: cannot make a temporary folder: {}; set TMPDIR to a folder that can be written",
                               below.string(), std::strerror(errno)));
  }
  return TemporaryFolder(std::move(path), keep);
}

tl::expected<void, CompileProblem> write_file(const fs::path& path, std::initializer_list<std::string_view> parts) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  for (const std::string_view part : parts) file.write(part.data(), static_cast<std::streamsize>(part.size()));
  file.close();
  if (!file) {
    return problem(fmt::format("{}: cannot be written: {}", path.string(), std::strerror(errno != 0 ? errno : EIO)));
  }
  return {};
}

// The headers that a text includes, as it names them.  Those in comments and untaken branches do no harm.
Words included(std::string_view text) {
  Words out;
  const auto skip_blanks = [](std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  };
  while (!text.empty()) {
    std::string_view line = take_line(text);
    bool is_include = true;
    for (const std::string_view word : {"#", "include"}) {
      skip_blanks(line);
      is_include = is_include && line.starts_with(word);
      if (is_include) line.remove_prefix(word.size());
    }
    skip_blanks(line);
    if (!is_include || line.empty() || (line.front() != '<' && line.front() != '"')) continue;
    const std::size_t end = line.find(line.front() == '<' ? '>' : '"', 1);
    if (end != std::string_view::npos && end > 1) add_once(out, std::string(line.substr(1, end - 1)));
  }
  return out;
}

// The header that stands for all of a kernel's.
std::string kernel_header(const std::string& family) { return fmt::format("{0}/{0}.h", family); }

// Whether include/NAME lies in our folder.
bool stays_inside(const fs::path& name) {
  return name.is_relative() && std::find(name.begin(), name.end(), "..") == name.end() && name.has_filename();
}

tl::expected<void, CompileProblem> write_headers(const fs::path& folder, std::string_view text,
                                                 const std::string& family) {
  const std::string header = kernel_header(family);
  for (const std::string& name : included(text)) {
    // One that points elsewhere is left for the compiler to complain of.
    if (name == header || !stays_inside(name)) continue;
    const auto written = write_file(folder / "include" / name, {"#include <", header, ">\n"});
    if (!written) return written;
  }
  return {};
}

// Whether it is compiled together with a source of this family.
bool belongs_to(const ShimFile& file, const std::string& family) {
  const std::size_t folder_end = file.name.find('/');
  return file.name.ends_with(".c") &&
         (folder_end == std::string_view::npos || file.name.substr(0, folder_end) == family);
}

// `text` as the content of a C string literal.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string problem_text(const CompileProblem& problem) {
  if (problem.gaps.empty()) return problem.message;
  return fmt::format("{}\nshim gaps (names the miniature kernel does not have): {}", problem.message,
                     fmt::join(problem.gaps, ", "));
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), keep_(other.keep_) {}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::exchange(other.path_, {});
    keep_ = other.keep_;
  }
  return *this;
}

void TemporaryFolder::remove() noexcept {
  if (path_.empty() || keep_) return;
  std::error_code error;  // a folder that stays behind is no reason to fail
  fs::remove_all(path_, error);
}

Image::Image(Image&& other) noexcept
    : folder_(std::move(other.folder_)),
      handle_(std::exchange(other.handle_, nullptr)),
      image_(std::exchange(other.image_, nullptr)) {}

Image& Image::operator=(Image&& other) noexcept {
  if (this != &other) {
    close();
    folder_ = std::move(other.folder_);
    handle_ = std::exchange(other.handle_, nullptr);
    image_ = std::exchange(other.image_, nullptr);
  }
  return *this;
}

void Image::close() noexcept {
  if (handle_ != nullptr) dlclose(handle_);
}

tl::expected<Image, CompileProblem> Image::load(TemporaryFolder folder, const std::string& family) {
  void* const handle = dlopen((fs::path(folder.path()) / "image.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    std::string said = dlerror();
    CompileProblem out{"", missing_names(said)};
    // Not a fault of the source, and common enough: a TMPDIR that is mounted noexec.
    const bool forbidden = has(said, "failed to map segment");
    replace_all(said, folder.path() + "/", "");
    out.message = fmt::format("the compiled source cannot be loaded: {}{}", said,
                              forbidden ? "; set TMPDIR to a folder where programs may run" : "");
    return tl::make_unexpected(std::move(out));
  }
  Image image(std::move(folder), handle);
  image.image_ = static_cast<const pr_image*>(dlsym(handle, "proctor_image"));
  if (image.image_ == nullptr) return problem("the compiled source has no symbol proctor_image");
  if (image->abi != PR_ABI) {
    return problem(fmt::format("the image has interface {}, this program {}", image->abi, PR_ABI));
  }
  if (image->family != family) {
    return problem(fmt::format("the image is one of '{}', not '{}'", image->family, family));
  }
  return image;
}

tl::expected<Image, CompileProblem> compile_source(const std::string& path_for_messages, std::string_view text,
                                                   const CompileOptions& options) {
  auto folder = make_folder(options.keep);
  if (!folder) return tl::make_unexpected(std::move(folder.error()));
  const fs::path root = folder->path();

  for (const ShimFile& file : shim_files()) {
    if (auto written = write_file(root / "shim" / file.name, {file.text}); !written) {
      return tl::make_unexpected(std::move(written.error()));
    }
  }
  if (auto written = write_headers(root, text, options.family); !written) {
    return tl::make_unexpected(std::move(written.error()));
  }
  fs::path name = fs::path(path_for_messages).filename();
  if (name.empty() || name == "." || name == ".." || name == "-") name = "source.c";
  const fs::path source = root / "source" / name;
  const std::string line = fmt::format("#line 1 \"{}\"\n", escaped(path_for_messages));
  if (auto written = write_file(source, {line, text, "\n"}); !written) {
    return tl::make_unexpected(std::move(written.error()));
  }

  Words arguments = compiler_words(options);
  auto special = options_of(arguments, folder->path());
  if (!special) return tl::make_unexpected(std::move(special.error()));
  arguments.insert(arguments.end(), kOptions.begin(), kOptions.end());
  arguments.insert(arguments.end(), special->begin(), special->end());
  arguments.push_back(fmt::format("-DPROCTOR_KERNEL={}", options.kernel_number));
  for (const char* const include : {"include", "shim"}) {
    arguments.insert(arguments.end(), {"-I", (root / include).string()});
  }
  arguments.insert(arguments.end(), options.extra.begin(), options.extra.end());
  // -x c: whatever the file is called, it is C.
  arguments.insert(arguments.end(), {"-o", (root / "image.so").string(), "-x", "c", source.string()});
  for (const ShimFile& file : shim_files()) {
    if (belongs_to(file, options.family)) arguments.push_back((root / "shim" / file.name).string());
  }

  const auto compile = [&] {
    Run out = run(arguments, folder->path(), false);
    // GNU ld goes by the real name, not by #line.
    replace_all(out.words, source.string(), path_for_messages);
    replace_all(out.words, folder->path() + "/", "");
    return out;
  };
  const Run compiled = compile();
  if (compiled.error != 0) {
    return problem(fmt::format("cannot run the C compiler '{}': {}", arguments.front(), std::strerror(compiled.error)));
  }
  if (auto unlinked = link_problem(compiled.words); !unlinked.gaps.empty()) {
    // Of a shared object GNU ld gives up at the first hidden variable that is missing; of a program it says all.
    const auto shared = std::find(arguments.begin(), arguments.end(), "-shared");
    *shared = "-static";
    arguments.insert(shared, {"-no-pie", "-Wl,-e,0"});
    auto more = link_problem(compile().words);
    return tl::make_unexpected(more.gaps.size() > unlinked.gaps.size() ? std::move(more) : std::move(unlinked));
  }
  if (compiled.status != 0) {
    CompileProblem out;
    const std::string errors = only_errors(compiled.words);
    out.gaps = missing_names(errors);
    out.message = first_lines(errors.empty() ? compiled.words : errors);
    if (out.message.empty() || WIFSIGNALED(compiled.status)) {
      out.message +=
          fmt::format("{}the C compiler '{}' {} {}", out.message.empty() ? "" : "\n", arguments.front(),
                      WIFSIGNALED(compiled.status) ? "was killed by signal" : "failed with exit status",
                      WIFSIGNALED(compiled.status) ? WTERMSIG(compiled.status) : WEXITSTATUS(compiled.status));
    }
    return tl::make_unexpected(std::move(out));
  }
  return Image::load(*std::move(folder), options.family);
}

}  // namespace proctor::source
