#include "process.h"

#include "control.h"
#include "stub.h"

#include <linux/wait.h>

struct process process = { .pidfd = -1 };

static int sync_socket = -1;
static int helper_pid; /* entered namespaces on the way to the process; ends by itself */
static int gate_waiting, starter = -1;
static int started_early; /* told to start before the gate was reached */
static int released; /* this program ends when the exec has happened */
static int sync_entry;

void stub_set_init(int pid, int pidfd)
{
    process.pid = pid;
    process.pidfd = pidfd;
}

void stub_set_helper(int pid)
{
    helper_pid = pid;
}

static void reap_helper(void)
{
    if (helper_pid)
        sys4(__NR_wait4, helper_pid, 0, 0, 0);
    helper_pid = 0;
}

void process_wait(int *info, int options)
{
    sys5(__NR_waitid, 3 /* P_PIDFD */, process.pidfd, info, WEXITED | __WALL | options, 0);
}

void process_reap_all(void)
{
    if (sync_socket >= 0)
        sys1(__NR_close, sync_socket);
    sync_socket = -1;
    if (helper_pid)
        sys2(__NR_kill, helper_pid, 9); /* unreaped, so the number means it */
    while (sys4(__NR_wait4, -1, 0, __WALL, 0) > 0)
        ;
}

/* A process that was adopted runs on: whoever sent us sends another. */
_Noreturn void give_up(void)
{
    if (process.pidfd >= 0 && !process.adopted) {
        if (process.pid > 1)
            sys2(__NR_kill, -process.pid, 9); /* unreaped, so the number means its group, if it leads one */
        sys4(__NR_pidfd_send_signal, process.pidfd, 9, 0, 0);
    }
    process_reap_all();
    die(1);
}

void report_failure(int client)
{
    reply(client, FROM_FAILED, plan->failed_step, plan->failed_errno, 0);
}

/* Applies the answer to the shared data and wakes the asker. */
static long apply_answer(const struct message *answer, size_t size, const int *fds, int fd_count)
{
    struct sync_message wake = { .kind = SYNC_ANSWER, .a = answer->a };
    size_t at = 0, limit = size - HEAD;
    if (answer->b != (uint32_t)fd_count || answer->b > limit)
        return -EPROTO;
    memcpy(wake.registers, answer->bytes, answer->b);
    at = (answer->b + 3) & ~3UL;
    for (uint32_t i = 0; i < answer->c; i++) {
        uint32_t patch[2];
        if (at > limit || limit - at < sizeof patch)
            return -EPROTO;
        memcpy(patch, answer->bytes + at, sizeof patch);
        at += sizeof patch;
        if (patch[1] > limit - at || patch[0] > plan->data_size ||
            patch[1] > plan->data_size - patch[0])
            return -EPROTO;
        memcpy((char *)plan + plan->data_offset + patch[0], answer->bytes + at, patch[1]);
        at += (patch[1] + 3) & ~3UL;
    }
    return send_message(sync_socket, &wake, sizeof wake, fds, fd_count);
}

static void forward_question(const struct sync_message *question)
{
    message.kind = FROM_ASK;
    message.a = question->a;
    message.b = (uint32_t)process.pid;
    message.c = question->c;
    if (question->c > MESSAGE_BYTES || question->b > plan->data_size ||
        question->c > plan->data_size - question->b)
        give_up();
    memcpy(message.bytes, (char *)plan + plan->data_offset + question->b, question->c);
    int fd_count, fds[MAX_FDS];
    if (FAILED(send_message(BOOT_FD, &message, HEAD + question->c, NULL, 0)))
        give_up();
    long size = receive_message(BOOT_FD, &message, sizeof message, fds, &fd_count);
    if (size < HEAD || message.kind != TO_ANSWER ||
        FAILED(apply_answer(&message, (size_t)size, fds, fd_count)))
        give_up();
    for (int i = 0; i < fd_count; i++)
        sys1(__NR_close, fds[i]);
}

/* Nothing but the head is asked for any more, and the rest is memory of every container. */
static void forget_plan(void)
{
    static struct plan head;
    memcpy(&head, plan, sizeof head);
    sys2(__NR_munmap, plan, plan->size);
    plan = &head;
}

/* The exec happened, or the process ended before it: its socket is closed. */
static void process_detached(void)
{
    sys1(__NR_close, sync_socket);
    sync_socket = -1;
    if (!process.started && plan->phase == PHASE_PREPARING) { /* failed before it was created */
        report_failure(BOOT_FD);
        give_up();
    }
    if (starter >= 0) {
        if (plan->failed_step)
            report_failure(starter);
        else
            reply(starter, FROM_STARTED, 0, 0, 0);
    }
    starter = -1;
    if (!plan->failed_step)
        forget_plan();
    if (!released)
        return;
    if (plan->failed_step)
        process_wait(NULL, 0); /* it is nobody's but ours: others know of one that runs */
    die(0);
}

/*
 * A helper announces the process it cloned, but that process may be quicker
 * with its first question.
 */
static void await_init(void)
{
    struct sync_message from;
    int fds[MAX_FDS], count;
    struct pollfd announced = { sync_socket, POLLIN, 0 };
    struct timespec limit = { 10, 0 };
    if (!helper_pid || sys5(__NR_ppoll, &announced, 1, &limit, 0, 8) != 1)
        give_up();
    long size = receive_message(sync_socket, &from, sizeof from, fds, &count);
    if (size != (long)sizeof from || from.kind != SYNC_INIT || count != 1)
        give_up();
    stub_set_init((int)from.a, fds[0]);
}

static void on_sync(void)
{
    struct sync_message from;
    int fds[MAX_FDS], count;
    long size = receive_message(sync_socket, &from, sizeof from, fds, &count);
    if (size == (long)sizeof from && from.kind == SYNC_ASK && process.pidfd < 0)
        await_init();
    if (size == 0 || size == -ECONNRESET) {
        process_detached();
    } else if (size != (long)sizeof from) {
        give_up();
    } else if (from.kind == SYNC_INIT && count == 1) {
        stub_set_init((int)from.a, fds[0]);
    } else if (from.kind == SYNC_FD && count == 1) {
        slots[from.a % SLOT_COUNT] = fds[0];
    } else if (from.kind == SYNC_ASK && from.a == ASK_START) {
        reap_helper();
        plan->phase = PHASE_CREATED;
        gate_waiting = 1;
        if (FAILED(reply_descriptors(BOOT_FD, FROM_CREATED)))
            give_up(); /* nobody knows of it, or will: an unread TO_ABORT is lost with the socket */
        if (started_early)
            process_start(BOOT_FD);
    } else if (from.kind == SYNC_ASK) {
        forward_question(&from);
    } else {
        give_up();
    }
}

void process_make(void)
{
    long made = sys4(__NR_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync_pair);
    if (FAILED(made))
        die(1);
    sync_socket = sync_pair[0];
    if (FAILED(plan_run(plan, 0, plan->step_count, -1))) {
        report_failure(BOOT_FD);
        give_up();
    }
    sys1(__NR_close, sync_pair[1]);
}

void process_watch(void)
{
    sync_entry = poll_add(sync_socket, POLLIN);
}

static int expects_listener(void)
{
    uint32_t listener = __atomic_load_n(&plan->listener, __ATOMIC_ACQUIRE);
    return process.started && sync_socket >= 0 && listener != LISTENER_NONE &&
           listener != LISTENER_LOST && listener != LISTENER_TAKEN;
}

int process_retry_after(void)
{
    return expects_listener() ? 1 : -1;
}

/* The process cannot send it: it has its filter by now, and waits until this says that it is taken. */
static void take_listener(void)
{
    uint32_t shown = __atomic_load_n(&plan->listener, __ATOMIC_ACQUIRE);
    if (!expects_listener() || shown == LISTENER_EXPECTED)
        return;
    long listener = sys3(__NR_pidfd_getfd, process.pidfd, shown - 1, 0);
    if (!FAILED(listener)) {
        if (starter >= 0)
            reply_descriptor(starter, FROM_LISTENER, (int)listener);
        sys1(__NR_close, listener);
    }
    uint32_t what = FAILED(listener) ? LISTENER_LOST : LISTENER_TAKEN;
    __atomic_store_n(&plan->listener, what, __ATOMIC_RELEASE);
}

void process_serve(void)
{
    if (poll_result(sync_entry))
        on_sync();
    take_listener();
}

void process_start(int client)
{
    struct sync_message open = { .kind = SYNC_ANSWER };
    if (client == BOOT_FD && plan->phase == PHASE_PREPARING) {
        started_early = 1;
        return;
    }
    if (!gate_waiting) {
        reply(client, FROM_ERROR, EALREADY, 0, 0);
        return;
    }
    gate_waiting = 0;
    process.started = 1;
    starter = client;
    send_message(sync_socket, &open, sizeof open, NULL, 0);
}

void process_release(int client, int after_exec)
{
    struct sync_message open = { .kind = SYNC_ANSWER };
    if (!gate_waiting) {
        reply(client, FROM_ERROR, EALREADY, 0, 0);
        return;
    }
    gate_waiting = 0;
    process.started = 1;
    starter = client;
    released = 1;
    if (FAILED(send_message(sync_socket, &open, sizeof open, NULL, 0)))
        give_up();
    if (after_exec)
        return;
    reply(client, FROM_OK, 0, 0, 0);
    die(0);
}

void process_forget_starter(int client)
{
    if (starter == client)
        starter = -1;
}

void process_report_end(void)
{
    if (sync_socket < 0)
        return;
    if (plan->phase == PHASE_PREPARING)
        report_failure(BOOT_FD);
    else if (starter >= 0)
        report_failure(starter);
}
