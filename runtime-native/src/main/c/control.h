/*
 * The stub's control sockets: the one it was started with and those accepted on
 * the task's named socket.
 *
 * A message is four numbers and, for some, bytes and descriptors. Kinds are only
 * ever added: a stub answers ENOSYS to one it does not know. PROTOCOL_VERSION, told
 * in FROM_STATE, is raised when a kind changes its meaning. Kinds below 64 go to
 * the stub. dev.berth.runtime.task.StubMessage is the other side.
 */
#ifndef BERTH_CONTROL_H
#define BERTH_CONTROL_H

#include "sys.h"

enum { BOOT_FD = 3, PROTOCOL_VERSION = 1, MAX_CLIENTS = 32, MESSAGE_BYTES = 65536 };

enum kind {
    TO_PLAN = 1,         /* fds: memfd, then the plan's descriptors */
    TO_ANSWER = 2,       /* a errno (0 goes on), b descriptors, c patches */
    TO_START = 16,       /* open the gate; answered when the exec has happened */
    TO_REOPEN_LOG = 17,  /* fd: the new file; none: output is dropped */
    TO_RESIZE = 18,      /* a rows, b columns */
    TO_CLOSE_STDIN = 19, /* the process reads end of file */
    TO_STATE = 20,
    TO_DESCRIPTORS = 21, /* answered with the pidfd and, with a terminal, its master */
    TO_ABORT = 22,       /* before start only: ends process and stub */
    TO_ATTACH = 23,      /* a streams (enum attached); fds: a pipe's end for each */
    TO_RELEASE = 24,     /* open the gate and leave the process to its reaper: at once, or (a) after its exec */
    FROM_ASK = 64,       /* a question, b pid of the asker */
    FROM_CREATED = 65,   /* a pid; fds: pidfd, master */
    FROM_FAILED = 66,    /* a step + 1, b errno */
    FROM_STARTED = 67,
    FROM_EXITED = 68, /* a code as of waitid, b status */
    FROM_OK = 69,
    FROM_ERROR = 70,       /* a errno */
    FROM_STATE = 71,       /* a phase, b pid, c version of this protocol */
    FROM_DESCRIPTORS = 72, /* a pid; fds as with FROM_CREATED */
    FROM_STDIN_CLOSED = 73, /* unasked, to those who asked for descriptors */
    FROM_DETACHED = 74,     /* unasked: a errno for which an attachment was cut off */
    FROM_LISTENER = 75      /* to who starts the process; fd: the listener of its seccomp filter */
};

struct message {
    uint32_t kind, a, b, c;
    uint8_t bytes[MESSAGE_BYTES];
};
enum { HEAD = 16 };

/* One buffer for all: a message is dealt with before the next is received. */
extern struct message message;

void control_open(void);
void control_watch(void);
void control_serve(void);

/* These drop a client that does not take what it is sent; a client below 0 is nobody. */
void reply(int client, uint32_t kind, uint32_t a, uint32_t b, uint32_t c);
long reply_descriptors(int client, uint32_t kind);
long reply_descriptor(int client, uint32_t kind, int fd);

void control_drop(int client);

/* Tells all who follow the process, or, with the exit, everyone who is connected. */
void control_tell_followers(uint32_t kind);
void control_tell_all(uint32_t kind, uint32_t a, uint32_t b, uint32_t c);

#endif
