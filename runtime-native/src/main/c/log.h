/*
 * Copies a container's output into its CRI log so that no byte is lost or
 * doubled, whoever is killed and when.
 *
 * Bytes move FIFO -> spool -> log. The first move is one splice(2): the kernel
 * takes the bytes out of the FIFO and puts them into the spool (a file on
 * tmpfs) with nothing in between, so what has left the FIFO is in the spool's
 * size. The second move writes whole lines at a known offset of the log and
 * then records, in the mapped journal, how far spool and log have come. A
 * successor that maps the same journal writes the unrecorded rest again, at
 * the same offset. What is drained is cut off the spool.
 *
 * A line is `RFC3339Nano stream tag content`: tag F for one that ended, P for a
 * piece of one that is longer than LINE_LIMIT or that the end of output cut.
 */
#ifndef BERTH_LOG_H
#define BERTH_LOG_H

#include "sys.h"

enum { OUT = 0, ERR = 1, STREAMS = 2, LINE_LIMIT = 16384 };

enum { JOURNAL_MAGIC = 0x4c4a5242, JOURNAL_VERSION = 1 };

struct journal_slot {
    uint64_t done[STREAMS]; /* bytes of each spool that stand in the log */
    uint64_t log_size;      /* bytes of the log that are whole lines of ours */
    uint64_t dropped;       /* bytes given up because the log could not be written */
    uint64_t reported;      /* of these, how many a line in the log accounts for */
};

struct journal {
    uint32_t magic;
    uint32_t version;
    uint32_t active; /* which slot is true; flipped by one store */
    uint32_t resetting[STREAMS]; /* the spool is drained and being cut to nothing */
    uint32_t stdin_state; /* set when the task is created; see enum stdin_state */
    uint64_t log_device; /* of the log file the sizes speak of */
    uint64_t log_inode;
    struct journal_slot slot[2];
};

/* What becomes of a standard input that clients may feed: it outlives a killed stub. */
enum stdin_state { STDIN_NONE = 0, STDIN_OPEN = 1, STDIN_ONCE = 2, STDIN_CLOSED = 3 };

/* Takes over descriptors (-1 for none) and the state in the journal. 0 or -errno. */
long log_open(const int fifo[STREAMS], const int spool[STREAMS], int log, int journal);

/* Moves what is there now. Returns 1 if there may be more at once, else 0. Never waits. */
int log_pump(int stream);

/*
 * Takes what stands in both streams now, and no more: whoever goes on writing
 * after the container has ended cannot hold up its exit. What does not end in a
 * newline becomes a P line.
 */
void log_finish(void);

/* Goes on in another file (-1: nowhere), which must be empty or new. Whole lines only. */
long log_reopen(int log);

/* Milliseconds after which log_pump should be tried again although nothing came, or -1. */
int log_retry_after(void);

int log_is_open(void);

/* The length of all output so far, in bytes: where the next byte will stand. */
uint64_t log_position(int stream);

/* Reads what stands at a position: bytes, 0 at the end, -ESTALE if it is not kept any more. */
long log_read(int stream, uint64_t position, void *to, size_t size);

/* Makes the spool keep what stands at a position and behind it; UINT64_MAX keeps nothing. */
void log_keep(int stream, uint64_t position);

enum stdin_state log_stdin_state(void);
void log_set_stdin_closed(void);

/* Copies from pipe ends with an end of file, until both have ended: as a log, or byte for byte. */
void log_plain(int log, const int input[STREAMS]);
void log_copy(int file, const int input[STREAMS]);

#endif
