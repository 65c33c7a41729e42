#include "plan.h"

#include <linux/sched.h>
#include <linux/wait.h>

long registers[REGISTERS];
int sync_pair[2] = { -1, -1 };

static int in_data(const struct plan *plan, uint64_t offset, uint64_t size)
{
    return offset <= plan->data_size && size <= plan->data_size - offset;
}

static struct step *step_at(struct plan *plan, uint32_t index)
{
    return (struct step *)((char *)plan + plan->step_offset) + index;
}

static char *data_at(struct plan *plan, uint64_t offset)
{
    return (char *)plan + plan->data_offset + offset;
}

/* An errno that a step may name for its failure: EINTR would mean to try for ever. */
static int is_final(uint32_t error)
{
    return error > 0 && error < 4096 && error != EINTR;
}

static int valid_step(const struct plan *plan, const struct step *step, uint32_t index)
{
    if (step->op < OP_CALL || step->op > OP_SHOW || step->outcome_count > 4)
        return 0;
    if (step->target != NO_REGISTER && step->target >= REGISTERS)
        return 0;
    for (int i = 0; i < 6; i++) {
        if (step->kind[i] > ARG_REGISTER)
            return 0;
        if (step->kind[i] == ARG_DATA && !in_data(plan, step->argument[i], 0))
            return 0;
        if (step->kind[i] == ARG_REGISTER && step->argument[i] >= REGISTERS)
            return 0;
    }
    uint64_t rest = plan->step_count - index - 1;
    for (int i = 0; i < step->outcome_count; i++)
        if (step->outcome[i].skip != SKIP_RETRY && step->outcome[i].skip > rest)
            return 0;
    switch (step->op) {
    case OP_STORE:
    case OP_LOAD:
        return (step->argument[1] == 4 || step->argument[1] == 8) &&
               in_data(plan, step->argument[0], step->argument[1]);
    case OP_FAIL:
        return is_final(step->number);
    case OP_CHECK:
        return is_final(step->number) && in_data(plan, step->argument[0], step->argument[3]) &&
               in_data(plan, step->argument[1], step->argument[3]) &&
               in_data(plan, step->argument[2], step->argument[3]);
    case OP_CLONE:
        return step->flags <= CLONE_IS_INIT && step->argument[1] <= rest && in_data(plan, step->argument[0], sizeof(struct clone_args));
    case OP_EXEC:
        return step->flags <= EXEC_ASIDE && step->argument[1] < 65536 && step->argument[0] % 8 == 0 &&
               in_data(plan, step->argument[0], step->argument[1] * 8);
    case OP_SKIP:
        return step->number <= rest;
    case OP_WAIT:
        return step->argument[1] <= INT32_MAX;
    case OP_SEND_FD:
        return step->number < SLOT_COUNT && step->argument[0] < REGISTERS;
    default:
        return 1;
    }
}

/*
 * The parts follow one another without gap or overlap: what a step or a
 * relocation writes into the data can never change a step that was checked.
 */
static int valid_layout(const struct plan *plan, uint64_t file_size)
{
    uint64_t steps = sizeof(struct plan);
    uint64_t relocations = steps + (uint64_t)plan->step_count * sizeof(struct step);
    uint64_t data = relocations + (uint64_t)plan->relocation_count * sizeof(struct relocation);
    return plan->size == file_size && plan->step_offset == steps &&
           plan->relocation_offset == relocations && plan->data_offset == data &&
           data + plan->data_size == file_size;
}

static int valid(struct plan *plan, uint64_t file_size)
{
    if (plan->magic != PLAN_MAGIC || plan->version != PLAN_VERSION ||
        !valid_layout(plan, file_size) || plan->fd_count > REGISTERS)
        return 0;
    for (int i = 0; i < SLOT_COUNT; i++)
        if (plan->slot[i] != NO_REGISTER && plan->slot[i] >= REGISTERS)
            return 0;
    uint64_t init_end = 0; /* only the container's process asks and executes */
    for (uint32_t i = 0; i < plan->step_count; i++) {
        const struct step *step = step_at(plan, i);
        if (!valid_step(plan, step, i))
            return 0;
        if (step->op == OP_CLONE && step->flags == CLONE_IS_INIT)
            init_end = i + 1 + step->argument[1];
        if ((step->op == OP_ASK || step->op == OP_EXEC || step->op == OP_SHOW) && i >= init_end)
            return 0;
    }
    return 1;
}

static int relocate(struct plan *plan)
{
    struct relocation *relocation =
        (struct relocation *)((char *)plan + plan->relocation_offset);
    for (uint32_t i = 0; i < plan->relocation_count; i++, relocation++) {
        if (relocation->at % 8 || !in_data(plan, relocation->at, 8) ||
            !in_data(plan, relocation->target, 0))
            return 0;
        *(uint64_t *)data_at(plan, relocation->at) =
            (uint64_t)(uintptr_t)data_at(plan, relocation->target);
    }
    return 1;
}

struct plan *plan_map(int memfd, int *error)
{
    enum { SEEK_END = 2, PROT_READ_WRITE = 3, MAP_SHARED = 1 };
    long size = sys3(__NR_lseek, memfd, 0, SEEK_END);
    *error = EPROTO;
    if (FAILED(size) || (size_t)size < sizeof(struct plan) || size > 64L << 20)
        return NULL;
    long address = sys6(__NR_mmap, 0, size, PROT_READ_WRITE, MAP_SHARED, memfd, 0);
    if (FAILED(address)) {
        *error = (int)-address;
        return NULL;
    }
    struct plan *plan = (struct plan *)address;
    if (!valid(plan, (uint64_t)size) || !relocate(plan)) {
        sys2(__NR_munmap, address, size);
        return NULL;
    }
    plan->phase = PHASE_PREPARING;
    plan->failed_step = 0;
    plan->failed_errno = 0;
    for (int i = 0; i < REGISTERS; i++)
        registers[i] = -1;
    return plan;
}

static long argument(struct plan *plan, const struct step *step, int index)
{
    switch (step->kind[index]) {
    case ARG_DATA:
        return (long)(uintptr_t)data_at(plan, step->argument[index]);
    case ARG_REGISTER:
        return registers[step->argument[index]];
    default:
        return (long)step->argument[index];
    }
}

/* Asks the stub and waits; descriptors that come with the answer land in registers. */
static long ask(int sync, uint32_t question, uint32_t offset, uint32_t size)
{
    struct sync_message message = { .kind = SYNC_ASK, .a = question, .b = offset, .c = size };
    int fds[MAX_FDS], count;
    if (sync < 0)
        return -ENOTCONN;
    long result = send_message(sync, &message, sizeof message, NULL, 0);
    if (FAILED(result))
        return result;
    result = receive_message(sync, &message, sizeof message, fds, &count);
    if (result != (long)sizeof message || message.kind != SYNC_ANSWER)
        die(1); /* the stub is gone or gave up: nobody is left to tell */
    for (int i = 0; i < count; i++)
        registers[message.registers[i] % REGISTERS] = fds[i];
    return message.a ? -(long)message.a : 0;
}

static long call(struct plan *plan, const struct step *step)
{
    return sys(step->number, argument(plan, step, 0), argument(plan, step, 1),
               argument(plan, step, 2), argument(plan, step, 3), argument(plan, step, 4),
               argument(plan, step, 5));
}

static long store(struct plan *plan, const struct step *step)
{
    char *at = data_at(plan, step->argument[0]);
    uint64_t value = (uint64_t)argument(plan, step, 2);
    memcpy(at, &value, step->argument[1]);
    return 0;
}

static long load(struct plan *plan, const struct step *step)
{
    uint64_t value = 0;
    memcpy(&value, data_at(plan, step->argument[0]), step->argument[1]);
    return (long)value;
}

static long check(struct plan *plan, const struct step *step)
{
    const char *actual = data_at(plan, step->argument[0]);
    const char *wanted = data_at(plan, step->argument[1]);
    const char *mask = data_at(plan, step->argument[2]);
    for (uint64_t i = 0; i < step->argument[3]; i++)
        if ((actual[i] ^ wanted[i]) & mask[i])
            return -(long)step->number;
    return 0;
}

/* Tries each path as execvp does: what is missing is passed over, "denied" is remembered. */
static long execute(struct plan *plan, const struct step *step)
{
    char **paths = (char **)data_at(plan, step->argument[0]);
    long result = -ENOENT;
    if (step->flags != EXEC_ASIDE)
        plan->phase = PHASE_EXECUTING;
    for (uint64_t i = 0; i < step->argument[1]; i++) {
        long error = sys3(__NR_execve, paths[i], argument(plan, step, 2), argument(plan, step, 3));
        if (error == -EACCES)
            result = error;
        else if (error != -ENOENT && error != -ENOTDIR)
            return error;
    }
    return result;
}

/* A plan may make namespaces and siblings; the child never shares memory with this program. */
static int valid_clone(const struct clone_args *args)
{
    const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    const uint64_t allowed = namespaces | CLONE_PARENT | CLONE_INTO_CGROUP;
    return !(args->flags & ~allowed) && !args->stack && !args->stack_size && !args->set_tid_size;
}

/*
 * The parent goes on with the child's pid; the child runs its steps and never
 * returns from here.
 */
static long clone_process(struct plan *plan, const struct step *step, uint32_t index, int sync)
{
    int pidfd = -1;
    struct clone_args args;
    memcpy(&args, data_at(plan, step->argument[0]), sizeof args);
    if (!valid_clone(&args))
        return -EINVAL;
    args.flags |= CLONE_PIDFD;
    args.pidfd = (uint64_t)(uintptr_t)&pidfd;
    long pid = sys2(__NR_clone3, &args, sizeof args);
    if (FAILED(pid))
        return pid;
    if (pid == 0) {
        int mine = sync >= 0 ? sync : sync_pair[1];
        if (sync < 0)
            sys1(__NR_close, sync_pair[0]);
        plan_run(plan, index + 1, (uint32_t)step->argument[1], mine);
        die(0);
    }
    if (!(step->flags & CLONE_IS_INIT)) {
        sys1(__NR_close, pidfd);
        if (sync < 0)
            stub_set_helper((int)pid);
    } else if (sync < 0) {
        stub_set_init((int)pid, pidfd);
    } else {
        struct sync_message message = { .kind = SYNC_INIT, .a = (uint32_t)pid };
        long sent = send_message(sync, &message, sizeof message, &pidfd, 1);
        sys1(__NR_close, pidfd);
        if (FAILED(sent))
            return sent;
    }
    return pid;
}

static long send_fd(const struct step *step, int sync)
{
    struct sync_message message = { .kind = SYNC_FD, .a = step->number };
    int fd = (int)registers[step->argument[0]];
    long result = send_message(sync, &message, sizeof message, &fd, 1);
    return FAILED(result) ? result : 0;
}

static int ends_within(long pid, int64_t milliseconds)
{
    struct timespec limit = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
    long pidfd = sys2(__NR_pidfd_open, pid, 0);
    struct pollfd end = { (int)pidfd, POLLIN, 0 };
    if (FAILED(pidfd))
        return 0;
    long ready = sys5(__NR_ppoll, &end, 1, &limit, 0, 8);
    sys1(__NR_close, pidfd);
    return ready == 1;
}

/* Only of a child of its own does this program wait, and only a child does it kill. */
static long wait_for(struct plan *plan, const struct step *step)
{
    long pid = argument(plan, step, 0);
    int status = 0, late;
    if (pid <= 1 || pid > INT32_MAX)
        return -ECHILD;
    long child = sys5(__NR_waitid, P_PID, pid, NULL, WEXITED | WNOHANG | WNOWAIT | __WALL, 0);
    if (FAILED(child))
        return child;
    late = !ends_within(pid, argument(plan, step, 1));
    if (late) {
        sys2(__NR_kill, -pid, 9);
        sys2(__NR_kill, pid, 9); /* it may not lead a group yet */
    }
    long reaped = sys4(__NR_wait4, pid, &status, __WALL, 0);
    if (FAILED(reaped))
        return reaped;
    if (late)
        return -ETIMEDOUT;
    if (status & 0x7f)
        return -(WAIT_SIGNALED + (status & 0x7f));
    status = status >> 8 & 0xff;
    return status ? -(WAIT_EXITED + status) : 0;
}

#ifndef LISTENER_LOOKS
#define LISTENER_LOOKS (1UL << 31) /* a minute, about */
#endif

static void relax(void)
{
#ifdef __x86_64__
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

/*
 * Behind a seccomp filter no system call can be counted on, not even one to wait
 * with: so this looks at memory until somebody has taken the listener.
 */
static long show(struct plan *plan, long listener)
{
    __atomic_store_n(&plan->listener, (uint32_t)listener + 1, __ATOMIC_RELEASE);
    for (uint64_t looks = 0; looks < LISTENER_LOOKS; looks++) {
        uint32_t now = __atomic_load_n(&plan->listener, __ATOMIC_ACQUIRE);
        if (now >= LISTENER_LOST)
            return now == LISTENER_TAKEN ? 0 : -EIO;
        relax();
    }
    return -ETIMEDOUT;
}

static long perform(struct plan *plan, const struct step *step, uint32_t index, int sync)
{
    switch (step->op) {
    case OP_CALL:
        return call(plan, step);
    case OP_STORE:
        return store(plan, step);
    case OP_LOAD:
        return load(plan, step);
    case OP_CHECK:
        return check(plan, step);
    case OP_ASK:
        return ask(sync, step->number, (uint32_t)step->argument[0], (uint32_t)step->argument[1]);
    case OP_CLONE:
        return clone_process(plan, step, index, sync);
    case OP_SEND_FD:
        return send_fd(step, sync);
    case OP_EXEC:
        return execute(plan, step);
    case OP_SKIP:
        return 0;
    case OP_WAIT:
        return wait_for(plan, step);
    case OP_SHOW:
        return show(plan, argument(plan, step, 0));
    default:
        return -(long)step->number;
    }
}

/*
 * Registers hold descriptors. One that gets a new one lets go of the old, or a
 * container of many mounts would need more than its limit.
 */
static void keep_result(const struct step *step, long result)
{
    long before = registers[step->target];
    registers[step->target] = result;
    if (step->op == OP_CALL && before >= 0 && before != result)
        sys1(__NR_close, before);
}

static void forget_closed(const struct step *step)
{
    if (step->op == OP_CALL && step->number == __NR_close && step->kind[0] == ARG_REGISTER)
        registers[step->argument[0]] = -1;
}

static const struct outcome *outcome_for(const struct step *step, long error)
{
    for (int i = 0; i < step->outcome_count; i++)
        if (step->outcome[i].error == error)
            return &step->outcome[i];
    return NULL;
}

long plan_run(struct plan *plan, uint32_t first, uint32_t count, int sync)
{
    for (uint32_t i = first; i < first + count; i++) {
        const struct step *step = step_at(plan, i);
        const struct outcome *outcome;
        long result;
        int tries = 0;
        do {
            result = perform(plan, step, i, sync);
            outcome = outcome_for(step, FAILED(result) ? -result : 0);
        } while (result == -EINTR ||
                 (outcome && outcome->skip == SKIP_RETRY && ++tries < RETRY_LIMIT));
        if (FAILED(result) && (!outcome || outcome->skip == SKIP_RETRY)) {
            if (!plan->failed_step) { /* else what failed is a child that this one waited for */
                plan->failed_errno = (uint32_t)-result;
                plan->failed_step = i + 1;
            }
            if (sync >= 0)
                die(1);
            return result;
        }
        if (step->target != NO_REGISTER && !FAILED(result))
            keep_result(step, result);
        forget_closed(step);
        if (step->op == OP_CLONE)
            i += (uint32_t)step->argument[1];
        else if (step->op == OP_SKIP)
            i += step->number;
        else if (outcome)
            i += outcome->skip;
    }
    return 0;
}
