#include "stub.h"

#include "attach.h"
#include "control.h"
#include "process.h"
#include "terminal.h"

#include <linux/wait.h>

struct plan *plan;
int slots[SLOT_COUNT];

void close_slot(int slot)
{
    if (slots[slot] >= 0)
        sys1(__NR_close, slots[slot]);
    slots[slot] = -1;
}

/* ---- the end ---- */

static void write_exit_record(struct exit_record *record)
{
    struct timespec now = { 0, 0 };
    int info[32] = { 0 }; /* siginfo_t: si_code at [2], si_status at [6] */
    record->adopted = (uint32_t)process.adopted;
    if (!process.adopted) {
        /* Not yet reaped: if this program is killed before the record stands, others can still ask. */
        process_wait(info, WNOWAIT);
        record->code = (uint32_t)info[2];
        record->status = (uint32_t)info[6];
    }
    sys2(__NR_clock_gettime, 0, &now);
    record->seconds = (uint64_t)now.seconds;
    record->nanoseconds = (uint64_t)now.nanoseconds;
    process_report_end();
    terminal_drain();
    if (log_is_open())
        log_finish();
    if (slots[SLOT_EXIT_RECORD] >= 0)
        sys4(__NR_pwrite64, slots[SLOT_EXIT_RECORD], record, sizeof *record, 0);
}

static _Noreturn void finish(void)
{
    struct exit_record record = { .magic = EXIT_MAGIC, .version = 1, .pid = (uint32_t)process.pid };
    write_exit_record(&record);
    if (!process.adopted)
        process_wait(NULL, 0);
    if (log_is_open())
        attach_finish();
    control_tell_all(FROM_EXITED, record.code, record.status, record.adopted);
    if (!process.adopted)
        process_reap_all();
    die(0);
}

/* ---- the loop ---- */

enum { POLL_LIMIT = 128 }; /* more than the parts can ask for */
static struct pollfd polled[POLL_LIMIT];
static int poll_count;

int poll_add(int fd, short events)
{
    if (fd < 0 || poll_count == POLL_LIMIT)
        return -1;
    polled[poll_count] = (struct pollfd){ fd, events, 0 };
    return poll_count++;
}

short poll_result(int entry)
{
    return entry < 0 ? 0 : polled[entry].revents;
}

static int least(int a, int b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

static int init_entry, stream_entry[STREAMS];

static void watch(void)
{
    static const int fifo[STREAMS] = { SLOT_OUT, SLOT_ERR };
    poll_count = 0;
    init_entry = poll_add(process.pidfd, POLLIN);
    for (int stream = 0; stream < STREAMS; stream++) {
        int takes = log_is_open() && !attach_blocks(stream);
        stream_entry[stream] = poll_add(takes ? slots[fifo[stream]] : -1, POLLIN);
    }
    terminal_watch(!attach_blocks(OUT));
    attach_watch();
    process_watch();
    control_watch();
}

static void pump(int always)
{
    for (int stream = 0; stream < STREAMS; stream++) {
        if (!log_is_open() || !(poll_result(stream_entry[stream]) || always) || attach_blocks(stream))
            continue;
        log_pump(stream);
        attach_pump(stream);
    }
}

static _Noreturn void serve(void)
{
    for (;;) {
        watch();
        int timeout = least(least(log_retry_after(), attach_retry_after()), process_retry_after());
        struct timespec wait = { timeout / 1000, timeout % 1000 * 1000000L };
        long ready = sys5(__NR_ppoll, polled, poll_count, timeout < 0 ? NULL : &wait, 0, 8);
        if (FAILED(ready) && ready != -EINTR)
            give_up();
        terminal_serve();
        pump(ready == 0);
        attach_serve();
        process_serve();
        control_serve();
        if (poll_result(init_entry))
            finish();
    }
}

/* ---- start-up ---- */

void name_process(void)
{
    sys5(__NR_prctl, 15 /* PR_SET_NAME */, "berth-init", 0, 0, 0);
}

void block_signals(void)
{
    uint64_t all = ~0UL;
    sys4(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, 0, sizeof all);
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
        process.adopted = 1;
        process.started = 1;
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

static void detach_from_shim(void)
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
}

static void announce_adoption(void)
{
    plan->phase = PHASE_EXECUTING;
    reply(BOOT_FD, FROM_OK, 0, 0, 0);
    if (process.pidfd < 0)
        finish(); /* the process is gone: only what it wrote is left */
}

_Noreturn void run_container(void)
{
    detach_from_shim();
    control_open();
    receive_plan();
    take_slots();
    if (!process.adopted)
        process_make();
    block_signals();
    close_borrowed();
    open_log();
    if (process.adopted)
        announce_adoption();
    serve();
}
