#include "cli/words.hpp"

#include <fmt/format.h>

#include <charconv>

#include "cli/exit_status.hpp"

namespace conduit::cli {
namespace {

template <typename Integer>
bool parse_digits(std::string_view text, Integer& value) {
  const auto [stopped, error] = std::from_chars(text.begin(), text.end(), value);
  return error == std::errc{} && stopped == text.end();
}

}  // namespace

data_location parse_location(std::string_view text) {
  std::error_code error;
  const data_location location = data_location::parse(text, error);
  if (error || location.end < location.start) {
    throw failure(
        exit_status::usage,
        fmt::format(
            "'{}' is not a location: expected NUMBER:START-END or NUMBER:START-END#CHECKSUM",
            text));
  }
  return location;
}

slice parse_slice(std::string_view text) {
  const std::size_t colon = text.find(':');
  std::uint64_t start = 0;
  std::uint64_t end = 0;  // as the original means it
  const std::string_view end_text =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (colon == std::string_view::npos || !parse_digits(text.substr(0, colon), start) ||
      (!end_text.empty() && !parse_digits(end_text, end))) {
    throw failure(exit_status::usage,
                  fmt::format("'{}' is not a slice: expected START:END or START:", text));
  }
  if (end != 0 && end < start)
    throw failure(exit_status::usage, fmt::format("the slice '{}' ends before it starts", text));
  // The largest number has a meaning of its own, and lies as far beyond every blob as the number
  // before it.
  return slice::from_original(start, end == slice::to_end ? end - 1 : end);
}

std::uint32_t parse_file_number(std::string_view text) {
  std::uint32_t number = 0;
  if (!parse_digits(text, number))
    throw failure(exit_status::usage, fmt::format("'{}' is not the number of a data file", text));
  return number;
}

const std::vector<std::string>& backend_words() {
  static const std::vector<std::string> words{"automatic", "io_uring", "threads"};
  return words;
}

backend parse_backend(std::string_view word) {
  if (word == "io_uring") return backend::io_uring;
  if (word == "threads") return backend::threads;
  return backend::automatic;
}

std::string_view word_of(backend value) {
  switch (value) {
    case backend::io_uring:
      return "io_uring";
    case backend::threads:
      return "threads";
    case backend::automatic:
      break;
  }
  return "automatic";
}

const std::vector<std::string>& compression_words() {
  static const std::vector<std::string> words{"none", "zstd", "zstd-on-seal"};
  return words;
}

compression parse_compression(std::string_view word) {
  if (word == "none") return compression::none;
  if (word == "zstd") return compression::zstd;
  if (word == "zstd-on-seal") return compression::zstd_on_seal;
  return compression::follow;
}

std::string_view word_of(compression value) {
  switch (value) {
    case compression::zstd:
      return "zstd";
    case compression::zstd_on_seal:
      return "zstd-on-seal";
    case compression::none:
    case compression::follow:
      break;
  }
  return "none";
}

std::string_view word_of(file_form value) { return value == file_form::zstd ? "zstd" : "plain"; }

}  // namespace conduit::cli
