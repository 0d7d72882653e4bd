// The words of the command line: parses numbers, slices and locations, and names the store's
// enumerations.
#pragma once

#include <conduit/data_location.hpp>
#include <conduit/options.hpp>
#include <conduit/reports.hpp>
#include <conduit/slice.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace conduit::cli {

// Each throws `failure` (usage) if the text is invalid.
data_location parse_location(std::string_view text);
// "START:END" or "START:"; an END of 0, or none, means the blob's end.
slice parse_slice(std::string_view text);
// Decimal digits and nothing else.
std::uint32_t parse_file_number(std::string_view text);

const std::vector<std::string>& backend_words();
backend parse_backend(std::string_view word);
std::string_view word_of(backend value);

const std::vector<std::string>& compression_words();
compression parse_compression(std::string_view word);
std::string_view word_of(compression value);  // "none" for `follow`: a new store is plain

std::string_view word_of(file_form value);

}  // namespace conduit::cli
