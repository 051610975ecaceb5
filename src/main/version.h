/* The version of this souk, as `souk version`, the API document and the log of a start say it. */
#pragma once

#define SOUK_VERSION "0.1.0"
