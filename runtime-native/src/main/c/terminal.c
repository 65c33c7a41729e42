#include "terminal.h"

#include "stub.h"

static char relay[4096]; /* output on its way to a reader that is not ready */
static size_t relay_size;
static char typed[1024]; /* and what was typed that the terminal has no room for yet */
static size_t typed_size;
static int hung_up; /* until the exit: every slave end is closed */
static int output_entry, reader_entry, stdin_entry, typed_entry;

int terminal_exists(void)
{
    return slots[SLOT_MASTER] >= 0;
}

static int has_reader(void)
{
    return slots[SLOT_RAW_OUT] >= 0;
}

long terminal_resize(uint32_t rows, uint32_t columns)
{
    enum { TIOCSWINSZ = 0x5414 };
    uint16_t size[4] = { (uint16_t)rows, (uint16_t)columns, 0, 0 };
    if (!terminal_exists())
        return -ENOTTY;
    return sys3(__NR_ioctl, slots[SLOT_MASTER], TIOCSWINSZ, size);
}

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

int terminal_takes_input(void)
{
    return terminal_exists() && typed_size == 0;
}

static void flush_typed(void)
{
    long size = sys3(__NR_write, slots[SLOT_MASTER], typed, typed_size);
    if (size == -EAGAIN || size == -EINTR)
        return;
    if (FAILED(size))
        size = (long)typed_size; /* no slave end is open: there is no one to read it */
    typed_size -= (size_t)size;
    memmove(typed, typed + size, typed_size);
}

/* What the terminal cannot take yet is kept, and nothing more read meanwhile. */
long terminal_type_from(int fd)
{
    long size = sys3(__NR_read, fd, typed, sizeof typed);
    if (!FAILED(size) && size > 0) {
        typed_size = (size_t)size;
        flush_typed();
    }
    return size;
}

void terminal_type_end_of_file(void)
{
    char end_of_file = 4; /* VEOF of a fresh terminal */
    sys3(__NR_write, slots[SLOT_MASTER], &end_of_file, 1);
}

static void type_stdin(void)
{
    long size = terminal_type_from(slots[SLOT_STDIN]);
    if (size != -EAGAIN && size != -EINTR && (FAILED(size) || size == 0))
        close_slot(SLOT_STDIN);
}

void terminal_watch(int log_takes)
{
    int takes = has_reader() ? !relay_size : log_takes;
    int master = hung_up ? -1 : slots[SLOT_MASTER];
    output_entry = poll_add(takes ? master : -1, POLLIN);
    reader_entry = poll_add(relay_size ? slots[SLOT_RAW_OUT] : -1, POLLOUT);
    stdin_entry = poll_add(terminal_takes_input() ? slots[SLOT_STDIN] : -1, POLLIN);
    typed_entry = poll_add(typed_size ? slots[SLOT_MASTER] : -1, POLLOUT);
}

static void take_output(short events)
{
    if (has_reader()) {
        relay_out();
        hung_up = (events & POLLHUP) && !relay_size;
    } else {
        hung_up = !master_to_log() && (events & POLLHUP);
    }
}

void terminal_serve(void)
{
    if (poll_result(output_entry))
        take_output(poll_result(output_entry));
    if (poll_result(reader_entry))
        relay_out();
    if (poll_result(typed_entry))
        flush_typed();
    else if (poll_result(stdin_entry))
        type_stdin();
}

/* More than a terminal holds: whoever writes on after the end is not waited for. */
enum { TERMINAL_LIMIT = 1 << 20 };

/* Hands the rest of a terminal to its reader, who is given up when he takes nothing for a while. */
static void drain_to_reader(void)
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

static void drain_to_log(void)
{
    long moved, total = 0;
    while (total < TERMINAL_LIMIT && (moved = master_to_log()) > 0) {
        log_pump(OUT);
        total += moved;
    }
}

void terminal_drain(void)
{
    if (!terminal_exists())
        return;
    if (has_reader())
        drain_to_reader();
    else
        drain_to_log();
}
