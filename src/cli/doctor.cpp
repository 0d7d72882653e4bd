// `ffdb doctor`: the backend that a store gets here, the reason, and possible obstacles.
#include <CLI/App.hpp>
#include <cstdint>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <linux/magic.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/store_flags.hpp"
#include "cli/words.hpp"
#include "io/backend_probe.hpp"
#include "io/local_file_systems.hpp"

namespace conduit::cli {
namespace {

// The facts behind `ffdb doctor`: about the operating system and about a path.
std::string kernel_release();

// The soft limit (RLIMIT_NOFILE, RLIMIT_MEMLOCK); none: unlimited.
std::optional<std::uint64_t> soft_limit(decltype(RLIMIT_NOFILE) resource);

// /proc/sys/kernel/io_uring_disabled: 0 allowed, 1 for few, 2 forbidden; none if the kernel has no
// such switch.
std::optional<int> io_uring_disabled();

// The name of the file system under `path`, which need not exist as long as its directory does.
std::string file_system_of(const std::string& path);

// Not every kernel's linux/magic.h has these; statfs(2) lists them.
constexpr long zfs_magic = 0x2fc12fc1;

const char* name_of(long magic) {
  switch (magic) {
    case EXT4_SUPER_MAGIC:
      return "ext4";
    case XFS_SUPER_MAGIC:
      return "xfs";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    case F2FS_SUPER_MAGIC:
      return "f2fs";
    case TMPFS_MAGIC:
      return "tmpfs";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlay";
    case zfs_magic:
      return "zfs";
    case NFS_SUPER_MAGIC:
      return "nfs";
    case static_cast<long>(SMB2_SUPER_MAGIC):
    case static_cast<long>(CIFS_SUPER_MAGIC):
      return "cifs";
    case FUSE_SUPER_MAGIC:
      return "fuse";
    case V9FS_MAGIC:
      return "9p";
    default:
      return nullptr;
  }
}

std::string kernel_release() {
  utsname name{};
  ::uname(&name);
  return name.release;
}

std::optional<std::uint64_t> soft_limit(decltype(RLIMIT_NOFILE) resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

std::optional<int> io_uring_disabled() {
  std::ifstream file("/proc/sys/kernel/io_uring_disabled");
  int value = 0;
  if (!(file >> value)) return std::nullopt;
  return value;
}

std::string file_system_of(const std::string& path) {
  struct statfs found{};
  const std::filesystem::path parent = std::filesystem::absolute(path).parent_path();
  if (::statfs(path.c_str(), &found) != 0 && ::statfs(parent.c_str(), &found) != 0)
    return "unknown";
  const char* name = name_of(found.f_type);
  return name != nullptr ? name : fmt::format("{:#x}", found.f_type);
}

struct doctor_flags : store_flags {
  bool json = false;
};

struct findings {
  bool io_uring_possible = false;
  conduit::backend engine = backend::automatic;
  std::string reason;
  std::string kernel;
  std::optional<std::uint64_t> open_files;
  std::optional<std::uint64_t> locked_memory_bytes;
  std::optional<int> io_uring_disabled;
  std::string data_path;  // empty without a store
  std::string data_file_system;
  std::string lock_path;
  std::string lock_file_system;
  std::vector<std::string> advice;
};

void examine_store(const doctor_flags& flags, findings& found) {
  asio::io_context context;
  const flat_file_db db = flags.open_reading(context);
  const store_stats stats = db.stats();
  found.engine = stats.backend;
  found.reason = stats.backend_reason;
  found.data_path = flags.directory();
  found.data_file_system = file_system_of(found.data_path);
  found.lock_path = flags.lock_path();
  found.lock_file_system = file_system_of(found.lock_path);
}

// The backend of a store opened with these flags.
void examine_backend(const doctor_flags& flags, findings& found) {
  if (flags.backend() == backend::io_uring && !found.io_uring_possible)
    throw failure(exit_status::failed, found.reason);
  found.engine = found.io_uring_possible ? backend::io_uring : backend::threads;
  if (flags.backend() == backend::threads) {
    found.engine = backend::threads;
    found.reason = "asked for";
  }
}

void advise(findings& found) {
  auto& advice = found.advice;
  if (!found.io_uring_possible) {
    advice.emplace_back(
        "reads and writes go through a pool of threads: io_uring would carry more at a time with "
        "less CPU");
    if (found.io_uring_disabled.value_or(0) != 0) {
      advice.emplace_back(fmt::format(
          "kernel.io_uring_disabled is {}: `sysctl kernel.io_uring_disabled=0` allows io_uring",
          *found.io_uring_disabled));
    } else {
      advice.emplace_back("in a container io_uring has to be allowed by the seccomp profile");
    }
  }
  constexpr std::uint64_t open_files_min = 1024;
  if (found.open_files && *found.open_files < open_files_min) {
    advice.emplace_back(fmt::format("only {} open files are allowed: raise it with `ulimit -n`",
                                    *found.open_files));
  }
  for (const std::string& path : {found.data_path, found.lock_path}) {
    if (io::is_on_local_file_system(path)) continue;
    advice.emplace_back(
        fmt::format("the file system of {} ({}) is not known to be local, its locks may not hold: "
                    "data and lock belong on a local disk",
                    path, file_system_of(path)));
  }
  if (found.data_file_system == "tmpfs")
    advice.emplace_back("the data lies in memory (tmpfs): it is gone after a reboot");
  if (advice.empty()) advice.emplace_back("nothing to improve");
}

nlohmann::ordered_json json_of(const std::optional<std::uint64_t>& limit) {
  return limit ? nlohmann::ordered_json(*limit) : nlohmann::ordered_json(nullptr);
}

std::string text_of(const std::optional<std::uint64_t>& limit) {
  return limit ? std::to_string(*limit) : "unlimited";
}

void print_json(const findings& found) {
  nlohmann::ordered_json document;
  document["backend"] = word_of(found.engine);
  document["backend_reason"] = found.reason;
  document["kernel"] = found.kernel;
  document["limits"]["open_files"] = json_of(found.open_files);
  document["limits"]["locked_memory_bytes"] = json_of(found.locked_memory_bytes);
  document["limits"]["io_uring_disabled"] = nullptr;
  if (found.io_uring_disabled) document["limits"]["io_uring_disabled"] = *found.io_uring_disabled;
  if (!found.data_path.empty()) {
    document["data"] = {{"path", found.data_path}, {"file_system", found.data_file_system}};
    document["lock"] = {{"path", found.lock_path}, {"file_system", found.lock_file_system}};
  }
  document["advice"] = found.advice;
  write_json_to_stdout(document);
}

void print_text(const findings& found) {
  std::string text = fmt::format(
      "backend: {} ({})\nkernel: {}\nopen files: {}\nlocked memory: {}\nkernel.io_uring_disabled: "
      "{}\n",
      word_of(found.engine), found.reason, found.kernel, text_of(found.open_files),
      text_of(found.locked_memory_bytes),
      found.io_uring_disabled ? std::to_string(*found.io_uring_disabled)
                              : "unknown to this kernel");
  if (!found.data_path.empty()) {
    text += fmt::format("data: {} on {}\nlock: {} on {}\n", found.data_path, found.data_file_system,
                        found.lock_path, found.lock_file_system);
  }
  for (const std::string& line : found.advice) text += fmt::format("advice: {}\n", line);
  write_to_stdout(text);
}

exit_status run_doctor(const doctor_flags& flags) {
  findings found;
  found.io_uring_possible = !io::probe_ring(found.reason);
  if (flags.directory().empty()) {
    examine_backend(flags, found);
  } else {
    examine_store(flags, found);
  }
  found.kernel = kernel_release();
  found.open_files = soft_limit(RLIMIT_NOFILE);
  found.locked_memory_bytes = soft_limit(RLIMIT_MEMLOCK);
  found.io_uring_disabled = io_uring_disabled();
  advise(found);
  (flags.json ? print_json : print_text)(found);
  return exit_status::done;
}

}  // namespace

void add_doctor(CLI::App& program, command_action& chosen) {
  auto flags = std::make_shared<doctor_flags>();
  CLI::App* command = program.add_subcommand(
      "doctor", "which backend is used and why, limits, file systems, and advice");
  flags->add_to(*command, false);
  command->add_flag("--json", flags->json, "as a JSON object");
  command->callback([flags, &chosen] { chosen = [flags] { return run_doctor(*flags); }; });
}

}  // namespace conduit::cli
