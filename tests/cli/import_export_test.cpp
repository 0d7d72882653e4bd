// `ffdb import` and `ffdb export`: a tree goes into a store and comes out as the same names and
// bytes.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ffdb.hpp"
#include "support/catch.hpp"

namespace conduit::test {
namespace {

namespace fs = std::filesystem;

// Empty files, odd names, depth, and sizes around those of pages and buffers.
void plant_tree(const scratch_store& at) {
  at.write("tree/empty", "");
  at.write("tree/sub/also empty", "");
  at.write("tree/tab\there", content_of(10, 1));
  at.write("tree/new\nline", content_of(11, 2));
  at.write("tree/back\\slash\\n", content_of(12, 3));
  at.write("tree/bytes \xff\xfe", content_of(13, 4));
  at.write("tree/sub/deep/er/still/file", content_of(100'000, 5));
  unsigned seed = 10;
  for (std::size_t size : {1U, 4095U, 4096U, 4097U, 65'536U, 1'000'000U})
    at.write("tree/sizes/" + std::to_string(size), content_of(size, ++seed));
  for (unsigned i = 0; i < 300; ++i)
    at.write("tree/many/" + std::to_string(i), content_of(i * 7, i));
}

std::map<std::string, std::string> files_only(const scratch_store& at, std::string_view below) {
  auto found = at.everything(below);
  std::erase_if(found, [&](const auto& entry) {
    return !fs::is_regular_file(fs::path(at.path(below)) / entry.first);
  });
  return found;
}

}  // namespace

TEST_CASE("a tree comes out of the store as the same names and bytes", "[cli]") {
  const scratch_store at;
  plant_tree(at);
  const program_result import = at.run(
      "import", {"--manifest", at.path("manifest"), "--max-file-size", "256K", at.path("tree")});
  INFO(import.err);
  REQUIRE(import.status == 0);
  CHECK(import.out.empty());

  const program_result exported =
      at.run("export", {"--manifest", at.path("manifest"), "--to", at.path("out")});
  INFO(exported.err);
  REQUIRE(exported.status == 0);
  // The paths were absolute: their leading slash is dropped.
  CHECK((files_only(at, "out" + at.path("tree")) == files_only(at, "tree")));
  CHECK(files_only(at, "out").size() == files_only(at, "tree").size());

  const program_result verified = at.run("verify", {"--manifest", at.path("manifest")});
  CHECK(verified.status == 0);
}

TEST_CASE("an export writes many small files with few descriptors", "[cli]") {
  const scratch_store at;
  plant_tree(at);
  REQUIRE(at.run("import", {"--manifest", at.path("manifest"), at.path("tree")}).status == 0);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = 80;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  const program_result exported =
      at.run("export", {"--manifest", at.path("manifest"), "--to", at.path("out")});
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  INFO(exported.err);
  CHECK(exported.status == 0);
  CHECK((files_only(at, "out" + at.path("tree")) == files_only(at, "tree")));
}

TEST_CASE("several threads import the same as one", "[cli]") {
  const char* threads = GENERATE("1", "2", "5");
  const scratch_store at;
  plant_tree(at);
  REQUIRE(
      at.run("import", {"--threads", threads, "--manifest", at.path("manifest"), at.path("tree")})
          .status == 0);
  REQUIRE(at.run("export", {"--manifest", at.path("manifest"), "--to", at.path("out")}).status ==
          0);
  CHECK((files_only(at, "out" + at.path("tree")) == files_only(at, "tree")));
}

TEST_CASE("without a manifest file the lines go to standard output", "[cli]") {
  const scratch_store at;
  at.write("tree/a", "first");
  at.write("tree/b", "second");
  const program_result import = at.run("import", {"--threads", "1", at.path("tree")});
  REQUIRE(import.status == 0);
  auto lines = import.lines();
  REQUIRE(lines.size() == 2);
  for (const std::string& line : lines) {
    const std::size_t tab = line.find('\t');
    CHECK(at.get(line.substr(0, tab)).out == scratch_store::read(line.substr(tab + 1)));
  }
}

TEST_CASE("the blobs whose locations a killed import had printed are stored", "[cli]") {
  const scratch_store at;
  // More lines than fit into a pipe: the program cannot be done when it is killed.
  for (unsigned i = 0; i < 3000; ++i) at.write("tree/" + std::to_string(i), content_of(100, i));
  running_ffdb importing(at.command_line("import", {at.path("tree")}));
  std::string manifest;
  for (int i = 0; i < 20; ++i) manifest += importing.read_line() + "\n";
  ::kill(importing.pid(), SIGKILL);
  const program_result killed = importing.finish();
  CHECK(killed.status == 128 + SIGKILL);
  manifest += killed.out;
  at.write("manifest", manifest);
  CHECK(at.run("verify", {"--manifest", at.path("manifest")}).status == 0);
  CHECK(at.put("and the store goes on").find(':') != std::string::npos);
}

TEST_CASE("manifest lines escape backslash and tab and newline", "[cli]") {
  const scratch_store at;
  at.write("tree/a\\b\tc\nd", "x");
  const program_result import = at.run("import", {at.path("tree")});
  REQUIRE(import.lines().size() == 1);
  CHECK(import.out.ends_with("/tree/a\\\\b\\tc\\nd\n"));
}

TEST_CASE("import skips what is no regular file and names and counts it and is content", "[cli]") {
  const scratch_store at;
  at.write("tree/file", "x");
  at.write("elsewhere/secret", "not to be followed");
  fs::create_symlink(at.path("elsewhere"), at.path("tree/link-to-directory"));
  fs::create_symlink("file", at.path("tree/link-to-file"));
  fs::create_symlink("nowhere", at.path("tree/dangling"));
  REQUIRE(::mkfifo(at.path("tree/fifo").c_str(), 0600) == 0);
  const program_result import = at.run("import", {at.path("tree")});
  CHECK(import.status == 0);
  CHECK(import.lines().size() == 1);
  for (const char* name :
       {"tree/link-to-directory", "tree/link-to-file", "tree/dangling", "tree/fifo"}) {
    INFO(name);
    CHECK(import.err.find(at.path(name)) != std::string::npos);
  }
  CHECK(import.err.find("skipped 4\n") != std::string::npos);
}

TEST_CASE("import exits with 1 when something could not be read and stores the rest", "[cli]") {
  const scratch_store at;
  at.write("tree/file", "x");
  SECTION("a path that does not exist") {
    const program_result import = at.run("import", {at.path("missing"), at.path("tree")});
    CHECK(import.status == 1);
    CHECK(import.lines().size() == 1);
    CHECK(import.err.find(at.path("missing")) != std::string::npos);
  }
  SECTION("a file and a directory without permission") {
    if (::geteuid() == 0) return;  // root may read everything
    const std::string file = at.write("tree/locked", "y");
    fs::create_directory(at.path("tree/closed"));
    fs::permissions(file, fs::perms::none);
    fs::permissions(at.path("tree/closed"), fs::perms::none);
    const program_result import = at.run("import", {at.path("tree")});
    fs::permissions(at.path("tree/closed"), fs::perms::owner_all);
    CHECK(import.status == 1);
    CHECK(import.lines().size() == 1);
    CHECK(import.err.find(file) != std::string::npos);
    CHECK(import.err.find(at.path("tree/closed")) != std::string::npos);
  }
}

TEST_CASE("import leaves out the store and its lock and its manifest when they lie in the tree",
          "[cli]") {
  const scratch_store at;
  at.write("a", "first");
  at.write("b", "second");
  at.put("the store exists");
  const program_result import = at.run("import", {"--manifest", at.path("manifest"), at.path("")});
  INFO(import.err);
  CHECK(import.status == 0);
  CHECK(import.err.find("skipped 3\n") != std::string::npos);
  const std::string manifest = scratch_store::read(at.path("manifest"));
  CHECK(std::count(manifest.begin(), manifest.end(), '\n') == 2);
}

TEST_CASE("export refuses a manifest that would leave the directory and writes nothing", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("x");
  for (const char* path :
       {"../escaped", "a/../../escaped", "/../escaped", "..", "a/..", "", "/", "a/"}) {
    INFO(path);
    at.write("manifest", location + "\tgood\n" + location + "\t" + path + "\n");
    const program_result result =
        at.run("export", {"--manifest", at.path("manifest"), "--to", at.path("out/deeper")});
    CHECK(result.status == 1);
    CHECK_FALSE(result.err.empty());
    CHECK_FALSE(fs::exists(at.path("out")));
    CHECK_FALSE(fs::exists(at.path("escaped")));
  }
}

TEST_CASE("export names the line of a manifest that it cannot parse", "[cli]") {
  const scratch_store at;
  const std::string location = at.put("x");
  for (const std::string& line : {std::string("nonsense\tpath"), location,
                                  location + "\tbad\\escape", location + "\tends\\"}) {
    INFO(line);
    const std::string manifest = at.write("manifest", location + "\tgood\n" + line + "\n");
    const program_result result =
        at.run("export", {"--manifest", manifest, "--to", at.path("out")});
    CHECK(result.status == 2);
    CHECK(result.err.find(manifest + ":2:") != std::string::npos);
    CHECK_FALSE(fs::exists(at.path("out")));
  }
}

TEST_CASE("export writes the sound blobs and exits with the status of the damaged ones", "[cli]") {
  const scratch_store at;
  const std::string good = at.put("good");
  const std::string bad = at.put("bad!");
  std::string wrong_sum = bad;
  wrong_sum.back() = wrong_sum.back() == '0' ? '1' : '0';
  SECTION("a blob of a data file that is gone") {
    at.write("manifest", "99:0-4\tgone\n" + good + "\tgood\n");
    CHECK(at.run("export", {"--manifest", at.path("manifest"), "--to", at.path("out")}).status ==
          4);
  }
  SECTION("a blob with a wrong checksum") {
    at.write("manifest", "99:0-4\tgone\n" + wrong_sum + "\tbad\n" + good + "\tgood\n");
    CHECK(at.run("export", {"--manifest", at.path("manifest"), "--to", at.path("out")}).status ==
          3);
  }
  const auto found = at.everything("out");
  CHECK(found.size() == 1);
  CHECK(found.at("good") == "good");
}

TEST_CASE("export replaces a link instead of writing through it", "[cli]") {
  const scratch_store at;
  const std::string outside = at.write("outside", "precious");
  at.write("manifest", at.put("blob") + "\tname\n");
  fs::create_directory(at.path("out"));
  fs::create_symlink(outside, at.path("out/name"));
  REQUIRE(at.run("export", {"--manifest", at.path("manifest"), "--to", at.path("out")}).status ==
          0);
  CHECK(scratch_store::read(outside) == "precious");
  CHECK(scratch_store::read(at.path("out/name")) == "blob");
}

}  // namespace conduit::test
