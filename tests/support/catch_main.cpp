// Catch2 2 compiled, with its main function. Catch2 3 brings both as a library.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
