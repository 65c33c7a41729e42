/*
 * A whole stub from its first message on: what clients send on control sockets, what the process
 * says while it is made, descriptors that come along, peers that go away, output and input
 * meanwhile. What must hold: no access beside its variables, and each descriptor is closed once.
 */
#include "kernel.h"

#include "control.h"
#include "plan.h"
#include "stub.h"

#include <linux/stat.h>

enum { FIRST_PASSED = 64, LAST_PASSED = 1023, PLAN_FILE = 5, FIRST_OF_LOG = 10, DATA_BYTES = 128 };

struct control {
    struct cmsghdr header;
    int fds[MAX_FDS];
};

static uint8_t open_now[LAST_PASSED + 1];
static int told_plan, next_fd, quiet;
static int plan_fds[SLOT_COUNT], plan_fd_count;

static int new_fd(void)
{
    while (next_fd <= LAST_PASSED && open_now[next_fd])
        next_fd++;
    if (next_fd > LAST_PASSED)
        return -1;
    open_now[next_fd] = 1;
    return next_fd++;
}

static void close_fd(long fd)
{
    if (fd >= FIRST_PASSED && fd <= LAST_PASSED) {
        if (!open_now[fd])
            broken("a descriptor is closed twice");
        open_now[fd] = 0;
    }
}

/* ---- messages ---- */

static void pass(struct msghdr *to, int count)
{
    struct control *control = to->control;
    if (count > MAX_FDS)
        count = MAX_FDS;
    int made = 0;
    while (made < count && (control->fds[made] = new_fd()) >= 0)
        made++;
    control->header.length = sizeof control->header + (size_t)made * sizeof(int);
    control->header.level = SOL_SOCKET;
    control->header.type = SCM_RIGHTS;
    to->control_length = made ? control->header.length : 0;
}

/* The first message, with what a container that logs has; its plan makes a process, or adopts one. */
static long tell_plan(struct msghdr *to)
{
    uint32_t head[4] = { TO_PLAN, 0, 0, 0 };
    struct control *control = to->control;
    memcpy(to->iov->base, head, sizeof head);
    pass(to, 0);
    control->fds[0] = PLAN_FILE;
    memcpy(control->fds + 1, plan_fds, (size_t)plan_fd_count * sizeof(int));
    control->header.length += (size_t)(plan_fd_count + 1) * sizeof(int);
    to->control_length = control->header.length;
    told_plan = 1;
    return sizeof head;
}

static uint32_t pick_kind(void)
{
    static const uint8_t kinds[] = { TO_ANSWER, TO_START, TO_REOPEN_LOG, TO_RESIZE, TO_CLOSE_STDIN,
                                     TO_STATE, TO_DESCRIPTORS, TO_ABORT, TO_ATTACH, TO_ATTACH, TO_RELEASE };
    uint8_t byte = take_byte();
    return byte < 240 ? kinds[byte % sizeof kinds] : byte;
}

static long fill(struct msghdr *to, const void *head, size_t head_bytes)
{
    uint8_t *bytes = to->iov->base;
    size_t size = head_bytes + take_byte() % 90;
    size = size > to->iov->length ? to->iov->length : size;
    memcpy(bytes, head, head_bytes < size ? head_bytes : size);
    for (size_t i = head_bytes; i < size; i++)
        bytes[i] = take_byte();
    return (long)size;
}

static long receive(long fd, struct msghdr *to)
{
    to->flags = 0;
    to->control_length = 0;
    if (fd == BOOT_FD && !told_plan)
        return tell_plan(to);
    uint8_t how = take_byte();
    if (how < 10 || !input.left)
        return how < 8 ? 0 : -ECONNRESET;
    if (how < 14) { /* sent by someone who knows no limit */
        to->flags = MSG_TRUNC;
        return (long)to->iov->length;
    }
    int is_process = to->iov->length == sizeof(struct sync_message);
    if (is_process) {
        struct sync_message from = { 1 + take_byte() % 4, take_number(), take_number(), take_number(), { 0 } };
        if (from.kind != SYNC_ASK || how & 1)
            pass(to, take_byte() % 3);
        memcpy(to->iov->base, &from, sizeof from);
        return how == 20 ? (long)sizeof from - 1 : (long)sizeof from;
    }
    uint32_t head[4] = { pick_kind(), take_number(), take_number(), take_number() };
    int count = take_byte() % 8;
    pass(to, count == 7 ? take_byte() : count);
    if (how & 1)
        head[2] = to->control_length ? (uint32_t)(to->control_length - sizeof(struct cmsghdr)) / 4 : 0;
    return fill(to, head, how == 15 ? 7 : sizeof head);
}

static long send_answer(const struct msghdr *message)
{
    uint8_t how = take_byte();
    if (message->control_length > sizeof(struct control))
        broken("more descriptors are sent than there may be");
    return how < 250 ? (long)message->iov->length : how < 253 ? -EPIPE : -EAGAIN;
}

/* ---- the rest of the kernel ---- */

static long poll_all(struct pollfd *polled, long count)
{
    int ready = 0;
    if (!input.left && ++quiet > 4)
        sys1(__NR_exit_group, 0);
    for (long i = 0; i < count; i++) {
        uint8_t byte = take_byte();
        polled[i].revents = byte & 1 ? (short)(polled[i].events | (byte & POLLHUP)) : 0;
        ready += polled[i].revents != 0;
    }
    return ready;
}

static long produce(long fd)
{
    static const char text[] = "some output\nand more of it, which is not the end of its line";
    if (files[fd].size < 4096)
        file_append((int)fd, text, take_byte() % sizeof text);
    return 0;
}

static long passed(long number, const long *a)
{
    struct statx *status;
    switch (number) {
    case __NR_statx:
        status = (struct statx *)a[4];
        memset(status, 0, sizeof *status);
        status->stx_mode = take_byte() < 230 ? S_IFIFO : S_IFREG;
        return 0;
    case __NR_write:
        return take_byte() < 200 ? a[2] : take_byte() & 1 ? -EAGAIN : -EPIPE;
    case __NR_read:
        return take_byte() < 128 ? -EAGAIN : take_byte() % (a[2] < 256 ? a[2] + 1 : 256);
    case __NR_splice:
        return take_byte() < 200 ? take_byte() : -EAGAIN;
    case __NR_fcntl:
        return a[1] == 1030 ? new_fd() : 2;
    default:
        return take_byte() < 230 ? 0 : -EIO;
    }
}

static int answer(long number, const long *a, long *result)
{
    static struct ucred peer;
    *result = 0;
    switch (number) {
    case __NR_recvmsg:
        *result = receive(a[0], (struct msghdr *)a[1]);
        return 1;
    case __NR_sendmsg:
        *result = send_answer((struct msghdr *)a[1]);
        return 1;
    case __NR_ppoll:
        *result = poll_all((struct pollfd *)a[0], a[1]);
        return 1;
    case __NR_socketpair:
        ((int *)a[3])[0] = new_fd();
        ((int *)a[3])[1] = new_fd();
        return 1;
    case __NR_accept4:
        *result = take_byte() < 230 ? new_fd() : -EAGAIN;
        return 1;
    case __NR_getsockopt:
        peer.uid = take_byte() < 230 ? 0 : 1000;
        memcpy((void *)a[3], &peer, sizeof peer);
        return 1;
    case __NR_clone3:
        *(int *)((struct { uint64_t flags; uint64_t pidfd; } *)a[0])->pidfd = new_fd();
        *result = 4711;
        return 1;
    case __NR_wait4:
        *result = -ECHILD;
        return 1;
    case __NR_close_range:
        return 1;
    case __NR_close:
        if (a[0] >= FIRST_PASSED) {
            close_fd(a[0]);
            return 1;
        }
        return 0;
    case __NR_splice:
        if (a[0] >= 0 && a[0] < FIRST_PASSED)
            produce(a[0]);
        break;
    case __NR_kill:
    case __NR_waitid:
    case __NR_pidfd_send_signal:
        return 1;
    }
    if (a[0] >= FIRST_PASSED && number != __NR_mmap && number != __NR_exit_group) {
        *result = passed(number, a);
        return 1;
    }
    return 0;
}

static void give_slot(struct plan *head, int slot, int fd)
{
    head->slot[slot] = (uint8_t)plan_fd_count;
    plan_fds[plan_fd_count++] = fd;
}

/* What a container has that logs, or one without a log, and of the rest one thing or another. */
static void give_slots(struct plan *head, int adopts)
{
    static const uint8_t of_log[] = { SLOT_OUT, SLOT_ERR, SLOT_OUT_SPOOL, SLOT_ERR_SPOOL, SLOT_LOG };
    static const uint8_t others[] = { SLOT_LISTENER, SLOT_EXIT_RECORD, SLOT_STDIN, SLOT_RAW_OUT, SLOT_MASTER };
    static struct journal journal;
    uint8_t has = take_byte();
    memset(head->slot, NO_REGISTER, sizeof head->slot);
    plan_fd_count = 0;
    for (size_t i = 0; i < sizeof others; i++)
        if (has >> i & 1)
            give_slot(head, others[i], new_fd());
    for (size_t i = 0; (has & 0x60) && i < sizeof of_log; i++) {
        file_open(FIRST_OF_LOG + (int)i, i < STREAMS);
        give_slot(head, of_log[i], FIRST_OF_LOG + (int)i);
    }
    if (has & 0x40) {
        journal.stdin_state = has >> 4 & 3;
        file_open(FIRST_OF_LOG + sizeof of_log, 0);
        file_append(FIRST_OF_LOG + sizeof of_log, &journal, sizeof journal);
        give_slot(head, SLOT_JOURNAL, FIRST_OF_LOG + sizeof of_log);
    }
    if (adopts)
        give_slot(head, SLOT_INIT, new_fd());
    head->fd_count = (uint16_t)plan_fd_count;
}

static void make_plan(void)
{
    static const uint8_t data[DATA_BYTES];
    int adopts = take_byte() % 4 == 0;
    struct step steps[2] = { { .op = OP_CLONE, .flags = CLONE_IS_INIT, .target = NO_REGISTER },
                             { .op = OP_ASK, .target = NO_REGISTER, .number = ASK_START } };
    struct plan head = { .magic = PLAN_MAGIC, .version = PLAN_VERSION, .step_offset = sizeof head };
    steps[0].argument[1] = 1;
    head.step_count = adopts ? 0 : 2;
    head.relocation_offset = head.data_offset = (uint32_t)(sizeof head + head.step_count * sizeof *steps);
    head.data_size = DATA_BYTES;
    head.size = head.data_offset + DATA_BYTES;
    give_slots(&head, adopts);
    file_open(PLAN_FILE, 0);
    file_append(PLAN_FILE, &head, sizeof head);
    file_append(PLAN_FILE, steps, head.step_count * sizeof *steps);
    file_append(PLAN_FILE, data, sizeof data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    input = (struct input){ bytes, size };
    answers = answer;
    told_plan = quiet = 0;
    next_fd = FIRST_PASSED;
    memset(open_now, 0, sizeof open_now);
    make_plan();
    run((void (*)(void))run_container, 0);
    file_free_all();
    return 0;
}
