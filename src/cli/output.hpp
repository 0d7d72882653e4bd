// Bytes to a descriptor, all of them or an exception.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace conduit::cli {

// Throw `failure` naming `subject`.
void write_all(int fd, std::span<const std::byte> bytes, std::string_view subject);
void write_all(int fd, std::string_view text, std::string_view subject);

void write_to_stdout(std::string_view text);
// Names in a file system need not be UTF-8, JSON must be: what is not is replaced.
void write_json_to_stdout(const nlohmann::ordered_json& document);

}  // namespace conduit::cli
