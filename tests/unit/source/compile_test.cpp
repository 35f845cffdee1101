// SPDX-License-Identifier: BSD-2-Clause
//
// With the machine's compilers, and, for what other compilers and linkers say, with a script that says it.
#include "checker/source/compile.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "checker/source/listing.hpp"
#include "checker/source/shim_files.hpp"

namespace proctor::source {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr const char* kPath = "a dir/sys_process.c";

// The environment as the test wants it, and a folder with a space in its name for everything temporary.
class Compile : public testing::Test {
 protected:
  Compile() {
    std::string pattern = (fs::temp_directory_path() / "proctor test.XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw fs::filesystem_error("mkdtemp", std::error_code(errno, std::generic_category()));
    folder_ = pattern;
    fs::create_directory(folder_ / "tmp");
    set("TMPDIR", (folder_ / "tmp").string());
    set("CC", std::nullopt);
  }
  ~Compile() override {
    for (auto it = before_.rbegin(); it != before_.rend(); ++it) put(it->first, it->second);
    std::error_code error;
    fs::remove_all(folder_, error);
  }

  void set(const std::string& name, const std::optional<std::string>& value) {
    const char* const old = std::getenv(name.c_str());
    before_.emplace_back(name, old == nullptr ? std::nullopt : std::optional<std::string>(old));
    put(name, value);
  }

  // A program that says `words` instead of compiling.
  void pretend(const std::string& words) {
    const fs::path program = folder_ / "their cc";
    std::ofstream(folder_ / "their cc.words") << words;
    std::ofstream(program) << "#!/bin/sh\ncat \"$0.words\" >&2\nexit 1\n";
    fs::permissions(program, fs::perms::owner_all);
    set("CC", program.string());
  }

  bool nothing_left() const { return fs::is_empty(folder_ / "tmp"); }

  static CompileProblem failure(std::string_view text, CompileOptions options = {"freebsd"},
                                const std::string& path = kPath) {
    if (options.kernel_number == 0) options.kernel_number = 51;
    options.extra.emplace_back("-O0");  // each test compiles the shim again; this is quicker
    auto image = compile_source(path, text, options);
    EXPECT_FALSE(image);
    return image ? CompileProblem{} : image.error();
  }

  fs::path folder_;

 private:
  static void put(const std::string& name, const std::optional<std::string>& value) {
    if (value) {
      setenv(name.c_str(), value->c_str(), 1);
    } else {
      unsetenv(name.c_str());
    }
  }
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

// What must hold with every compiler.
class CompileWith : public Compile, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (std::system(fmt::format("command -v {} >/dev/null 2>&1", GetParam()).c_str()) != 0) {
      GTEST_SKIP() << GetParam() << " is not installed";
    }
    set("CC", GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(Compilers, CompileWith, testing::Values("gcc", "clang"),
                         [](const auto& with) { return std::string(with.param); });

TEST_P(CompileWith, SyntaxError) {
  const auto problem = failure("#include <sys/param.h>\n\nint\nf(void)\n{\n\treturn (0;\n}\n");
  EXPECT_THAT(problem.message, HasSubstr("a dir/sys_process.c:6:"));
  EXPECT_THAT(problem.message, HasSubstr("error: expected ')'"));
  EXPECT_THAT(problem.gaps, IsEmpty());
  EXPECT_EQ(problem_text(problem), problem.message);
  EXPECT_TRUE(nothing_left());
}

TEST_P(CompileWith, UnknownType) {
  const auto problem = failure("#include <sys/param.h>\nint f(void);\nstruct_that_never_was v;\n");
  EXPECT_THAT(problem.message, HasSubstr("a dir/sys_process.c:3:1: error: unknown type name"));
  EXPECT_THAT(problem.gaps, ElementsAre("struct_that_never_was"));
  EXPECT_EQ(problem_text(problem),
            problem.message + "\nshim gaps (names the miniature kernel does not have): struct_that_never_was");
}

TEST_P(CompileWith, UndeclaredFunction) {
  const auto problem = failure("#include <sys/param.h>\nint f(void)\n{\n\treturn (kern_never(1));\n}\n");
  EXPECT_THAT(problem.message, HasSubstr("a dir/sys_process.c:4:"));
  EXPECT_THAT(problem.gaps, ElementsAre("kern_never"));
}

// A function of the C library is no better known to a kernel, nor are the compiler's built-in ones.
TEST_P(CompileWith, UndeclaredLibraryFunction) {
  EXPECT_THAT(failure("int f(void)\n{\n\treturn (system(\"true\") + cosf(1));\n}\n").gaps,
              ElementsAre("system", "cosf"));
}

TEST_P(CompileWith, UndeclaredNameAndMember) {
  const auto problem = failure(
      "#include <sys/proc.h>\n"
      "struct one { int x; };\n"
      "typedef struct one one_t;\n"
      "int f(struct one *p, one_t *q)\n"
      "{\n"
      "\tp->p_never = PT_NEVER;\n"
      "\treturn (q->q_never);\n"
      "}\n");
  EXPECT_THAT(problem.message, HasSubstr("a dir/sys_process.c:6:"));
  EXPECT_THAT(problem.message, HasSubstr("a dir/sys_process.c:7:"));
  EXPECT_THAT(problem.gaps, testing::UnorderedElementsAre("struct one.p_never", "PT_NEVER",
                                                          testing::AnyOf("struct one.q_never", "one_t.q_never")));
}

TEST_P(CompileWith, IncompleteTypes) {
  const auto problem = failure(
      "#include <sys/proc.h>\n"
      "struct never1; struct never2; struct never3;\n"
      "int f(struct never1 *p)\n"
      "{\n"
      "\tstruct never2 never2;\n"
      "\treturn (p->x + sizeof(struct never3));\n"
      "}\n");
  EXPECT_THAT(problem.gaps, testing::UnorderedElementsAre("struct never1", testing::AnyOf("never2", "struct never2"),
                                                          "struct never3"));
}

TEST_P(CompileWith, NumberForPointer) {
  const auto problem = failure("int\nf(void)\n{\n\tchar *p = 3;\n\treturn (*p);\n}\n");
  EXPECT_THAT(problem.message, HasSubstr("a dir/sys_process.c:4:"));
}

// All of them, not only the first, and also those that the C library could fill by accident.  A header of the shim may
// have made all names hidden, which linkers treat in another way.
TEST_P(CompileWith, MissingSymbols) {
  for (const std::string first_line : {"", "#pragma GCC visibility push(hidden)"}) {
    SCOPED_TRACE(first_line);
    const auto problem = failure(first_line +
                                 "\n"
                                 "extern int kern_never1(int), kern_never2(int), system(const char *), data_never;\n"
                                 "int test_entry(void)\n"
                                 "{\n"
                                 "\treturn (data_never + kern_never1(1) + system(\"true\") +\n"
                                 "\t    kern_never2(1));\n"
                                 "}\n");
    EXPECT_THAT(problem.message, HasSubstr("a dir/sys_process.c:5"));
    EXPECT_THAT(problem.message, HasSubstr("a dir/sys_process.c:6"));
    EXPECT_THAT(problem.message, Not(HasSubstr("warning")));
    EXPECT_THAT(problem.gaps, testing::IsSupersetOf({"data_never", "kern_never1", "kern_never2", "system"}));
    EXPECT_THAT(problem.gaps, Not(Contains("test_entry")));
    EXPECT_TRUE(nothing_left());
  }
}

// Whatever headers the text names are there, in any notation; what is missing is in the text.
TEST_P(CompileWith, Headers) {
  EXPECT_THAT(failure("#include \"opt_compat.h\"\n"
                      "#include <sys/param.h>\n"
                      "  #  include\t<compat/freebsd32/freebsd32_signal.h> /* why */\n"
                      "#include \"sys/freebsd.h\"\n"
                      "#include <freebsd.h>\n"
                      "never_t x;\n")
                  .gaps,
              ElementsAre("never_t"));
}

TEST_P(CompileWith, HeadersElsewhere) {
  const auto problem = failure("#include \"../../never.h\"\n");
  EXPECT_THAT(problem.message, HasSubstr("a dir/sys_process.c:1:"));
  EXPECT_THAT(problem.gaps, ElementsAre("../../never.h"));
  const std::string absolute = (folder_ / "never.h").string();
  EXPECT_THAT(failure(fmt::format("#include \"{}\"\n", absolute)).gaps, ElementsAre(absolute));
  EXPECT_FALSE(fs::exists(absolute));
  // The machine's own are out of sight, also when the environment names their folder.
  set("CPATH", "/usr/include");
  EXPECT_THAT(failure("#define HEADER <stdio.h>\n#include HEADER\n").gaps, ElementsAre("stdio.h"));
}

TEST_P(CompileWith, WarningsAreNotShown) {
  const auto problem = failure(
      "int f(void)\n"
      "{\n"
      "\tchar *p; int *q = 0;\n"
      "\tp = q;\n"
      "\treturn (*p + NEVER);\n"
      "}\n");
  EXPECT_THAT(problem.message, HasSubstr(":5:"));
  EXPECT_THAT(problem.message, Not(HasSubstr("a dir/sys_process.c:4:")));
  EXPECT_THAT(problem.message, Not(HasSubstr("warning:")));
}

TEST_P(CompileWith, LongMessages) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("never{}_t v{};\n", i, i);
  const auto problem = failure(text);
  EXPECT_EQ(std::count(problem.message.begin(), problem.message.end(), '\n'), 40);
  EXPECT_THAT(problem.message, testing::ContainsRegex("\n\\.\\.\\. and 6[0-9] more lines$"));
  EXPECT_EQ(problem.gaps.size(), 100U);
}

TEST_P(CompileWith, FileNames) {
  for (const std::string path : {"listing.txt", "-", "-o", "a\"quote\\.c", "@x", "d/", "freebsd.c"}) {
    const auto problem = failure("int x;\nnever_t y;\n", {"freebsd"}, path);
    EXPECT_THAT(problem.gaps, ElementsAre("never_t")) << path;
    EXPECT_THAT(problem.message, HasSubstr(":2:1: error:")) << path;
  }
  EXPECT_THAT(failure("never_t y;\n", {"freebsd"}, "@x").message, HasSubstr("@x:1:1: error"));
}

TEST_P(CompileWith, Options) {
  CompileOptions options{"freebsd"};
  options.kernel_number = 110;
  options.extra = {"-DFROM_EXTRA=extra_t with_a_space"};
  EXPECT_THAT(failure("#if PROCTOR_KERNEL == 110\nkernel_110_t x;\n#endif\nFROM_EXTRA;\n", options).gaps,
              ElementsAre("kernel_110_t", "extra_t"));
}

TEST_P(CompileWith, Keep) {
  CompileOptions options{"dragonfly"};
  options.keep = true;
  failure("never_t y;\n", options);
  const std::vector<fs::path> left(fs::directory_iterator(folder_ / "tmp"), fs::directory_iterator());
  ASSERT_EQ(left.size(), 1U);
  for (const ShimFile& file : shim_files()) {
    std::ifstream stream(left[0] / "shim" / file.name, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    EXPECT_EQ(text.str(), file.text) << file.name;
  }
  EXPECT_FALSE(shim_files().empty());
  EXPECT_TRUE(fs::exists(left[0] / "source" / "sys_process.c"));
}

TEST_F(Compile, NoCompiler) {
  set("CC", "cc-that-never-was -O2");
  const auto problem = failure("int x;\n");
  EXPECT_THAT(problem.message,
              StartsWith("cannot run the C compiler 'cc-that-never-was': No such file or directory; install one"));
  EXPECT_THAT(problem.message, Not(HasSubstr("\n")));
  EXPECT_TRUE(nothing_left());
  // The environment comes first.
  set("CC", "");
  CompileOptions options{"freebsd"};
  options.compiler = "cc-of-the-options";
  EXPECT_THAT(failure("int x;\n", options).message, HasSubstr("'cc-of-the-options'"));
}

TEST_F(Compile, NoFolder) {
  set("TMPDIR", (folder_ / "never").string());
  EXPECT_THAT(failure("int x;\n").message,
              HasSubstr("cannot make a temporary folder: No such file or directory; set TMPDIR"));
}

TEST_F(Compile, SilentCompiler) {
  set("CC", "false");
  EXPECT_EQ(failure("int x;\n").message, "the C compiler 'false' failed with exit status 1");
}

TEST_F(Compile, KilledCompiler) {
  const fs::path program = folder_ / "their cc";
  std::ofstream(program) << "#!/bin/sh\necho begun >&2\nkill -9 $$\n";
  fs::permissions(program, fs::perms::owner_all);
  set("CC", program.string());
  EXPECT_THAT(failure("int x;\n").message, StartsWith("begun\nthe C compiler '"));
  EXPECT_THAT(failure("int x;\n").message, HasSubstr("was killed by signal 9"));
}

// Words of versions and linkers that this machine may not have.
TEST_F(Compile, OtherWords) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"a.c:1:2: error: implicit declaration of function ‘f’ [-Werror=implicit-function-declaration]", {"f"}},
      {"a.c:1:2: error: implicit declaration of function ‘f’; did you mean ‘g’?", {"f"}},
      {"a.c:1:2: error: call to undeclared function 'f'; ISO C99 and later do not support implicit function "
       "declarations",
       {"f"}},
      {"a.c:1:2: error: call to undeclared library function 'bcopy' with type 'void (const void *, void *, unsigned "
       "long)'",
       {"bcopy"}},
      {"a.c:1:2: error: unknown type name ‘t’; use ‘struct’ keyword to refer to the type", {"t"}},
      {"a.c:1:2: error: unknown type name 't'; did you mean 'int'?", {"t"}},
      {"a.c:1:2: error: ‘v’ undeclared (first use in this function); did you mean ‘w’?", {"v"}},
      {"a.c:1:2: error: ‘v’ undeclared here (not in a function)", {"v"}},
      {"a.c:1:2: error: use of undeclared identifier 'v'", {"v"}},
      {"a.c:1:2: error: ‘struct proc’ has no member named ‘m’; did you mean ‘n’?", {"struct proc.m"}},
      {"a.c:1:2: error: ‘proc_t’ {aka ‘struct proc’} has no member named ‘m’", {"struct proc.m"}},
      {"a.c:1:2: error: no member named 'm' in 'struct proc'; did you mean 'n'?", {"struct proc.m"}},
      {"a.c:1:2: error: storage size of ‘s’ isn’t known", {"s"}},
      {"a.c:1:2: error: field ‘s’ has incomplete type", {"s"}},
      {"a.c:1:2: error: variable has incomplete type 'struct s'", {"struct s"}},
      {"a.c:1:2: error: incomplete definition of type 'struct s'", {"struct s"}},
      {"a.c:1:2: error: invalid use of undefined type ‘struct s’", {"struct s"}},
      {"a.c:1:2: error: dereferencing pointer to incomplete type ‘struct s’", {"struct s"}},
      {"a.c:1:2: error: type defaults to ‘int’ in declaration of ‘SYSCTL_DECL’", {"SYSCTL_DECL"}},
      {"a.c:1:2: fatal error: sys/x.h: No such file or directory", {"sys/x.h"}},
      {"a.c:1:2: fatal error: 'sys/x.h' file not found", {"sys/x.h"}},
      {"/usr/bin/ld: a.c:3: undefined reference to `s'", {"s"}},
      {"a.c:3: more undefined references to `s' follow", {}},
      {"a.c:3: error: undefined reference to 's'", {"s"}},
      {"ld.lld: error: undefined symbol: s", {"s"}},
      {"mold: error: undefined symbol: s", {"s"}},
      {"ld.lld: error: undefined hidden symbol: s\n>>> referenced by a.c:3 (a.c:3)", {"s"}},
      {"a.c:1:2: error: f\na.c:1:2: note: ‘v’ undeclared is only said once", {}},
      {"a.c:1:2: warning: implicit declaration of function ‘f’\na.c:1:3: error: other", {}},
      {"a.c:1:2: error: unknown type name 't'\na.c:2:2: error: unknown type name 'u'\na.c:3:2: error: unknown type "
       "name 't'",
       {"t", "u"}},
  };
  for (const auto& [words, gaps] : cases) {
    pretend(words + "\n");
    const auto problem = failure("int x;\n");
    EXPECT_EQ(problem.gaps, gaps) << words;
    EXPECT_FALSE(problem.message.empty()) << words;
  }
}

TEST_F(Compile, HeadingsOfErrorsStay) {
  pretend(
      "In file included from include/sys/param.h:1,\n"
      "                 from a.c:2:\n"
      "shim/freebsd.h:3:4: warning: one\n"
      "shim/freebsd.h:3:4: note: of one\n"
      "a.c: In function 'f':\n"
      "a.c:5:6: warning: two\n"
      "a.c:7:8: error: three\n"
      "a.c:7:8: note: of three\n");
  EXPECT_EQ(failure("int x;\n").message,
            "a.c: In function 'f':\n"
            "a.c:7:8: error: three\n"
            "a.c:7:8: note: of three");
}

// A compiler that makes its own image of any source, so that what is loaded is known here.
class Load : public Compile {
 protected:
  // `code` may use abi.h.
  tl::expected<Image, CompileProblem> load(const std::string& code, const std::string& family = "freebsd") {
    const fs::path program = folder_ / "their cc";
    for (const ShimFile& file : shim_files()) std::ofstream(folder_ / file.name) << file.text;
    std::ofstream(folder_ / "their cc.c") << "#include \"abi.h\"\n" << code;
    std::ofstream(program) << "#!/bin/sh\n"
                              "while [ $# -gt 1 ]; do\n"
                              "  [ \"$1\" = -o ] && exec cc -w -shared -fPIC -nostdlib -o \"$2\" \"$0.c\"\n"
                              "  shift\n"
                              "done\n";
    fs::permissions(program, fs::perms::owner_all);
    set("CC", program.string());
    CompileOptions options{family};
    options.kernel_number = 51;
    return compile_source(kPath, "", options);
  }
};

constexpr const char* kGood =
    "const struct pr_image proctor_image = {.abi = PR_ABI, .family = \"freebsd\", .work_size = 4321};\n";

TEST_F(Load, Good) {
  {
    const auto image = load(kGood);
    ASSERT_TRUE(image) << problem_text(image.error());
    EXPECT_EQ((*image)->work_size, 4321U);
    EXPECT_STREQ((**image).family, "freebsd");
    EXPECT_TRUE(fs::exists(fs::path(image->folder()) / "image.so"));
    EXPECT_FALSE(nothing_left());
  }
  EXPECT_TRUE(nothing_left());
}

TEST_F(Load, Moved) {
  auto first = load(kGood), second = load(kGood);
  ASSERT_TRUE(first && second);
  EXPECT_NE(&**first, &**second);
  const std::string first_folder = first->folder(), second_folder = second->folder();
  Image image = *std::move(first);
  EXPECT_EQ(image.folder(), first_folder);
  EXPECT_TRUE(fs::exists(first_folder));
  image = *std::move(second);
  EXPECT_EQ(image.folder(), second_folder);
  EXPECT_FALSE(fs::exists(first_folder));
  EXPECT_EQ(image->work_size, 4321U);
}

TEST_F(Load, GoneAfterAnException) {
  try {
    const auto image = load(kGood);
    ASSERT_TRUE(image);
    throw std::runtime_error("in the harness");
  } catch (const std::runtime_error&) {
  }
  EXPECT_TRUE(nothing_left());
}

TEST_F(Load, Refused) {
  const auto message = [&](const std::string& code) {
    const auto image = load(code);
    EXPECT_FALSE(image);
    EXPECT_TRUE(nothing_left());
    return image ? "" : image.error().message;
  };
  EXPECT_EQ(message("int x;\n"), "the compiled source has no symbol proctor_image");
  EXPECT_EQ(message("const struct pr_image proctor_image = {.abi = PR_ABI + 6, .family = \"freebsd\"};\n"),
            fmt::format("the image has interface {}, this program {}", PR_ABI + 6, PR_ABI));
  EXPECT_EQ(message("const struct pr_image proctor_image = {.abi = PR_ABI, .family = \"dragonfly\"};\n"),
            "the image is one of 'dragonfly', not 'freebsd'");
}

// What only the loader notices.
TEST_F(Load, MissingSymbol) {
  const auto image = load(std::string(kGood) + "int kern_never(void); int f(void) { return kern_never(); }\n");
  ASSERT_FALSE(image);
  EXPECT_THAT(image.error().message, StartsWith("the compiled source cannot be loaded: image.so: undefined symbol"));
  EXPECT_THAT(image.error().gaps, ElementsAre("kern_never"));
}

// The real thing, where somebody has it: kernels of which a listing is known compile with nothing missing.
TEST_P(CompileWith, RealOnes) {
  const auto number = [](std::string_view listing) {
    constexpr std::pair<const char*, int> kNumbers[] = {{"(revision 77b7cdf1999e", 51},
                                                        {"(revision 007e25d95aae", 52},
                                                        {"(revision c6a33c8e88c5", 110},
                                                        {"(revision b608d1d3", 55}};
    for (const auto& [revision, n] : kNumbers) {
      if (listing.substr(0, listing.find('\n')).find(revision) != std::string_view::npos) return n;
    }
    return -1;
  };
  int compiled = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(PROCTOR_LISTINGS_DIR, error)) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream stream;
    stream << file.rdbuf();
    const std::string listing = stream.str();
    if (!looks_like_listing(listing) || number(listing) < 0) continue;
    SCOPED_TRACE(entry.path().filename());
    const auto plain = strip_listing(listing, entry.path());
    ASSERT_TRUE(plain) << plain.error();
    CompileOptions options{listing.starts_with("xref: /dragonfly/") ? "dragonfly" : "freebsd"};
    options.kernel_number = number(listing);
    const auto image = compile_source(entry.path(), *plain, options);
    ASSERT_TRUE(image) << problem_text(image.error());
    EXPECT_EQ((*image)->family, options.family);
    ++compiled;
  }
  EXPECT_TRUE(nothing_left());
  if (compiled == 0) GTEST_SKIP() << "no listing of a known kernel below " PROCTOR_LISTINGS_DIR;
}

}  // namespace
}  // namespace proctor::source
