#include "documents/documents.hpp"

#include <algorithm>
#include <cctype>
#include <regex>
#include <stdexcept>

#include "support/bytes.hpp"

namespace conduit::test {

namespace fs = std::filesystem;

fs::path project_root() { return fs::path(CONDUIT_TEST_DATA_DIR).parent_path().parent_path(); }

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

document::document(fs::path file) : path_(std::move(file)) {
  bool in_code = false;
  for (const std::string& line : lines_of(read_file(path_))) {
    if (line.starts_with("```")) {
      in_code = !in_code;
      if (in_code) code_.push_back({line.substr(3), {}});
    } else {
      (in_code ? code_.back().text : prose_) += line + '\n';
    }
  }
  if (in_code) throw std::runtime_error(path_.native() + ": a code block is not closed");
}

const code_block& document::block(std::string_view info) const {
  const auto found = std::find_if(code_.begin(), code_.end(),
                                  [info](const code_block& block) { return block.info == info; });
  if (found == code_.end())
    throw std::runtime_error(path_.native() + ": no code block '" + std::string(info) + "'");
  return *found;
}

std::vector<page_link> document::links() const {
  static const std::regex pattern(R"(\[([^\]]*)\]\(([^)]*)\))");
  std::vector<page_link> found;
  for (auto match = std::sregex_iterator(prose_.begin(), prose_.end(), pattern);
       match != std::sregex_iterator(); ++match) {
    found.push_back({(*match)[1], (*match)[2]});
  }
  return found;
}

std::vector<std::string> document::anchors() const {
  std::vector<std::string> found;
  for (const std::string& line : lines_of(prose_)) {
    const std::size_t start = line.find_first_not_of('#');
    if (start == 0 || start == std::string::npos || line[start] != ' ') continue;
    std::string anchor;
    for (const char c : line.substr(start + 1)) {
      const auto byte = static_cast<unsigned char>(c);
      if (std::isalnum(byte) != 0 || c == '-' || c == '_')
        anchor += static_cast<char>(std::tolower(byte));
      if (c == ' ') anchor += '-';
    }
    found.push_back(anchor);
  }
  return found;
}

std::vector<std::string> document::quoted() const {
  static const std::regex pattern("`([^`\n]+)`");
  std::vector<std::string> found;
  for (auto match = std::sregex_iterator(prose_.begin(), prose_.end(), pattern);
       match != std::sregex_iterator(); ++match) {
    found.push_back((*match)[1]);
  }
  return found;
}

std::vector<document> all_documents() {
  std::vector<document> all;
  all.emplace_back(project_root() / "README.md");
  all.emplace_back(project_root() / "CHANGELOG.md");
  for (const auto& entry : fs::recursive_directory_iterator(project_root() / "docs")) {
    if (entry.path().extension() == ".md") all.emplace_back(entry.path());
  }
  return all;
}

std::string bytes_of_hexdump(std::string_view dump) {
  std::string bytes;
  for (const std::string& line : lines_of(dump)) {
    std::size_t at = line.find(' ');
    while ((at = line.find_first_not_of(' ', at)) != std::string::npos) {
      bytes += static_cast<char>(std::stoi(line.substr(at, 2), nullptr, 16));
      at += 2;
    }
  }
  return bytes;
}

}  // namespace conduit::test
