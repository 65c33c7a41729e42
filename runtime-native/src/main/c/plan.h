/*
 * The launch plan: what Java compiled, as berth-init executes it.
 *
 * A plan is one block in a memfd that Java wrote and both the stub and the
 * process it clones map shared. It holds a header, fixed-size steps and data.
 * Every offset and count is checked before the first step runs; nothing in it
 * is text to be parsed. Layout changes raise PLAN_VERSION on both sides
 * (dev.berth.runtime.plan.PlanEncoder is the other one).
 */
#ifndef BERTH_PLAN_H
#define BERTH_PLAN_H

#include "sys.h"

enum {
    PLAN_MAGIC = 0x4e4c5042, /* "BPLN" */
    PLAN_VERSION = 1,
    REGISTERS = 96,
    NO_REGISTER = 0xff,
};

enum op {
    OP_CALL = 1,     /* system call `number` with six arguments */
    OP_STORE = 2,    /* data[argument 0] = register argument 2, of argument 1 bytes */
    OP_LOAD = 3,     /* target = data[argument 0], of argument 1 bytes */
    OP_CHECK = 4,    /* data[a0] under the mask data[a2] must equal data[a1], a3 bytes; else errno `number` */
    OP_ASK = 5,      /* ask Java question `number` with data[a0], a1 bytes; go on when it answered */
    OP_CLONE = 6,    /* clone3 of data[a0]; the child runs the next a1 steps, the parent skips them */
    OP_SEND_FD = 7,  /* hand register a0 to the stub as its descriptor `number` (see slot) */
    OP_EXEC = 8,     /* execve of each of the a1 paths at data[a0], argv data[a2], envp data[a3] */
    OP_SKIP = 9,     /* skip `number` steps */
    OP_FAIL = 10,    /* fail with errno `number` */
    OP_WAIT = 11,    /* wait for child a0, at most a1 milliseconds; see WAIT_EXITED */
    OP_SHOW = 12,    /* show seccomp listener a0 in the plan, and wait until it was taken */
};

/* Flag of OP_CLONE: the child is the container's (or exec's) process. */
enum { CLONE_IS_INIT = 1 };
/* Flag of OP_EXEC: the program runs beside the process that this is all about. */
enum { EXEC_ASIDE = 1 };

/*
 * How OP_WAIT fails, as an errno: above all of the kernel's stand the exit code
 * and the signal. A child that takes too long is killed with its process group,
 * and that is ETIMEDOUT.
 */
enum { WAIT_EXITED = 1024, WAIT_SIGNALED = 2048 };

/* How an argument is given. */
enum { ARG_VALUE = 0, ARG_DATA = 1, ARG_REGISTER = 2 };

/* Questions of OP_ASK. The stub answers START by itself once it was told to start. */
enum {
    ASK_START = 1,
    ASK_ID_MAPS = 2,
    ASK_CREATE_HOOKS = 3,
    ASK_CREATED_STATE = 4,
    ASK_COPY_UP = 5,
    ASK_NET_DEVICES = 6,
};

/* What to do when a call ends with an errno (0 is success): skip steps, or retry. */
enum { SKIP_RETRY = 0xffff, RETRY_LIMIT = 128 };

struct outcome {
    uint16_t error;
    uint16_t skip;
};

struct step {
    uint8_t op;
    uint8_t flags;
    uint8_t target;
    uint8_t outcome_count;
    uint32_t number;
    uint8_t kind[6];
    uint8_t reserved[2];
    uint64_t argument[6];
    struct outcome outcome[4];
};

struct relocation {
    uint32_t at;     /* eight bytes of data that become an address */
    uint32_t target; /* offset in data that they point to */
};

/* Descriptors the stub itself works with; a slot holds the register it starts in. */
enum slot {
    SLOT_LISTENER,    /* control socket, listening */
    SLOT_EXIT_RECORD, /* written once, at the end */
    SLOT_JOURNAL,     /* mapped: how far the log has come */
    SLOT_OUT,         /* stdout FIFO, O_RDWR */
    SLOT_ERR,         /* stderr FIFO, O_RDWR */
    SLOT_OUT_SPOOL,
    SLOT_ERR_SPOOL,
    SLOT_LOG,
    SLOT_STDIN,      /* terminal: read end, copied to the master; else a write end held open */
    SLOT_RAW_OUT,    /* terminal without a log: where the output goes */
    SLOT_MASTER,     /* pty master, sent by the child */
    SLOT_INIT,       /* pidfd of the process when the stub adopts instead of cloning */
    SLOT_COUNT = 16,
};

struct plan {
    uint32_t magic;
    uint16_t version;
    uint16_t fd_count; /* descriptors that come with the plan, into registers 0.. */
    uint32_t size;
    uint32_t step_offset;
    uint32_t step_count;
    uint32_t relocation_offset;
    uint32_t relocation_count;
    uint32_t data_offset;
    uint32_t data_size;
    uint8_t slot[SLOT_COUNT];
    uint32_t init_pid; /* when adopting */
    /* Written by the processes, read by Java even after all of them died. */
    uint32_t phase;
    uint32_t failed_step; /* one more than the index of the first that failed; 0 is no failure */
    uint32_t failed_errno;
    uint32_t listener; /* see LISTENER_NONE; steps follow aligned to eight bytes */
};

/* Where a seccomp listener is: to be made, or one more than its number, or out of reach, or taken. */
enum { LISTENER_NONE = 0 };
#define LISTENER_LOST 0xfffffffdU
#define LISTENER_EXPECTED 0xfffffffeU
#define LISTENER_TAKEN 0xffffffffU

enum phase { PHASE_PREPARING = 0, PHASE_CREATED = 1, PHASE_EXECUTING = 2 };

/* Maps and checks a plan; NULL and *error set when it is not one. */
struct plan *plan_map(int memfd, int *error);

/*
 * Runs steps [first, first + count) in this process. `sync` is the socket to the
 * stub for a cloned process and -1 in the stub. Returns when all ran; a failing
 * step is recorded in the plan and ends a cloned process.
 * In the stub the result is 0, or minus the errno of the failed step.
 */
long plan_run(struct plan *plan, uint32_t first, uint32_t count, int sync);

extern long registers[REGISTERS];

/* Called in the stub when OP_CLONE made the container's process. */
void stub_set_init(int pid, int pidfd);
/* The same for a process that only clones the container's, as its sibling. */
void stub_set_helper(int pid);
/* Called before OP_CLONE: the two ends of the child's socket. */
extern int sync_pair[2];

/* Messages on the child's socket. */
enum { SYNC_ASK = 1, SYNC_ANSWER = 2, SYNC_FD = 3, SYNC_INIT = 4 };
struct sync_message {
    uint32_t kind;
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint8_t registers[MAX_FDS];
};

#endif
