// `ffdb put` and `ffdb get`: what goes in comes out, whole or in slices, and nothing else does.
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/ffdb.hpp"
#include "support/bytes.hpp"
#include "support/catch.hpp"
#include "support/foreign_lock.hpp"

namespace conduit::test {
namespace {

constexpr std::size_t streamed_size =
    (64U << 20) + 12'345;  // above what is read whole before the first byte is written

}  // namespace

TEST_CASE("a blob from standard input comes back byte for byte", "[cli]") {
  const scratch_store at;
  const std::string content = content_of(100'000);
  const program_result got = at.get(at.put(content));
  CHECK(got.status == 0);
  CHECK(got.out == content);
  CHECK(got.err.empty());
}

TEST_CASE("an empty blob is a blob", "[cli]") {
  const scratch_store at;
  const program_result got = at.get(at.put(""));
  CHECK(got.status == 0);
  CHECK(got.out.empty());
}

TEST_CASE("a put that the terminal stops does not keep the lock", "[cli]") {
  const scratch_store at;
  const arguments files(20'000, at.write("one", "something"));
  running_ffdb running(at.command_line("put", files));
  REQUIRE_FALSE(running.read_line().empty());
  ::kill(running.pid(), SIGTSTP);
  int status = 0;
  REQUIRE(::waitpid(running.pid(), &status, WUNTRACED) == running.pid());
  REQUIRE(WIFSTOPPED(status));
  CHECK(lock_is_free(at.store() + ".lock"));
  ::kill(running.pid(), SIGCONT);
  const program_result result = running.finish();
  CHECK(result.status == 0);
  CHECK(result.lines().size() == files.size() - 1);
}

TEST_CASE("put prints the location and the path of each file in their order", "[cli]") {
  const scratch_store at;
  const std::string one = at.write("one", "first");
  const std::string two = at.write("two", "second");
  const program_result put = at.run("put", {one, two, "-"}, "third");
  REQUIRE(put.status == 0);
  const auto lines = put.lines();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].ends_with("\t" + one));
  CHECK(lines[1].ends_with("\t" + two));
  CHECK(lines[2].ends_with("\t-"));
  CHECK(at.get(lines[0].substr(0, lines[0].find('\t'))).out == "first");
  CHECK(at.get(lines[1].substr(0, lines[1].find('\t'))).out == "second");
  CHECK(at.get(lines[2].substr(0, lines[2].find('\t'))).out == "third");
}

TEST_CASE("put creates the store and puts its lock file beside it", "[cli]") {
  const scratch_store at;
  at.put("x");
  CHECK(std::filesystem::is_directory(at.store()));
  CHECK(std::filesystem::is_regular_file(at.store() + ".lock"));
}

TEST_CASE("the lock file is where --lock says", "[cli]") {
  const scratch_store at;
  at.put("x", {"--lock", at.path("other.lock")});
  CHECK(std::filesystem::exists(at.path("other.lock")));
  CHECK_FALSE(std::filesystem::exists(at.store() + ".lock"));
}

TEST_CASE("put prints a line as soon as its blob is stored", "[cli]") {
  const scratch_store at;
  const std::string file = at.write("one", "first");
  const std::string fifo = at.path("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  running_ffdb putting(at.command_line("put", {file, fifo}));
  const std::string line = putting.read_line();
  // The program still waits for somebody to write into the FIFO.
  CHECK(at.get(line.substr(0, line.find('\t'))).out == "first");
  std::ofstream(fifo) << "second" << std::flush;
  const program_result put = putting.finish();
  CHECK(put.status == 0);
  REQUIRE(put.lines().size() == 1);
  CHECK(at.get(put.out.substr(0, put.out.find('\t'))).out == "second");
}

TEST_CASE("put escapes backslash and tab and newline in a path", "[cli]") {
  const scratch_store at;
  const std::string file = at.write("a\\b\tc\nd", "x");
  const program_result put = at.run("put", {file});
  REQUIRE(put.status == 0);
  CHECK(put.out.ends_with("/a\\\\b\\tc\\nd\n"));
}

TEST_CASE("put goes on after a file that cannot be read and exits with 1", "[cli]") {
  const scratch_store at;
  const std::string there = at.write("there", "x");
  const program_result put = at.run("put", {at.path("missing"), there});
  CHECK(put.status == 1);
  REQUIRE(put.lines().size() == 1);
  CHECK(put.out.ends_with("\t" + there + "\n"));
  CHECK(put.err.find(at.path("missing")) != std::string::npos);
}

TEST_CASE("a closed standard input is an error and no empty blob", "[cli]") {
  const scratch_store at;
  const std::string command = std::string("exec '") + CONDUIT_FFDB_PATH + "' put --store '" +
                              at.store() + "' - <&- >'" + at.path("out") + "' 2>&1";
  const int ended = std::system(command.c_str());
  CHECK(WEXITSTATUS(ended) == 1);
  CHECK(at.run("ls").out.empty());
}

TEST_CASE("put leaves standard input behind the bytes that it stored", "[cli]") {
  const scratch_store at;
  const std::string input = at.write("input", "first line\nthe rest");
  const std::string put =
      std::string("'") + CONDUIT_FFDB_PATH + "' put --store '" + at.store() + "' -";
  const std::string command = "{ head -n 1 >/dev/null; " + put + "; " + put + "; } <'" + input +
                              "' >'" + at.path("out") + "'";
  REQUIRE(std::system(command.c_str()) == 0);
  // The second one finds nothing more.
  CHECK(read_file(at.data_file(0)) == "the rest");
}

TEST_CASE("several threads put every file once", "[cli]") {
  const scratch_store at;
  arguments words{"--threads", "3"};
  for (unsigned i = 0; i < 50; ++i)
    words.push_back(at.write("in/" + std::to_string(i), content_of(1000 + i, i)));
  const program_result put = at.run("put", words);
  REQUIRE(put.status == 0);
  REQUIRE(put.lines().size() == 50);
  for (const std::string& line : put.lines()) {
    const std::size_t tab = line.find('\t');
    CHECK(at.get(line.substr(0, tab)).out == scratch_store::read(line.substr(tab + 1)));
  }
}

TEST_CASE("durable puts are stored too", "[cli]") {
  const scratch_store at;
  CHECK(at.get(at.put("for ever", {"--durable"})).out == "for ever");
}

TEST_CASE("a slice is exactly the bytes asked for", "[cli]") {
  const scratch_store at;
  const std::string content = content_of(10'000);
  const std::string location = at.put(content);
  CHECK(at.get(location, {"--slice", "0:1"}).out == content.substr(0, 1));
  CHECK(at.get(location, {"--slice", "4096:8192"}).out == content.substr(4096, 4096));
  CHECK(at.get(location, {"--slice", "9999:10000"}).out == content.substr(9999));
  CHECK(at.get(location, {"--slice", "0:10000"}).out == content);
  CHECK(at.get(location, {"--slice", "5000:0"}).out == content.substr(5000));
  CHECK(at.get(location, {"--slice", "5000:"}).out == content.substr(5000));
  const program_result none = at.get(location, {"--slice", "77:77"});
  CHECK(none.status == 0);
  CHECK(none.out.empty());
}

TEST_CASE("a get that fails leaves standard output empty", "[cli]") {
  const scratch_store at;
  const std::string location = at.put(content_of(1'000'000));
  scratch_store::damage(at.data_file(0), 999'999);
  const program_result got = at.get(location);
  CHECK(got.status == 3);
  CHECK(got.out.empty());
  CHECK(got.err.find(location) != std::string::npos);
}

TEST_CASE("a blob above 64 MiB is streamed and a fault found on the way ends with 3", "[cli]") {
  const scratch_store at;
  const std::string content = content_of(streamed_size);
  const std::string location = at.put(content);
  const program_result good = at.get(location);
  CHECK(good.status == 0);
  CHECK((good.out == content));
  const program_result rest = at.get(location, {"--slice", "1:0"});
  CHECK(rest.status == 0);
  CHECK((std::string_view(rest.out) == std::string_view(content).substr(1)));

  std::filesystem::create_directory(at.path("out"));
  CHECK(at.get(location, {"-o", at.path("out/blob")}).status == 0);
  CHECK((scratch_store::read(at.path("out/blob")) == content));
  std::filesystem::remove(at.path("out/blob"));

  scratch_store::damage(at.data_file(0), 1000);
  const program_result bad = at.get(location);
  CHECK(bad.status == 3);
  CHECK(bad.out.size() == content.size());
  CHECK(at.get(location, {"-o", at.path("out/blob")}).status == 3);
  CHECK(at.everything("out").empty());
  CHECK(at.get(location, {"-o", at.path("missing/blob")}).status == 1);

  std::filesystem::resize_file(at.data_file(0), streamed_size - 1);
  const program_result cut = at.get(location);
  CHECK(cut.status == 4);
  CHECK(cut.out.empty());
}

TEST_CASE("the file of get -o appears whole and alone", "[cli]") {
  const scratch_store at;
  const std::string content = content_of(200'000);
  const std::string location = at.put(content);
  std::filesystem::create_directory(at.path("out"));
  const program_result got = at.get(location, {"-o", at.path("out/blob")});
  CHECK(got.status == 0);
  CHECK(got.out.empty());
  const auto found = at.everything("out");
  REQUIRE(found.size() == 1);
  CHECK(found.at("blob") == content);
}

TEST_CASE("get -o replaces a file when it succeeds and leaves it alone when it fails", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("new bytes");
  const std::string out = at.write("out/blob", "old bytes");
  CHECK(at.get("77:0-5", {"-o", out}).status == 4);
  CHECK(scratch_store::read(out) == "old bytes");
  CHECK(at.get(location, {"-o", out}).status == 0);
  CHECK(scratch_store::read(out) == "new bytes");
  CHECK(at.everything("out").size() == 1);
}

TEST_CASE("get -o writes into a device instead of replacing it", "[cli]") {
  const scratch_store at;
  CHECK(at.get(at.put("bytes"), {"-o", "/dev/null"}).status == 0);
  CHECK(std::filesystem::is_character_file("/dev/null"));
}

TEST_CASE("an output that nobody reads or that is full makes get fail with 1", "[cli]") {
  const scratch_store at;
  const std::string location = at.put(content_of(1'000'000));
  SECTION("a closed pipe") {
    running_ffdb getting(at.command_line("get", {location}));
    getting.close_output();
    CHECK(getting.finish().status == 1);
  }
  SECTION("a full disk") {
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    running_ffdb getting(at.command_line("get", {location}), {}, full);
    CHECK(getting.finish().status == 1);
    ::close(full);
  }
}

}  // namespace conduit::test
