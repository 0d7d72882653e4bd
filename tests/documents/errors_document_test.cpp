// docs/errors.md and the headers name the same codes and events, and the category has a sentence
// for each.
#include <catch2/catch.hpp>
#include <conduit/error.hpp>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "documents/documents.hpp"
#include "support/bytes.hpp"

using namespace conduit::test;

namespace {

// The enumerators of the first enumeration whose head is `head`, in order.
std::vector<std::string> enumerators(const char* header, const std::string& head) {
  const std::string text = read_file(project_root() / header);
  const std::size_t start = text.find(head);
  if (start == std::string::npos)
    throw std::runtime_error(std::string(header) + " has no '" + head + "'");
  const std::string body =
      text.substr(start + head.size(), text.find('}', start) - start - head.size());
  std::vector<std::string> names;
  static const std::regex name(R"(^\s*([a-z_]+)( = 1)?\s*(,|//|$))");
  for (const std::string& line : lines_of(body)) {
    std::smatch match;
    if (std::regex_search(line, match, name)) names.push_back(match[1]);
  }
  return names;
}

// The names in the first column of the table under a heading that begins with `column`.
std::set<std::string> documented(const std::string& column) {
  const document page(project_root() / "docs/errors.md");
  std::set<std::string> names;
  bool inside = false;
  static const std::regex first(R"(^\| `([a-z_]+)` \|)");
  for (const std::string& line : lines_of(page.prose())) {
    if (line.starts_with("| " + column)) inside = true;
    if (!line.starts_with("|")) inside = false;
    std::smatch match;
    if (inside && std::regex_search(line, match, first)) names.insert(match[1]);
  }
  return names;
}

std::set<std::string> set_of(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

}  // namespace

TEST_CASE("docs/errors.md lists every error code, and no other") {
  const auto names = enumerators("include/conduit/error.hpp", "enum class errc {");
  REQUIRE(names.size() >= 10);
  CHECK(documented("`errc::`") == set_of(names));
}

TEST_CASE("every error code has a sentence of its own") {
  const auto names = enumerators("include/conduit/error.hpp", "enum class errc {");
  std::set<std::string> sentences;
  for (std::size_t i = 0; i < names.size(); ++i)
    sentences.insert(conduit::error_category().message(static_cast<int>(i) + 1));
  CHECK(sentences.size() == names.size());
  CHECK(sentences.count(conduit::error_category().message(static_cast<int>(names.size()) + 1)) ==
        0);
}

TEST_CASE("docs/errors.md lists every kind of event, and no other") {
  const auto names = enumerators("include/conduit/event.hpp", "enum class kind {");
  REQUIRE(names.size() >= 5);
  CHECK(documented("`event::kind::`") == set_of(names));
}
