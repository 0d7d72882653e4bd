// What people and other programs do to the files of a store behind its back.
#pragma once

#include <cstdint>

namespace conduit::simulation {

// While nobody writes, and as far as the record knows the file. Kind 0: it ends before its recorded
// end. Kind 1, compressed: a byte before that is another, and its table is gone. Nothing is
// promised of its blobs then, and it is never written again.
void damage_mutable_file(std::uint64_t kind, std::uint64_t where);

// Beside a sealed plain file: whatever is put there stays as it is.
void put_foreign_file(std::uint64_t which);

}  // namespace conduit::simulation
