/*
 * What the parts of a running stub share: the plan, the descriptors it works
 * with, the process, and the one loop that waits for all of them.
 */
#ifndef BERTH_STUB_H
#define BERTH_STUB_H

#include "log.h"
#include "plan.h"

/* What stands in the exit record: 64 bytes, all zero until the end. */
struct exit_record {
    uint32_t magic;
    uint32_t version;
    uint32_t code;   /* CLD_EXITED, CLD_KILLED or CLD_DUMPED */
    uint32_t status; /* exit code or signal */
    uint32_t pid;
    uint32_t adopted; /* not the parent: code and status are not known */
    uint64_t seconds, nanoseconds;
    uint64_t reserved[3];
};
enum { EXIT_MAGIC = 0x54495845 };

extern struct plan *plan;
extern int slots[SLOT_COUNT];

void close_slot(int slot);

/* The process: `adopted` when another stub, which was killed, was its parent. */
struct process {
    int pid, pidfd;
    int adopted;
    int started;
};
extern struct process process;

/* Adds a descriptor (none if below 0) to what the loop waits for; poll_result wants the answer. */
int poll_add(int fd, short events);
short poll_result(int entry);

void name_process(void);
void block_signals(void);

/* Runs a container from its plan to its exit record. */
_Noreturn void run_container(void);

#endif
