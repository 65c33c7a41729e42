/*
 * The container's process and the stub's talk with it while it is being made:
 * questions passed on to Java, the start gate, the end before the exec.
 */
#ifndef BERTH_PROCESS_H
#define BERTH_PROCESS_H

#include "sys.h"

/* Runs the plan's steps, which clone the process. */
void process_make(void);

void process_watch(void);
void process_serve(void);

/* Milliseconds until process_serve is to be called without cause; -1 for never. */
int process_retry_after(void);

/* Opens the start gate for `client`, which is answered when the exec has happened. */
void process_start(int client);
void process_forget_starter(int client);

/*
 * Opens the start gate and ends this program, so that the process gets another parent: the
 * nearest subreaper. At once, for a process that waits at a gate of its own, or when its exec
 * has happened or failed.
 */
void process_release(int client, int after_exec);

/* Waits for the process's end; `options` beside WEXITED. `info` is a siginfo_t or NULL. */
void process_wait(int *info, int options);

/* Tells whoever waits for the exec that the process ended before it. */
void process_report_end(void);

/*
 * Reaps all that was made, the process being dead or killed. A helper is killed;
 * a sibling that it has cloned but not announced is known by nobody, and ends
 * when it finds its socket closed.
 */
void process_reap_all(void);

void report_failure(int client);

/* Before start a failure is final: nothing of the container must stay. */
_Noreturn void give_up(void);

#endif
