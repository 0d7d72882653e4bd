#include "support/foreign_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

namespace conduit::test {

namespace {

bool lock_command(int fd, int command, short type) {
  struct flock whole{};
  whole.l_type = type;
  whole.l_whence = SEEK_SET;
  int result = -1;
  do {
    result = ::fcntl(fd, command, &whole);
  } while (result < 0 && errno == EINTR);
  if (result < 0 && errno != EAGAIN && errno != EACCES)
    throw std::system_error(errno, std::system_category(), "lock");
  return result == 0;
}

unique_fd open_lock_file(const std::filesystem::path& lock_file) {
  unique_fd opened(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!opened) throw std::system_error(errno, std::system_category(), lock_file.string());
  return opened;
}

}  // namespace

foreign_lock::foreign_lock(const std::filesystem::path& lock_file)
    : file_(open_lock_file(lock_file)) {
  take();
}

void foreign_lock::take() { lock_command(file_.get(), F_OFD_SETLKW, F_WRLCK); }

void foreign_lock::share() { lock_command(file_.get(), F_OFD_SETLK, F_RDLCK); }

void foreign_lock::release() { lock_command(file_.get(), F_OFD_SETLK, F_UNLCK); }

bool foreign_lock::is_free() const {
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(file_.get(), F_OFD_GETLK, &whole) < 0)
    throw std::system_error(errno, std::system_category(), "lock");
  return whole.l_type == F_UNLCK;
}

std::string foreign_lock::content() const {
  std::string bytes(4096, '\0');
  const ssize_t size = ::pread(file_.get(), bytes.data(), bytes.size(), 0);
  if (size < 0) throw std::system_error(errno, std::system_category(), "lock file");
  bytes.resize(static_cast<std::size_t>(size));
  return bytes;
}

bool lock_is_free(const std::filesystem::path& lock_file) {
  const unique_fd file = open_lock_file(lock_file);
  return lock_command(file.get(), F_OFD_SETLK, F_WRLCK);  // given up with the descriptor
}

bool lock_is_waited_for(const std::filesystem::path& lock_file) {
  struct stat found{};
  if (::stat(lock_file.c_str(), &found) != 0) return false;
  // "12: -> OFDLCK ADVISORY WRITE -1 08:01:4711 0 EOF"
  const std::string inode = ":" + std::to_string(found.st_ino) + " ";
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    if (line.find("-> OFDLCK") != std::string::npos && line.find(inode) != std::string::npos)
      return true;
  }
  return false;
}

void wait_until_lock_is_free(const std::filesystem::path& lock_file) {
  foreign_lock(lock_file).release();
}

}  // namespace conduit::test
