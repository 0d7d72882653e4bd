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

TEST_CASE("a folder of src includes only itself and what stands above it in the architecture") {
  const std::map<std::string, std::set<std::string>> may_include{
      {"base", {}},
      {"codec", {"base"}},
      {"io", {"base"}},
      {"files", {"base", "codec", "io"}},
      {"put", {"base", "codec", "io", "files"}},
      {"get", {"base", "codec", "io", "files"}},
      {"upkeep", {"base", "codec", "io", "files"}},
  };
  const std::regex include(R"re(#include "([a-z]+)/[a-z_]+\.hpp")re");
  std::size_t checked = 0;
  for (const auto& [folder, above] : may_include) {
    for (const auto& entry : fs::directory_iterator(project_root() / "src" / folder)) {
      const std::string text = read_file(entry.path());
      for (auto match = std::sregex_iterator(text.begin(), text.end(), include);
           match != std::sregex_iterator(); ++match) {
        const std::string used = (*match)[1];
        INFO(entry.path() << " includes from " << used);
        CHECK((used == folder || above.count(used) == 1));
        ++checked;
      }
    }
  }
  CHECK(checked > 20);
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
  for (const char* folder : {"files", "put", "get", "upkeep"}) {
    for (const auto& entry : fs::directory_iterator(project_root() / "src" / folder)) {
      const std::string text = read_file(entry.path());
      INFO(entry.path());
      CHECK_FALSE(std::regex_search(text, system_call));
    }
  }
}
