// The README's code is code that is compiled and run, and its session with ffdb is one that works.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "documents/documents.hpp"
#include "support/bytes.hpp"
#include "support/temporary_directory.hpp"

using namespace conduit::test;
namespace fs = std::filesystem;

namespace {

document readme() { return document(project_root() / "README.md"); }

// What a shell in `directory` that finds this build's ffdb prints to standard output. Throws where
// it does not end with 0.
std::string run_in_shell(const fs::path& directory, const std::string& command) {
  const std::string bin = fs::path(CONDUIT_FFDB_PATH).parent_path().native();
  const std::string line =
      "cd '" + directory.native() + "' && PATH='" + bin + "':$PATH && { " + command + "\n}";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(line.c_str(), "r"),
                                                   [](FILE*) { return 0; });
  if (!pipe) throw std::runtime_error("popen");
  std::string output;
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get()))
    output += static_cast<char>(c);
  if (::pclose(pipe.get()) != 0) throw std::runtime_error("'" + command + "' failed");
  return output;
}

std::string source(const char* path) { return read_file(project_root() / path); }

// `block` stands in `text` as it is, apart from indentation in front of all its lines.
bool contains_block(const std::string& text, const std::string& block) {
  const auto lines = lines_of(text);
  const auto wanted = lines_of(block);
  for (std::size_t start = 0; start + wanted.size() <= lines.size(); ++start) {
    const std::size_t indentation =
        lines[start].size() - std::min(lines[start].size(), wanted[0].size());
    bool same = true;
    for (std::size_t i = 0; same && i < wanted.size(); ++i) {
      const std::string& line = lines[start + i];
      same = wanted[i].empty() ? line.empty() : line == std::string(indentation, ' ') + wanted[i];
    }
    if (same) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("the README's first example is examples/hello.cpp, byte for byte") {
  CHECK(readme().block("cpp").text == source("examples/hello.cpp"));
}

TEST_CASE("every C++ snippet of the documents is part of an example that is compiled and run") {
  std::size_t checked = 0;
  for (const document& page : all_documents()) {
    for (const code_block& block : page.code()) {
      if (block.info != "cpp") continue;
      bool found = false;
      for (const auto& entry : fs::directory_iterator(project_root() / "examples")) {
        found = found || (entry.path().extension() == ".cpp" &&
                          contains_block(read_file(entry.path()), block.text));
      }
      INFO(page.path() << ":\n" << block.text);
      CHECK(found);
      ++checked;
    }
  }
  CHECK(checked >= 1);
}

TEST_CASE("the README names every example") {
  const document page = readme();
  const auto links = page.links();
  for (const auto& entry : fs::directory_iterator(project_root() / "examples")) {
    const std::string name = entry.path().filename().native();
    if (entry.path().extension() != ".cpp" || name == "hello.cpp" || name == "demo.cpp") continue;
    INFO(name);
    CHECK(std::any_of(links.begin(), links.end(), [&](const page_link& reference) {
      return reference.target == "examples/" + name;
    }));
  }
}

TEST_CASE("the README's way to use the library is that of the consumer tests") {
  const document page = readme();
  const std::string with_cmake = source("tests/consumer/find_package/CMakeLists.txt");
  const auto lines = lines_of(page.block("cmake").text);
  REQUIRE(lines.size() == 2);
  for (const std::string& line : lines) {
    const std::string consumed = std::regex_replace(line, std::regex("your_program"), "consumer");
    INFO(line);
    CHECK(with_cmake.find(consumed + '\n') != std::string::npos);
  }
  const std::string with_pkg_config = source("tests/consumer/run.sh");
  const std::string& command = page.block("sh").text;
  for (const char* part :
       {"-std=c++20", "pkg-config", "--cflags", "--libs", "conduit_flat_file_db"}) {
    INFO(part);
    CHECK(command.find(part) != std::string::npos);
    CHECK(with_pkg_config.find(part) != std::string::npos);
  }
}

TEST_CASE("the README's session with ffdb prints what stands there") {
  const temporary_directory scratch;
  fs::create_directories(scratch / "tree/sub");
  write_file(scratch / "tree/one", "the first file\n");
  write_file(scratch / "tree/sub/empty", "");

  const auto lines = lines_of(readme().block("console").text);
  std::size_t commands = 0;
  for (std::size_t i = 0; i < lines.size();) {
    REQUIRE(lines[i].starts_with("$ "));
    const std::string command = lines[i++].substr(2);
    std::string expected;
    while (i < lines.size() && !lines[i].starts_with("$ ")) expected += lines[i++] + '\n';
    std::string output = run_in_shell(scratch.path(), command + " 2>errors");
    if (!output.empty() && output.back() != '\n') output += '\n';
    INFO(command);
    CHECK(output == expected);
    ++commands;
  }
  CHECK(commands >= 4);
}

TEST_CASE("the README's table of ffdb names the commands and the options that exist") {
  const temporary_directory scratch;
  const std::string table = readme().prose();
  const std::regex row(R"(\| `ffdb ([a-z]+)` \|([^\n]*)\|)");
  const std::regex option("`(--[a-z-]+)`");
  std::string commands;
  for (auto match = std::sregex_iterator(table.begin(), table.end(), row);
       match != std::sregex_iterator(); ++match) {
    const std::string command = (*match)[1];
    const std::string text = (*match)[2];
    const std::string help = run_in_shell(scratch.path(), "ffdb " + command + " --help");
    commands += command + ' ';
    for (auto flag = std::sregex_iterator(text.begin(), text.end(), option);
         flag != std::sregex_iterator(); ++flag) {
      INFO(command << ' ' << (*flag)[1]);
      CHECK(help.find((*flag)[1]) != std::string::npos);
    }
    for (const char* common : {"--store", "--lock", "--backend"}) {
      INFO(command);
      CHECK(help.find(common) != std::string::npos);
    }
  }
  CHECK(commands ==
        "put get import export ls stat verify recover roll delete compress bench doctor ");
}
