// The project's own documents as data for tests: code blocks, links and headings of Markdown files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace conduit::test {

struct code_block {
  std::string info;  // what stands behind the opening fence
  std::string text;  // with its last newline
};

struct page_link {
  std::string text;
  std::string target;
};

class document {
 public:
  explicit document(std::filesystem::path file);

  const std::filesystem::path& path() const noexcept { return path_; }
  const std::string& prose() const noexcept { return prose_; }  // everything outside code blocks
  const std::vector<code_block>& code() const noexcept { return code_; }
  // The one block with this info string. Throws where there is none.
  const code_block& block(std::string_view info) const;
  std::vector<page_link> links() const;
  // As a link's fragment names them.
  std::vector<std::string> anchors() const;
  // Pieces of text in backquotes.
  std::vector<std::string> quoted() const;

 private:
  std::filesystem::path path_;
  std::string prose_;
  std::vector<code_block> code_;
};

std::filesystem::path project_root();
// README, changelog and everything below docs/.
std::vector<document> all_documents();

std::vector<std::string> lines_of(std::string_view text);

// The bytes of a hexdump: lines of an offset and up to 16 bytes.
std::string bytes_of_hexdump(std::string_view dump);

}  // namespace conduit::test
