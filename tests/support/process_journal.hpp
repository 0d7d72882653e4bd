// What several processes did to one store, in memory that survives each of them: every acknowledged
// blob, every deletion that was begun or acknowledged, and what went wrong.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <conduit/data_location.hpp>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "support/shared_memory.hpp"

namespace conduit::test {

struct stored_blob {
  std::uint64_t seed = 0;  // of its bytes (bytes_of)
  data_location where;
};

class process_journal {
 public:
  explicit process_journal(std::size_t blobs_max) : entries_(blobs_max), deletions_(files_max) {}

  // After the acknowledgement. A process that is killed in here leaves an entry that counts for
  // nothing.
  void acknowledged(const stored_blob& blob) {
    const std::uint64_t index = shared_->reserved.fetch_add(1);
    if (index >= entries_.size()) return failed("the journal is full");
    entries_[index].blob = blob;
    entries_[index].complete.store(true, std::memory_order_release);
    raise(shared_->highest_file, blob.where.file_number);
  }
  // Before the call that deletes.
  void begin_deletion(std::uint32_t file) { deletions_[file].begun.fetch_add(1); }
  void deletion_acknowledged(std::uint32_t file) { deletions_[file].acknowledged = true; }
  // How many calls have begun to delete the file, and whether one of them has told that it is gone.
  std::uint32_t deletions_begun(std::uint32_t file) const { return deletions_[file].begun; }
  bool deleted(std::uint32_t file) const { return deletions_[file].acknowledged; }

  // Any process may report; the first few are kept whole.
  void failed(const std::string& what) {
    const std::uint32_t index = shared_->failures.fetch_add(1);
    if (index >= texts_max) return;
    auto& text = shared_->texts[index];
    std::memcpy(text.data(), what.data(), std::min(what.size(), text.size() - 1));
  }
  // Each of these is for when nobody writes any more.
  std::vector<std::string> failures() const {
    std::vector<std::string> all;
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(shared_->failures, texts_max); ++i)
      all.emplace_back(shared_->texts[i].data());
    if (shared_->failures > texts_max)
      all.push_back("and " + std::to_string(shared_->failures - texts_max) + " more");
    return all;
  }
  std::vector<stored_blob> blobs() const {
    std::vector<stored_blob> all;
    for (std::uint64_t i = 0; i < reserved(); ++i) {
      if (const auto blob = at(i)) all.push_back(*blob);
    }
    return all;
  }

  // Entries so far, those that are not complete included.
  std::uint64_t reserved() const {
    return std::min<std::uint64_t>(shared_->reserved, entries_.size());
  }
  std::optional<stored_blob> at(std::uint64_t index) const {
    if (!entries_[index].complete.load(std::memory_order_acquire)) return std::nullopt;
    return entries_[index].blob;
  }
  // The highest file an acknowledged blob lies in: all lower ones are sealed.
  std::uint32_t highest_file() const { return shared_->highest_file; }

 private:
  static constexpr std::size_t files_max = 1U << 22U;
  static constexpr std::uint32_t texts_max = 8;

  struct entry {
    std::atomic<bool> complete;
    stored_blob blob;
  };
  struct deletion {
    std::atomic<std::uint32_t> begun;
    std::atomic<bool> acknowledged;
  };
  struct totals {
    std::atomic<std::uint64_t> reserved;
    std::atomic<std::uint32_t> highest_file;
    std::atomic<std::uint32_t> failures;
    std::array<std::array<char, 240>, texts_max> texts;
  };

  static void raise(std::atomic<std::uint32_t>& value, std::uint32_t to) {
    std::uint32_t now = value;
    while (now < to && !value.compare_exchange_weak(now, to)) {
    }
  }

  shared_memory<totals> shared_;
  shared_memory<entry> entries_;
  shared_memory<deletion> deletions_;
};

}  // namespace conduit::test
