// The exit statuses that scripts rely on, and that commands which only read leave no trace.
#include <filesystem>

#include "cli/ffdb.hpp"
#include "support/catch.hpp"

namespace conduit::test {
namespace {

const std::vector<arguments>& reading_commands() {
  static const std::vector<arguments> commands{
      {"get", "0:0-1"},
      {"export", "--manifest", "/dev/null", "--to", "/dev/null/nowhere"},
      {"ls"},
      {"stat"},
      {"verify"},
      {"doctor"},
      {"recover", "--dry-run"},
      {"bench", "randread", "--seconds", "0.05"}};
  return commands;
}

}  // namespace

TEST_CASE("a missing store is exit status 1 and reading commands do not create it", "[cli]") {
  for (const arguments& command : reading_commands()) {
    const scratch_store at;
    INFO(command.front());
    const program_result result = at.run(command.front(), {command.begin() + 1, command.end()});
    CHECK(result.status == 1);
    CHECK(result.out.empty());
    CHECK(result.err.find(at.store()) != std::string::npos);
    CHECK(at.everything().empty());
  }
}

TEST_CASE("commands that need a store do not create it", "[cli]") {
  for (const arguments& command : std::vector<arguments>{{"roll"}, {"delete", "0"}, {"recover"}}) {
    const scratch_store at;
    INFO(command.front());
    CHECK(at.run(command.front(), {command.begin() + 1, command.end()}).status == 1);
    CHECK(at.everything().empty());
  }
}

TEST_CASE("reading commands change nothing in a store without a lock file", "[cli]") {
  const scratch_store at;
  at.put(content_of(20'000), {"--max-file-size", "1K"});
  at.put(content_of(10), {"--max-file-size", "1K"});
  std::filesystem::remove(at.store() + ".lock");
  const auto before = at.everything();
  for (const arguments& command : reading_commands()) {
    if (command.front() == "export") continue;
    INFO(command.front());
    const program_result result = at.run(command.front(), {command.begin() + 1, command.end()});
    CHECK(result.status == 0);
    CHECK(at.everything() == before);
  }
}

TEST_CASE("wrong usage is exit status 2", "[cli]") {
  const scratch_store at;
  at.put("x");
  const std::vector<arguments> wrong{{},
                                     {"nonsense"},
                                     {"get"},
                                     {"get", "--store", at.store()},
                                     {"ls"},
                                     {"ls", "--store", at.store(), "--nonsense"},
                                     {"ls", "--store", at.store(), "surplus"},
                                     {"put", "--store", at.store()},
                                     {"put", "--store", at.store(), "--compression", "gzip", "-"},
                                     {"put", "--store", at.store(), "--max-file-size", "1X", "-"},
                                     {"put", "--store", at.store(), "--max-file-size", "0", "-"},
                                     {"put", "--store", at.store(), "--threads", "0", "-"},
                                     {"import", "--store", at.store()},
                                     {"export", "--store", at.store(), "--to", "x"},
                                     {"delete", "--store", at.store(), "-1"},
                                     {"delete", "--store", at.store(), "one"},
                                     {"delete", "--store", at.store(), "4294967296"},
                                     {"roll", "--store", at.store(), "--at-least", "many"},
                                     {"bench", "randwrite", "--store", at.store()},
                                     {"bench", "put", "--store", at.store(), "--size", "0"}};
  for (const arguments& words : wrong) {
    const program_result result = ffdb(words);
    INFO((words.empty() ? "nothing" : words.front() + " … " + words.back()));
    CHECK(result.status == 2);
    CHECK(result.out.empty());
    CHECK_FALSE(result.err.empty());
  }
}

TEST_CASE("an unknown backend is wrong usage", "[cli]") {
  const scratch_store at;
  CHECK(at.run("ls", {"--backend", "aio"}).status == 2);
}

TEST_CASE("a location that cannot be parsed is exit status 2", "[cli]") {
  const scratch_store at;
  at.put("x");
  for (const char* text :
       {"", "x", "0", "0:0", "0:0-", "0:1-0", "0:0-1#", "0:0-1#12", "0:0-1#1234567G", "0:+0-1",
        "0: 0-1", "../0:0-1", "/etc/passwd", "data_00000000.dat:0-1", "4294967296:0-1",
        "0:0-18446744073709551616", "0:00-1"}) {
    INFO(text);
    const program_result result = at.get(text);
    CHECK(result.status == 2);
    CHECK(result.out.empty());
  }
}

TEST_CASE("a slice that cannot be parsed or ends before it starts is exit status 2", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("0123456789");
  for (const char* text : {"x", "1", ":", ":1", "1-2", "1:2:3", "a:b", "-1:2", "+1:2", " 1:2",
                           "5:4", "0:18446744073709551616"}) {
    INFO(text);
    const program_result result = at.get(location, {"--slice", text});
    CHECK(result.status == 2);
    CHECK(result.out.empty());
  }
}

TEST_CASE("a slice out of range gives exit status 4", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("0123456789");
  for (const char* text : {"0:11", "11:12", "11:0", "18446744073709551614:18446744073709551615",
                           "0:18446744073709551615"}) {
    INFO(text);
    const program_result result = at.get(location, {"--slice", text});
    CHECK(result.status == 4);
    CHECK(result.out.empty());
  }
  for (const char* text :
       {"0:0-11", "0:5-1000000000", "0:18446744073709551614-18446744073709551615"}) {
    INFO(text);
    const program_result result = at.get(text);
    CHECK(result.status == 4);
    CHECK(result.out.empty());
  }
}

TEST_CASE("a data file that does not exist is exit status 4", "[cli]") {
  const scratch_store at;
  at.put("x");
  CHECK(at.get("7:0-1").status == 4);
  CHECK(at.get("4294967295:0-1").status == 4);
  CHECK(at.run("delete", {"7"}).status == 4);
}

TEST_CASE("a checksum that does not match is exit status 3", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("0123456789");
  REQUIRE(location.find('#') != std::string::npos);
  std::string other = location;
  other.back() = other.back() == '0' ? '1' : '0';
  const program_result result = at.get(other);
  CHECK(result.status == 3);
  CHECK(result.out.empty());
  // A slice is not checked, and a location without a checksum is fine.
  CHECK(at.get(other, {"--slice", "0:1"}).status == 0);
  CHECK(at.get(location.substr(0, location.find('#'))).out == "0123456789");
}

TEST_CASE("help and version are exit status 0", "[cli]") {
  for (const arguments& words :
       std::vector<arguments>{{"--help"}, {"put", "--help"}, {"bench", "--help"}, {"--version"}}) {
    const program_result result = ffdb(words);
    INFO(words.front());
    CHECK(result.status == 0);
    CHECK_FALSE(result.out.empty());
  }
}

TEST_CASE("level and frame size without a compressed form are wrong usage", "[cli]") {
  const scratch_store at;
  CHECK(at.run("put", {"--level", "3", "-"}, "x").status == 2);
  CHECK(at.run("put", {"--frame-size", "64K", "--compression", "none", "-"}, "x").status == 2);
  CHECK(at.everything().empty());
}

}  // namespace conduit::test
