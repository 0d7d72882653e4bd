"""A process of the Python original beside the store under test, as far as a plain store is concerned: the same library takes the lock,
the same rules choose the file, the same calls append. It obeys one command a line on its standard input and answers each with one line.

usage: original.py DIRECTORY LOCK_FILE MAX_FILE_SIZE

  put SEED SIZE               -> FILE START END      under the lock, as its put
  get FILE START END SEED     -> right | wrong       under the shared lock, as its get of the mutable file
  lock                        -> SECONDS             takes the lock and keeps it; how long that took
  append SEED SIZE            -> FILE START END      under the lock that is kept
  unlock                      -> unlocked
  try                         -> free | held         asks for the lock without waiting, and does not keep it
  wait COUNT PAUSE_MS         -> SECONDS SECONDS...  takes the lock COUNT times and releases it at once, with pauses between
"""

import os
import sys
import time

import fasteners

MASK = (1 << 64) - 1


def bytes_of(seed, size):
    """The bytes that tests/support/bytes.cpp makes from the seed: SplitMix64."""
    words = []
    state = seed
    for _ in range((size + 7) // 8):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        words.append((mixed ^ (mixed >> 31)).to_bytes(8, "little"))
    return b"".join(words)[:size]


class Original:
    def __init__(self, directory, lock_file, max_file_size):
        self.directory = directory
        self.max_file_size = max_file_size
        self.lock = fasteners.InterProcessReaderWriterLock(lock_file)
        os.makedirs(directory, exist_ok=True)
        with self.lock.write_lock():
            # At every start, whatever other files there are.
            if not os.path.exists(self.path(0)):
                with open(self.path(0), "ab") as file:
                    os.fsync(file.fileno())
        with self.lock.read_lock():
            # Any name that is not a data file's fails here, as in the original.
            self.number = max(self.number_of(name) for name in os.listdir(directory) if not name.endswith(".lock"))

    def path(self, number):
        return os.path.join(self.directory, "data_%08d.dat" % number)

    @staticmethod
    def number_of(name):
        return int(name.removeprefix("data_").removesuffix(".dat"))

    def is_full(self):
        return os.path.getsize(self.path(self.number)) >= self.max_file_size

    def leave_full_file(self):
        """It leaves its file only when that is full, for the next one that is missing or not full."""
        if not self.is_full():
            return
        while True:
            self.number += 1
            if not os.path.exists(self.path(self.number)):
                open(self.path(self.number), "wb").close()
                return
            if not self.is_full():
                return

    def append(self, data):
        """Under the lock."""
        self.leave_full_file()
        with open(self.path(self.number), "ab") as file:
            start = file.tell()
            file.write(data)
            end = file.tell()
        return "%d %d %d" % (self.number, start, end)

    def put(self, data):
        with self.lock.write_lock():
            return self.append(data)

    def get(self, number, start, end):
        with self.lock.read_lock():
            with open(self.path(number), "rb") as file:
                file.seek(start)
                return file.read(end - start)

    def seconds_for_lock(self):
        begun = time.monotonic()
        self.lock.acquire_write_lock()
        return "%.6f" % (time.monotonic() - begun)

    def waits(self, count, pause_ms):
        seconds = []
        for _ in range(count):
            time.sleep(pause_ms / 1000)
            seconds.append(self.seconds_for_lock())
            self.lock.release_write_lock()
        return " ".join(seconds)

    def obey(self, command, *words):
        numbers = [int(word) for word in words]
        if command == "put":
            return self.put(bytes_of(*numbers))
        if command == "get":
            number, start, end, seed = numbers
            return "right" if self.get(number, start, end) == bytes_of(seed, end - start) else "wrong"
        if command == "lock":
            return self.seconds_for_lock()
        if command == "append":
            return self.append(bytes_of(*numbers))
        if command == "unlock":
            self.lock.release_write_lock()
            return "unlocked"
        if command == "try":
            if not self.lock.acquire_write_lock(blocking=False):
                return "held"
            self.lock.release_write_lock()
            return "free"
        if command == "wait":
            return self.waits(*numbers)
        raise ValueError("no such command: " + command)


if __name__ == "__main__":
    original = Original(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    print("ready", flush=True)
    for line in sys.stdin:
        print(original.obey(*line.split()), flush=True)
