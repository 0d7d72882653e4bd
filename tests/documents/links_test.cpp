// What the documents name exists: linked files and headings, paths in backquotes, commands of
// ./dev.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "documents/documents.hpp"
#include "support/bytes.hpp"

using namespace conduit::test;
namespace fs = std::filesystem;

TEST_CASE("every link of the documents leads to a file and a heading that exist") {
  std::size_t checked = 0;
  for (const document& page : all_documents()) {
    for (const page_link& reference : page.links()) {
      if (reference.target.starts_with("https://")) continue;
      const std::size_t hash = std::min(reference.target.find('#'), reference.target.size());
      const std::string name = reference.target.substr(0, hash);
      const fs::path target = name.empty() ? page.path() : page.path().parent_path() / name;
      INFO(page.path() << " links to " << reference.target);
      REQUIRE(fs::exists(target));
      if (hash < reference.target.size()) {
        const auto anchors = document(target).anchors();
        CHECK(std::find(anchors.begin(), anchors.end(), reference.target.substr(hash + 1)) !=
              anchors.end());
      }
      ++checked;
    }
  }
  CHECK(checked > 20);
}

TEST_CASE("every path that the documents name exists") {
  std::size_t checked = 0;
  for (const document& page : all_documents()) {
    for (const std::string& text : page.quoted()) {
      const auto starts = {"src/", "include/", "tests/", "docs/", "examples/", "bench/", "cmake/"};
      const bool is_path = std::any_of(starts.begin(), starts.end(),
                                       [&](const char* start) { return text.starts_with(start); });
      if (!is_path) continue;
      INFO(page.path() << " names " << text);
      CHECK(fs::exists(project_root() / text));
      ++checked;
    }
  }
  CHECK(checked >= 5);
}

TEST_CASE("every command of ./dev that the documents name is one") {
  const std::string dev = read_file(project_root() / "dev");
  std::size_t checked = 0;
  for (const document& page : all_documents()) {
    for (const std::string& text : page.quoted()) {
      if (!text.starts_with("./dev ")) continue;
      INFO(page.path() << " names " << text);
      CHECK(dev.find("\n  " + text.substr(6) + ' ') !=
            std::string::npos);  // a line of its usage text
      ++checked;
    }
  }
  CHECK(checked >= 2);
}

TEST_CASE("every document that the sources name exists") {
  std::size_t checked = 0;
  for (const char* folder : {"src", "include", "tests", "examples", "bench"}) {
    for (const auto& entry : fs::recursive_directory_iterator(project_root() / folder)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      const std::string text = read_file(entry.path());
      for (std::size_t at = text.find("docs/"); at != std::string::npos;
           at = text.find("docs/", at + 1)) {
        const std::size_t end = text.find(".md", at);
        const std::string name =
            end == std::string::npos ? std::string() : text.substr(at, end + 3 - at);
        if (name.empty() || name.find_first_of(" \n\"") != std::string::npos) continue;
        INFO(entry.path() << " names " << name);
        CHECK(fs::exists(project_root() / name));
        ++checked;
      }
    }
  }
  CHECK(checked >= 1);
}
