/*
 * Attached clients: each gets copies of the output in pipes of its own, from the
 * moment on when it attached, and may feed the container's standard input.
 *
 * Copies are read from the spool, behind the log. A client that lags holds the
 * spool, and from LAG_LIMIT on the container's output, but only while it keeps
 * taking at least LEAST_RATE: else it is cut off, and the log goes on.
 *
 * A client's input moves by splice(2) from its pipe into the container's. With
 * STDIN_ONCE its end is the end of the container's input.
 */
#ifndef BERTH_ATTACH_H
#define BERTH_ATTACH_H

#include "log.h"

enum attached { ATTACH_STDIN = 1, ATTACH_STDOUT = 2, ATTACH_STDERR = 4 };

/* Begins; takes the descriptors only on success. 0 or minus the errno. */
long attach_begin(int client, uint32_t streams, int *fds, int count);

/* The client has gone; what it wrote still goes in. */
void attach_end(int client);

void attach_watch(void);
void attach_serve(void);

/* Hands over what is new. */
void attach_pump(int stream);

/* Whether a lagging client keeps the stream from being read on. */
int attach_blocks(int stream);

/* Milliseconds after which attach_serve wants to be called, or -1. */
int attach_retry_after(void);

/* Closes the container's standard input, for good unless it is a terminal. */
void attach_close_stdin(void);

/* Hands over the rest after the exit, for a limited time. */
void attach_finish(void);

#endif
