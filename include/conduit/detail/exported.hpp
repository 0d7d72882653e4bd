// Exports the symbols that the headers need from a shared library, even if all others are hidden.
#pragma once

#define CONDUIT_EXPORTED [[gnu::visibility("default")]]
