# Helpers for the targets of this project. Nothing of this is exported.

# The parts of Asio that the public headers use: parsing them takes longer than most of our files.
set(CONDUIT_ASIO_HEADERS
  <asio/associated_cancellation_slot.hpp>
  <asio/awaitable.hpp>
  <asio/buffer.hpp>
  <asio/co_spawn.hpp>
  <asio/io_context.hpp>
  <asio/post.hpp>
  <asio/steady_timer.hpp>
  <asio/use_awaitable.hpp>
  <algorithm>
  <filesystem>
  <functional>
  <map>
  <memory>
  <mutex>
  <optional>
  <string>
  <system_error>
  <thread>
  <unordered_map>
  <vector>)

function(conduit_own_target target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast
    -Wcast-align -Wformat=2 -Wextra-semi -Wimplicit-fallthrough -Wunused
    $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond>
    $<$<CXX_COMPILER_ID:GNU>:-Wlogical-op>
    # g++ 12 inlines Asio's operator new of a coroutine frame and not its operator delete, and takes
    # them for a mismatch.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
    $<$<BOOL:${CONDUIT_WARNINGS_AS_ERRORS}>:-Werror>)
endfunction()

# Links what the one source file of an example or benchmark includes beyond the library. Sets
# `result` to FALSE, with a message, where this machine lacks it: these files are optional.
function(conduit_link_what_it_includes target source result)
  # Its includes decide what is linked, so configure again when they may have changed.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
  file(STRINGS "${source}" includes REGEX "^[ \t]*#[ \t]*include")
  # regular expression | what to link | what it is called
  set(known
    "include <liburing|PkgConfig::liburing|liburing"
    "include <xxhash|PkgConfig::libxxhash|xxHash"
    "include <zstd|PkgConfig::libzstd|libzstd"
    "include <fmt/|fmt::fmt|fmt"
    "include <benchmark/|benchmark::benchmark|Google Benchmark"
    "include <lmdb|PkgConfig::lmdb|LMDB"
    "include <rocksdb/|RocksDB::rocksdb|RocksDB"
    "include <leveldb/|leveldb::leveldb|LevelDB")
  set(found TRUE)
  set(libraries "")
  foreach(entry IN LISTS known)
    string(REPLACE "|" ";" entry "${entry}")
    list(POP_FRONT entry pattern library name)
    if(NOT "${includes}" MATCHES "${pattern}")
      continue()
    endif()
    if(TARGET ${library})
      list(APPEND libraries ${library})
    else()
      message(STATUS "Leaving out ${target}: ${name} not found")
      set(found FALSE)
    endif()
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
  set(${result}_LIBRARIES "${libraries}" PARENT_SCOPE)
endfunction()

# Seconds that one test may take. Sanitizers slow a program down by up to an order of magnitude.
if(CONDUIT_SANITIZE)
  set(CONDUIT_TEST_TIMEOUT 300)
else()
  set(CONDUIT_TEST_TIMEOUT 120)
endif()

function(conduit_test_timeout)
  set_tests_properties(${ARGN} PROPERTIES TIMEOUT ${CONDUIT_TEST_TIMEOUT})
endfunction()
