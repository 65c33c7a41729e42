/* The pty's master: its output goes to the log or to a caller's FIFO, what is typed comes in. */
#ifndef BERTH_TERMINAL_H
#define BERTH_TERMINAL_H

#include "sys.h"

int terminal_exists(void);
void terminal_watch(int log_takes);
void terminal_serve(void);

/* Whether nothing typed before is still on its way. */
int terminal_takes_input(void);
/* Types what can be read from `fd` now: bytes, 0 at its end, or minus the errno. */
long terminal_type_from(int fd);
void terminal_type_end_of_file(void);

long terminal_resize(uint32_t rows, uint32_t columns);

/* Passes on what is left when the process has ended. */
void terminal_drain(void);

#endif
