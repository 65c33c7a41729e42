/* SHA-256 (FIPS 180-4), of short texts. */
#ifndef BERTH_SHA256_H
#define BERTH_SHA256_H

#include "sys.h"

enum { SHA256_BYTES = 32, SHA256_LONGEST = 4096 };

/* The text has at most SHA256_LONGEST bytes. */
void sha256(const void *text, size_t size, uint8_t digest[SHA256_BYTES]);

#endif
