// docs/architecture.md says which folder may include which: here it is held to.
#include <catch2/catch.hpp>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "documents/documents.hpp"
#include "support/bytes.hpp"

using namespace conduit::test;
namespace fs = std::filesystem;

namespace {

using folders = std::map<std::string, std::set<std::string>>;

// For each folder of src those that stand above it, from which it may take what it needs.
const folders& architecture() {
  static const folders all{
      {"base", {}},
      {"codec", {"base"}},
      {"io", {"base"}},
      {"files", {"base", "codec", "io"}},
      {"lock", {"base", "io", "files"}},
      {"store", {"base", "codec", "io", "files", "lock"}},
      {"put", {"base", "codec", "io", "files", "lock", "store"}},
      {"get", {"base", "codec", "io", "files", "lock", "store"}},
      {"upkeep", {"base", "codec", "io", "files", "lock", "store"}},
  };
  return all;
}

bool may_use(const std::string& folder, const std::string& used) {
  return used == folder || architecture().at(folder).count(used) == 1;
}

// Calls `with` with the path and each match of `what` in the files of src/`folder`.
template <typename Function>
void for_each_match(const std::string& folder, const std::regex& what, Function with) {
  for (const auto& entry : fs::directory_iterator(project_root() / "src" / folder)) {
    const std::string text = read_file(entry.path());
    for (auto match = std::sregex_iterator(text.begin(), text.end(), what);
         match != std::sregex_iterator(); ++match) {
      with(entry.path(), *match);
    }
  }
}

// In which folder of src each type is defined.
std::map<std::string, std::string> homes_of_types() {
  const std::regex definition(R"re((?:^|\n)(?:class|struct|enum class) ([a-z_]+)[^;{}()]*\{)re");
  std::map<std::string, std::string> homes;
  for (const auto& [folder, above] : architecture()) {
    for_each_match(folder, definition,
                   [&, home = folder](const fs::path&, const std::smatch& match) {
                     homes.emplace(match[1], home);
                   });
  }
  return homes;
}

}  // namespace

TEST_CASE("a folder of src includes only itself and what stands above it in the architecture") {
  const std::regex include(R"re(#include "([a-z]+)/[a-z_]+\.hpp")re");
  std::size_t checked = 0;
  for (const auto& [folder, above] : architecture()) {
    for_each_match(folder, include,
                   [&, from = folder](const fs::path& file, const std::smatch& match) {
                     INFO(file << " includes from " << match[1]);
                     CHECK(may_use(from, match[1]));
                     ++checked;
                   });
  }
  CHECK(checked > 20);
}

TEST_CASE("a folder of src declares no type that stands below it in the architecture") {
  const std::regex declaration(
      R"re((?:^|\n) *(?:class|struct|enum class) ([a-z_]+)(?: : [a-z_0-9:]+)?;)re");
  const std::map<std::string, std::string> homes = homes_of_types();
  CHECK(homes.at("writer") == "put");
  std::size_t checked = 0;
  for (const auto& [folder, above] : architecture()) {
    for_each_match(folder, declaration,
                   [&, from = folder](const fs::path& file, const std::smatch& match) {
                     const auto home = homes.find(match[1]);
                     if (home == homes.end()) return;  // a type within another
                     INFO(file << " declares " << match[1] << " of " << home->second);
                     CHECK(may_use(from, home->second));
                     ++checked;
                   });
  }
  CHECK(checked > 2);
}

TEST_CASE("a folder of src knows no more of the calls' operations than it needs") {
  const std::regex include(R"re(#include <conduit/detail/([a-z_]+)\.hpp>)re");
  const std::set<std::string> links_of_lists{"completion"};
  const folders may_include{
      {"base", links_of_lists}, {"codec", {}}, {"io", links_of_lists}, {"files", {}}, {"lock", {}},
  };
  for (const auto& [folder, allowed] : may_include) {
    for_each_match(folder, include,
                   [&, &known = allowed](const fs::path& file, const std::smatch& match) {
                     INFO(file << " includes " << match[0]);
                     CHECK(known.count(match[1]) == 1);
                   });
  }
}

TEST_CASE("the public headers declare of src only what their operations hold") {
  const std::regex declaration(
      R"re((?:^|\n) *(?:class|struct|enum class) ([a-z_]+)(?: : [a-z_0-9:]+)?;)re");
  const std::map<std::string, std::string> homes = homes_of_types();
  std::set<std::string> declared;
  for (const auto& entry : fs::directory_iterator(project_root() / "include/conduit/detail")) {
    const std::string text = read_file(entry.path());
    for (auto match = std::sregex_iterator(text.begin(), text.end(), declaration);
         match != std::sregex_iterator(); ++match) {
      if (homes.count((*match)[1]) == 1) declared.insert((*match)[1]);
    }
  }
  CHECK(declared == std::set<std::string>{"batch", "binding", "blob_stream", "data_file",
                                          "framed_read", "many_reads", "open_effort"});
}

TEST_CASE("every folder of src stands in the architecture document") {
  const document page(project_root() / "docs/architecture.md");
  const std::string& folders = page.code().at(0).text;
  for (const auto& entry : fs::directory_iterator(project_root() / "src")) {
    if (!entry.is_directory()) continue;
    const std::string name = "src/" + entry.path().filename().native() + "/";
    INFO(name);
    CHECK(folders.find(name) != std::string::npos);
  }
}

TEST_CASE(
    "only the disk's own folder and the way to open a store call the system for a data file") {
  const std::regex system_call(
      R"([^A-Za-z_]::(open|openat|pread|preadv2|pwrite|pwritev|fdatasync|ftruncate|unlinkat)\()");
  for (const char* folder : {"files", "store", "put", "get", "upkeep"}) {
    for (const auto& entry : fs::directory_iterator(project_root() / "src" / folder)) {
      const std::string text = read_file(entry.path());
      INFO(entry.path());
      CHECK_FALSE(std::regex_search(text, system_call));
    }
  }
}
