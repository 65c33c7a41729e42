/*
 * The kernel that berth-init meets while it is fuzzed: files are buffers of their exact size, so
 * that the sanitizers see every byte too far, and what other calls answer is for the input to say.
 * It stands in the place of sys.c; everything else is berth-init's own source.
 */
#ifndef BERTH_FUZZ_KERNEL_H
#define BERTH_FUZZ_KERNEL_H

#include "sys.h"

/* Of the C library, whose headers know other structs of the same names. */
void *malloc(size_t size);
void free(void *memory);
_Noreturn void abort(void);
int dprintf(int fd, const char *format, ...);

/* What is left of the input. At its end numbers are 0. */
struct input {
    const uint8_t *at;
    size_t left;
};
extern struct input input;
uint8_t take_byte(void);
uint32_t take_number(void);

enum { MAX_FILES = 64, FILE_LIMIT = 96 << 20 };

/* A descriptor of a file or FIFO in memory. */
struct file {
    int open;
    int is_fifo;
    uint8_t *bytes; /* of a FIFO: what was written and not yet read */
    size_t size, room;
};
extern struct file files[MAX_FILES];

void file_open(int fd, int is_fifo);
void file_append(int fd, const void *bytes, size_t size);
void file_free_all(void);

/*
 * Runs berth-init's code from its fresh state until it returns, ends itself, or is killed;
 * `keeps` leaves its variables as an earlier call left them. Returns whether it came to its end.
 */
int run(void (*code)(void), int keeps);

/* After how many more calls it is killed; 0 is never. */
extern unsigned int kill_after;

/* What a target answers instead of the kernel; 0 leaves the call to the common ones. */
extern int (*answers)(long number, const long *arguments, long *result);

/* Fails the run: what the message says must always hold does not. */
_Noreturn void broken(const char *what);

#endif
