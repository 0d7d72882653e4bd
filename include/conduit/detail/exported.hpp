// Marks what the headers need from a shared library, also where everything else is hidden.
#pragma once

#define CONDUIT_EXPORTED [[gnu::visibility("default")]]
