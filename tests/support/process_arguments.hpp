// The command line of a torture program: `--name value` pairs with defaults, and last the directory
// to work in.
#pragma once

#include <conduit/options.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace conduit::test {

class process_arguments {
 public:
  // `known`: every name with its default. A mistake on the command line ends the program with
  // status 2 and says what is known.
  process_arguments(int count, char** words, std::map<std::string, std::string> known)
      : values_(std::move(known)) {
    bool well = count >= 2;
    for (int i = 1; well && i + 1 < count; i += 2) {
      const std::string name(words[i]);
      well = name.starts_with("--") && values_.contains(name.substr(2)) && i + 2 < count;
      if (well) values_[name.substr(2)] = words[i + 1];
    }
    if (!well) end_with_usage(words[0]);
    directory_ = words[count - 1];
  }

  const std::filesystem::path& directory() const noexcept { return directory_; }
  const std::string& text(const std::string& name) const { return values_.at(name); }
  std::uint64_t number(const std::string& name) const {
    return std::strtoull(text(name).c_str(), nullptr, 10);
  }

  // "--backend": one, or "both".
  std::vector<std::pair<backend, std::string>> backends() const {
    const std::string& asked = text("backend");
    std::vector<std::pair<backend, std::string>> chosen;
    if (asked != "threads") chosen.emplace_back(backend::io_uring, "io_uring");
    if (asked != "io_uring") chosen.emplace_back(backend::threads, "threads");
    return chosen;
  }
  // "--durability": one, or "both".
  std::vector<std::pair<durability, std::string>> durabilities() const {
    const std::string& asked = text("durability");
    std::vector<std::pair<durability, std::string>> chosen;
    if (asked != "fdatasync") chosen.emplace_back(durability::none, "none");
    if (asked != "none") chosen.emplace_back(durability::fdatasync, "fdatasync");
    return chosen;
  }
  // "--compression": one, or "all".
  std::vector<std::pair<compression, std::string>> compressions() const {
    const std::string& asked = text("compression");
    std::vector<std::pair<compression, std::string>> chosen;
    for (const auto& [form, name] :
         {std::pair(compression::none, "none"), std::pair(compression::zstd, "zstd"),
          std::pair(compression::zstd_on_seal, "zstd-on-seal")}) {
      if (asked == "all" || asked == name) chosen.emplace_back(form, name);
    }
    return chosen;
  }

 private:
  [[noreturn]] void end_with_usage(const char* program) const {
    std::fprintf(stderr, "usage: %s", program);
    for (const auto& [name, value] : values_)
      std::fprintf(stderr, " [--%s %s]", name.c_str(), value.c_str());
    std::fprintf(stderr, " DIRECTORY\n");
    std::exit(2);
  }

  std::map<std::string, std::string> values_;
  std::filesystem::path directory_;
};

}  // namespace conduit::test
