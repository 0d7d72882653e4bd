// Reads through Asio's own file class. That class exists only where Asio is compiled with
// ASIO_HAS_IO_URING, which changes types that the rest of the program and the library have without
// it: so it stands in a shared library that hides its Asio, and this is all it shows.
#pragma once

namespace conduit::bench {

struct asio_sample {
  double rate;       // reads of 4 KiB a second
  double cpu_us_op;  // processor time a read, of user and kernel
};

// Random 4 KiB reads of a file by `count` coroutines that share `objects` file objects, for
// `seconds`. Throws std::exception.
[[gnu::visibility("default")]] asio_sample read_with_asio_files(const char* path, unsigned objects,
                                                                unsigned count, double seconds);

}  // namespace conduit::bench
