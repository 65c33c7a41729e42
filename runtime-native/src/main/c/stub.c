/*
 * berth-init: the parent of one container process.
 *
 * Started by the shim with one socket (fd 3), it receives a plan, runs it, and
 * stays: it relays the questions of the process it cloned, opens the start
 * gate, copies the output into the log, answers on the control socket, reaps
 * the process and writes the exit record. The shim may come and go meanwhile.
 *
 *   berth-init                     with a socket as fd 3: as above
 *   berth-init log PATH            a containerd `binary://` logger: fds 3, 4 are
 *                                  the outputs, 5 is closed when ready
 *   berth-init version
 */
#include "log.h"
#include "plan.h"

#include <linux/sched.h>
#include <linux/wait.h>

#ifndef BERTH_VERSION
#define BERTH_VERSION "unknown"
#endif

enum { BOOT_FD = 3, PROTOCOL_VERSION = 1, MAX_CLIENTS = 8, MESSAGE_BYTES = 65536 };

/* Messages between the shim and the stub; kinds below 64 go to the stub. */
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
    FROM_ASK = 64,       /* a question, b pid of the asker */
    FROM_CREATED = 65,   /* a pid; fds: pidfd, master */
    FROM_FAILED = 66,    /* a step + 1, b errno */
    FROM_STARTED = 67,
    FROM_EXITED = 68, /* a code as of waitid, b status */
    FROM_OK = 69,
    FROM_ERROR = 70,      /* a errno */
    FROM_STATE = 71,      /* a phase, b pid, c version of this protocol */
    FROM_DESCRIPTORS = 72 /* a pid; fds as with FROM_CREATED */
};

struct message {
    uint32_t kind, a, b, c;
    uint8_t bytes[MESSAGE_BYTES];
};
enum { HEAD = 16 };

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

static struct plan *plan;
static struct message message;
static int slots[SLOT_COUNT];
static int clients[MAX_CLIENTS];
static int sync_socket = -1;
static int init_pid, init_pidfd = -1, adopted;
static int helper_pid; /* entered namespaces on the way to the process; ends by itself */
static int gate_waiting, started, starter = -1;
static char relay[4096]; /* terminal bytes on their way to a reader that is not ready */
static size_t relay_size;
static char typed[1024]; /* and those typed that the terminal has no room for yet */
static size_t typed_size;

/* ---- messages ---- */

static void drop_client(int client)
{
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (clients[i] == client)
            clients[i] = -1;
    if (starter == client)
        starter = -1;
    sys1(__NR_close, client);
}

static void reply(int client, uint32_t kind, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t head[4] = { kind, a, b, c };
    if (client >= 0 && FAILED(send_message(client, head, sizeof head, NULL, 0)))
        drop_client(client);
}

static void reply_result(int client, long result)
{
    if (FAILED(result))
        reply(client, FROM_ERROR, (uint32_t)-result, 0, 0);
    else
        reply(client, FROM_OK, 0, 0, 0);
}

static void reply_descriptors(int client, uint32_t kind)
{
    uint32_t head[4] = { kind, (uint32_t)init_pid, 0, 0 };
    int fds[2] = { init_pidfd, slots[SLOT_MASTER] };
    if (FAILED(send_message(client, head, sizeof head, fds, fds[1] >= 0 ? 2 : 1)))
        drop_client(client);
}

static void close_slot(int slot)
{
    if (slots[slot] >= 0)
        sys1(__NR_close, slots[slot]);
    slots[slot] = -1;
}

/* ---- the process ---- */

void stub_set_init(int pid, int pidfd)
{
    init_pid = pid;
    init_pidfd = pidfd;
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

/* Waits for the process's end; `options` beside WEXITED. `info` is a siginfo_t or NULL. */
static void wait_init(int *info, int options)
{
    sys5(__NR_waitid, 3 /* P_PIDFD */, init_pidfd, info, WEXITED | __WALL | options, 0);
}

/* Before start a failure is final: nothing of the container must stay. */
static _Noreturn void give_up(void)
{
    if (helper_pid)
        sys2(__NR_kill, helper_pid, 9); /* unreaped, so the number means it */
    reap_helper();
    if (init_pidfd >= 0) {
        sys4(__NR_pidfd_send_signal, init_pidfd, 9, 0, 0);
        if (!adopted)
            wait_init(NULL, 0);
    }
    die(1);
}

static void report_failure(int client)
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
    message.b = (uint32_t)init_pid;
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

/* The exec happened, or the process ended before it: its socket is closed. */
static void process_detached(void)
{
    sys1(__NR_close, sync_socket);
    sync_socket = -1;
    if (!started && plan->phase == PHASE_PREPARING) { /* failed before it was created */
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
    if (size == (long)sizeof from && from.kind == SYNC_ASK && init_pidfd < 0)
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
        reply_descriptors(BOOT_FD, FROM_CREATED);
    } else if (from.kind == SYNC_ASK) {
        forward_question(&from);
    } else {
        give_up();
    }
}

static void open_gate(int client)
{
    struct sync_message open = { .kind = SYNC_ANSWER };
    if (!gate_waiting) {
        reply(client, FROM_ERROR, EALREADY, 0, 0);
        return;
    }
    gate_waiting = 0;
    started = 1;
    starter = client;
    send_message(sync_socket, &open, sizeof open, NULL, 0);
}

/* ---- control ---- */

static long resize(uint32_t rows, uint32_t columns)
{
    enum { TIOCSWINSZ = 0x5414 };
    uint16_t size[4] = { (uint16_t)rows, (uint16_t)columns, 0, 0 };
    if (slots[SLOT_MASTER] < 0)
        return -ENOTTY;
    return sys3(__NR_ioctl, slots[SLOT_MASTER], TIOCSWINSZ, size);
}

static long reopen(const int *fds, int count)
{
    int log = count ? (int)sys3(__NR_fcntl, fds[0], 1030 /* F_DUPFD_CLOEXEC */, 3) : -1;
    if (count && log < 0)
        return log;
    long result = log_reopen(log);
    if (FAILED(result) && log >= 0)
        sys1(__NR_close, log);
    return result;
}

static void close_stdin(int client)
{
    if (slots[SLOT_MASTER] >= 0 && slots[SLOT_STDIN] >= 0) {
        char end_of_file = 4; /* VEOF of a fresh terminal */
        sys3(__NR_write, slots[SLOT_MASTER], &end_of_file, 1);
    }
    close_slot(SLOT_STDIN);
    reply(client, FROM_OK, 0, 0, 0);
}

static void on_client(int client)
{
    int fds[MAX_FDS], count;
    long size = receive_message(client, &message, sizeof message, fds, &count);
    if (size < HEAD) {
        for (int i = 0; i < count; i++)
            sys1(__NR_close, fds[i]);
        int preparing = client == BOOT_FD && plan->phase == PHASE_PREPARING;
        drop_client(client);
        if (preparing && !adopted)
            give_up();
        return;
    }
    switch (message.kind) {
    case TO_START:
        open_gate(client);
        break;
    case TO_REOPEN_LOG:
        reply_result(client, reopen(fds, count));
        break;
    case TO_RESIZE:
        reply_result(client, resize(message.a, message.b));
        break;
    case TO_CLOSE_STDIN:
        close_stdin(client);
        break;
    case TO_STATE:
        reply(client, FROM_STATE, plan->phase, (uint32_t)init_pid, PROTOCOL_VERSION);
        break;
    case TO_DESCRIPTORS:
        reply_descriptors(client, FROM_DESCRIPTORS);
        break;
    case TO_ABORT:
        if (!started && !adopted)
            give_up();
        reply(client, FROM_ERROR, EBUSY, 0, 0);
        break;
    default:
        reply(client, FROM_ERROR, ENOSYS, 0, 0);
    }
    for (int i = 0; i < count; i++)
        sys1(__NR_close, fds[i]);
}

/* Only root of the host's user namespace may ask (rule R17). */
static void on_listener(void)
{
    struct ucred peer = { 0, ~0U, ~0U };
    unsigned int size = sizeof peer;
    long client = sys4(__NR_accept4, slots[SLOT_LISTENER], 0, 0, SOCK_CLOEXEC);
    if (FAILED(client))
        return;
    sys5(__NR_getsockopt, client, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    for (int i = 0; peer.uid == 0 && i < MAX_CLIENTS; i++) {
        if (clients[i] < 0) {
            clients[i] = (int)client;
            return;
        }
    }
    sys1(__NR_close, client);
}

/* ---- terminal ---- */

/* The terminal's output goes into the stdout FIFO, from where the log takes it. */
static long master_to_log(void)
{
    long moved = sys6(__NR_splice, slots[SLOT_MASTER], 0, slots[SLOT_OUT], 0, 65536, 3);
    return FAILED(moved) ? 0 : moved;
}

static void relay_out(void)
{
    if (relay_size == 0) {
        long size = sys3(__NR_read, slots[SLOT_MASTER], relay, sizeof relay);
        if (!FAILED(size))
            relay_size = (size_t)size;
    }
    if (relay_size > 0) {
        long size = sys3(__NR_write, slots[SLOT_RAW_OUT], relay, relay_size);
        if (size == -EPIPE) {
            relay_size = 0; /* nobody reads any more: the terminal must not block */
        } else if (!FAILED(size)) {
            relay_size -= (size_t)size;
            memmove(relay, relay + size, relay_size);
        }
    }
}

/* What the terminal cannot take yet is kept, and nothing more read meanwhile. */
static void relay_in(void)
{
    if (typed_size == 0) {
        long size = sys3(__NR_read, slots[SLOT_STDIN], typed, sizeof typed);
        if (size == -EAGAIN || size == -EINTR)
            return;
        if (FAILED(size) || size == 0) {
            close_slot(SLOT_STDIN);
            return;
        }
        typed_size = (size_t)size;
    }
    long size = sys3(__NR_write, slots[SLOT_MASTER], typed, typed_size);
    if (size == -EAGAIN || size == -EINTR)
        return;
    if (FAILED(size))
        size = (long)typed_size; /* no slave end is open: there is no one to read it */
    typed_size -= (size_t)size;
    memmove(typed, typed + size, typed_size);
}

/* ---- the end ---- */

/* More than a terminal holds: whoever writes on after the end is not waited for. */
enum { TERMINAL_LIMIT = 1 << 20 };

/* Hands the rest of a terminal to its reader, who is given up when he takes nothing for a while. */
static void drain_raw(void)
{
    struct timespec patience = { 5, 0 };
    for (uint64_t total = 0; total < TERMINAL_LIMIT;) {
        struct pollfd reader = { slots[SLOT_RAW_OUT], POLLOUT, 0 };
        if (relay_size && sys5(__NR_ppoll, &reader, 1, &patience, 0, 8) != 1)
            return;
        size_t before = relay_size;
        relay_out();
        if (before == 0 && relay_size == 0) {
            /* Either all was passed on or nothing is left: one more look at the master tells. */
            long size = sys3(__NR_read, slots[SLOT_MASTER], relay, sizeof relay);
            if (FAILED(size) || size == 0)
                return;
            relay_size = (size_t)size;
        }
        total += sizeof relay;
    }
}

static void drain(void)
{
    if (slots[SLOT_MASTER] >= 0 && slots[SLOT_RAW_OUT] >= 0) {
        drain_raw();
    } else if (slots[SLOT_MASTER] >= 0) {
        long moved, total = 0;
        while (total < TERMINAL_LIMIT && (moved = master_to_log()) > 0) {
            log_pump(OUT);
            total += moved;
        }
    }
    if (log_is_open())
        log_finish();
}

static _Noreturn void finish(void)
{
    struct exit_record record = { .magic = EXIT_MAGIC, .version = 1, .pid = (uint32_t)init_pid };
    struct timespec now = { 0, 0 };
    int info[32] = { 0 }; /* siginfo_t: si_code at [2], si_status at [6] */
    record.adopted = (uint32_t)adopted;
    if (!adopted) {
        /* Not yet reaped: if this program is killed before the record stands, others can still ask. */
        wait_init(info, WNOWAIT);
        record.code = (uint32_t)info[2];
        record.status = (uint32_t)info[6];
    }
    sys2(__NR_clock_gettime, 0, &now);
    record.seconds = (uint64_t)now.seconds;
    record.nanoseconds = (uint64_t)now.nanoseconds;
    if (sync_socket >= 0) { /* ended before its exec: say so to whoever waits */
        if (plan->phase == PHASE_PREPARING)
            report_failure(BOOT_FD);
        else if (starter >= 0)
            report_failure(starter);
    }
    drain();
    if (slots[SLOT_EXIT_RECORD] >= 0)
        sys4(__NR_pwrite64, slots[SLOT_EXIT_RECORD], &record, sizeof record, 0);
    if (!adopted)
        wait_init(NULL, 0);
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (clients[i] >= 0)
            reply(clients[i], FROM_EXITED, record.code, record.status, record.adopted);
    die(0);
}

/* ---- the loop ---- */

enum { POLL_INIT, POLL_SYNC, POLL_LISTENER, POLL_OUT, POLL_ERR, POLL_MASTER, POLL_STDIN, POLL_TYPED, POLL_RAW, POLL_CLIENTS };
enum { POLL_COUNT = POLL_CLIENTS + MAX_CLIENTS };

static void watch(struct pollfd *polled)
{
    int terminal = slots[SLOT_MASTER] >= 0, raw = slots[SLOT_RAW_OUT] >= 0;
    for (int i = 0; i < POLL_COUNT; i++) {
        polled[i].fd = -1;
        polled[i].events = POLLIN;
        polled[i].revents = 0;
    }
    polled[POLL_INIT].fd = init_pidfd;
    polled[POLL_SYNC].fd = sync_socket;
    polled[POLL_LISTENER].fd = slots[SLOT_LISTENER];
    polled[POLL_OUT].fd = log_is_open() ? slots[SLOT_OUT] : -1;
    polled[POLL_ERR].fd = log_is_open() ? slots[SLOT_ERR] : -1;
    if (terminal && !(raw && relay_size))
        polled[POLL_MASTER].fd = slots[SLOT_MASTER];
    if (terminal && typed_size) {
        polled[POLL_TYPED].fd = slots[SLOT_MASTER];
        polled[POLL_TYPED].events = POLLOUT;
    } else if (terminal) {
        polled[POLL_STDIN].fd = slots[SLOT_STDIN];
    }
    if (raw && relay_size) {
        polled[POLL_RAW].fd = slots[SLOT_RAW_OUT];
        polled[POLL_RAW].events = POLLOUT;
    }
    for (int i = 0; i < MAX_CLIENTS; i++)
        polled[POLL_CLIENTS + i].fd = clients[i];
}

static _Noreturn void serve(void)
{
    static struct pollfd polled[POLL_COUNT];
    int master_closed = 0;
    for (;;) {
        watch(polled);
        if (master_closed)
            polled[POLL_MASTER].fd = -1;
        int timeout = log_retry_after();
        struct timespec wait = { timeout / 1000, timeout % 1000 * 1000000L };
        long ready = sys5(__NR_ppoll, polled, POLL_COUNT, timeout < 0 ? NULL : &wait, 0, 8);
        if (FAILED(ready) && ready != -EINTR)
            give_up();
        if (polled[POLL_MASTER].revents) {
            if (slots[SLOT_RAW_OUT] >= 0)
                relay_out();
            else if (!master_to_log() && (polled[POLL_MASTER].revents & POLLHUP))
                master_closed = 1; /* until the exit: every slave end is closed */
            if (slots[SLOT_RAW_OUT] >= 0 && (polled[POLL_MASTER].revents & POLLHUP) && !relay_size)
                master_closed = 1;
        }
        if (polled[POLL_RAW].revents)
            relay_out();
        if (polled[POLL_STDIN].revents || polled[POLL_TYPED].revents)
            relay_in();
        if (log_is_open() && (polled[POLL_OUT].revents || ready == 0))
            log_pump(OUT);
        if (log_is_open() && (polled[POLL_ERR].revents || ready == 0))
            log_pump(ERR);
        if (polled[POLL_SYNC].revents)
            on_sync();
        if (polled[POLL_LISTENER].revents)
            on_listener();
        for (int i = 0; i < MAX_CLIENTS; i++)
            if (polled[POLL_CLIENTS + i].revents && clients[i] == polled[POLL_CLIENTS + i].fd)
                on_client(clients[i]);
        if (polled[POLL_INIT].revents)
            finish();
    }
}

/* ---- start-up ---- */

static void name_process(void)
{
    sys5(__NR_prctl, 15 /* PR_SET_NAME */, "berth-init", 0, 0, 0);
}

static void receive_plan(void)
{
    int fds[MAX_FDS], count, error = EPROTO;
    long size = receive_message(BOOT_FD, &message, sizeof message, fds, &count);
    if (size < HEAD)
        die(1);
    if (message.kind == TO_PLAN && count >= 1)
        plan = plan_map(fds[0], &error);
    if (!plan || plan->fd_count != count - 1) {
        reply(BOOT_FD, FROM_FAILED, 0, (uint32_t)error, 0);
        die(1);
    }
    sys1(__NR_close, fds[0]);
    for (int i = 1; i < count; i++)
        registers[i - 1] = fds[i];
}

static int keeps(int fd)
{
    for (int i = 0; i < SLOT_COUNT; i++)
        if (slots[i] == fd)
            return 1;
    return 0;
}

/* What only the cloned process needed is closed: the stub must not hold its FIFOs open, for one. */
static void close_borrowed(void)
{
    for (int i = 0; i < plan->fd_count; i++)
        if (!keeps((int)registers[i]))
            sys1(__NR_close, registers[i]);
}

static void take_slots(void)
{
    for (int i = 0; i < SLOT_COUNT; i++)
        slots[i] = plan->slot[i] == NO_REGISTER ? -1 : (int)registers[plan->slot[i]];
    if (plan->step_count == 0) {
        adopted = 1;
        started = 1;
        stub_set_init((int)plan->init_pid, slots[SLOT_INIT]);
    }
}

static void open_log(void)
{
    int fifos[STREAMS] = { slots[SLOT_OUT], slots[SLOT_ERR] };
    int spools[STREAMS] = { slots[SLOT_OUT_SPOOL], slots[SLOT_ERR_SPOOL] };
    if (fifos[OUT] < 0)
        return;
    long result = log_open(fifos, spools, slots[SLOT_LOG], slots[SLOT_JOURNAL]);
    slots[SLOT_LOG] = -1; /* the log owns and closes it from now on */
    if (FAILED(result)) {
        plan->failed_errno = (uint32_t)-result;
        report_failure(BOOT_FD);
        give_up();
    }
}

static void run_plan(void)
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

static void block_signals(void)
{
    uint64_t all = ~0UL;
    sys4(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, 0, sizeof all);
}

static _Noreturn void run_container(void)
{
    sys3(__NR_close_range, BOOT_FD + 1, ~0U, 0);
    sys3(__NR_fcntl, BOOT_FD, 2 /* F_SETFD */, 1 /* FD_CLOEXEC */);
    sys3(__NR_fcntl, BOOT_FD, 4 /* F_SETFL */, 2 /* O_RDWR: the shim's end may not block, this one does */);
    /* And so is what it clones: nothing inside a container may trace what stands with one foot outside. */
    sys5(__NR_prctl, 4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0);
    sys0(__NR_setsid);
    sys1(__NR_umask, 0);
    sys1(__NR_chdir, "/");
    name_process();
    for (int i = 0; i < MAX_CLIENTS; i++)
        clients[i] = -1;
    clients[0] = BOOT_FD;
    receive_plan();
    take_slots();
    if (!adopted)
        run_plan();
    block_signals();
    close_borrowed();
    open_log();
    if (adopted) {
        plan->phase = PHASE_EXECUTING;
        reply(BOOT_FD, FROM_OK, 0, 0, 0);
        if (init_pidfd < 0)
            finish(); /* the process is gone: only what it wrote is left */
    }
    serve();
}

static _Noreturn void run_logger(const char *path)
{
    static const int inputs[STREAMS] = { 3, 4 };
    enum { APPEND_CREATE = 02000101 /* O_CLOEXEC | O_CREAT | O_WRONLY */ };
    name_process();
    block_signals();
    long log = sys4(__NR_openat, AT_FDCWD, path, APPEND_CREATE, 0640);
    if (FAILED(log))
        die(1);
    sys1(__NR_close, 5); /* ready */
    log_plain((int)log, inputs);
    die(0);
}

/*
 * The first process of a pid namespace that the containers of a pod share:
 * keeps it alive and reaps what they leave behind. Only SIGKILL ends it.
 */
static _Noreturn void run_pause(void)
{
    uint64_t child_ended = 1UL << (17 /* SIGCHLD */ - 1);
    name_process();
    block_signals(); /* a blocked signal waits, an ignored one would be lost */
    for (;;) {
        while (sys4(__NR_wait4, -1, 0, 1 /* WNOHANG */ | __WALL, 0) > 0)
            ;
        sys4(__NR_rt_sigtimedwait, &child_ended, 0, 0, sizeof child_ended);
    }
}

static int equals(const char *a, const char *b)
{
    size_t size = strlen(a);
    return size == strlen(b) && memcmp(a, b, size) == 0;
}

_Noreturn void start(long *stack);

_Noreturn void start(long *stack)
{
    static const char version[] = "berth-init " BERTH_VERSION "\n";
    static const char usage[] =
        "usage: berth-init version | pause | log PATH; started by the shim otherwise\n";
    long count = stack[0];
    const char **arguments = (const char **)(stack + 1);
    if (count == 1 && sys3(__NR_fcntl, BOOT_FD, 1 /* F_GETFD */, 0) >= 0)
        run_container();
    if (count == 3 && equals(arguments[1], "log"))
        run_logger(arguments[2]);
    if (count == 2 && equals(arguments[1], "pause"))
        run_pause();
    if (count == 2 && equals(arguments[1], "version")) {
        sys3(__NR_write, 1, version, sizeof version - 1);
        die(0);
    }
    sys3(__NR_write, 2, usage, sizeof usage - 1);
    die(2);
}
