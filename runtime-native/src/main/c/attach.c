#include "attach.h"

#include "control.h"
#include "stub.h"
#include "terminal.h"

#include <linux/stat.h>

enum {
    MAX_ATTACHED = 16,
    CHUNK = 65536,
    LAG_LIMIT = 1 << 20,
    WINDOW_MILLIS = 1000,
    LEAST_RATE = 256 << 10, /* bytes in a window */
    FINISH_MILLIS = 2000,
    SPLICE_MOVE_NONBLOCK = 3,
};

struct attachment {
    int used;
    int client; /* -1: gone, only its input is left */
    int input;
    int output[STREAMS];
    uint64_t position[STREAMS]; /* of the next byte to hand over, as log_position counts */
    uint64_t window;            /* when it was first seen lagging, 0 when it is not */
    uint64_t handed;            /* since then */
    int input_entry, output_entry[STREAMS];
};

static struct attachment attachments[MAX_ATTACHED];
static int container_is_full; /* its pipe takes no more input now */
static int container_entry;

static uint64_t now_millis(void)
{
    struct timespec now = { 0, 0 };
    sys2(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, &now);
    return (uint64_t)now.seconds * 1000 + (uint64_t)now.nanoseconds / 1000000;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        sys1(__NR_close, *fd);
    *fd = -1;
}

/* ---- what the log must keep ---- */

static uint64_t first_wanted(int stream)
{
    uint64_t first = UINT64_MAX;
    for (int i = 0; i < MAX_ATTACHED; i++)
        if (attachments[i].used && attachments[i].output[stream] >= 0 &&
            attachments[i].position[stream] < first)
            first = attachments[i].position[stream];
    return first;
}

static void free_if_done(struct attachment *a)
{
    if (a->client < 0 && a->input < 0)
        a->used = 0;
}

/* Ends its copies; `client` is told why if it is still there. */
static void cut_off(struct attachment *a, uint32_t error)
{
    int client = a->client;
    a->client = -1;
    a->window = 0;
    for (int stream = 0; stream < STREAMS; stream++) {
        close_end(&a->output[stream]);
        if (slots[stream == OUT ? SLOT_OUT : SLOT_ERR] >= 0)
            log_keep(stream, first_wanted(stream));
    }
    free_if_done(a);
    if (client >= 0 && error) {
        reply(client, FROM_DETACHED, error, 0, 0);
        control_drop(client);
    }
}

/* ---- output ---- */

static void start_window(struct attachment *a)
{
    if (a->window)
        return;
    a->window = now_millis();
    a->handed = 0;
}

/* Returns whether the stream went on; 0 when the pipe is full or gone, or nothing is left. */
static int hand_over(struct attachment *a, int stream)
{
    static char chunk[CHUNK];
    long size = log_read(stream, a->position[stream], chunk, sizeof chunk);
    if (size == 0)
        return 0;
    if (FAILED(size)) { /* it went past the spool: there is a gap now */
        cut_off(a, ENOSPC);
        return 0;
    }
    long written = sys3(__NR_write, a->output[stream], chunk, size);
    if (written == -EAGAIN || written == -EINTR) {
        start_window(a);
        return 0;
    }
    if (FAILED(written)) { /* nobody reads this one any more */
        close_end(&a->output[stream]);
        return 0;
    }
    a->position[stream] += (uint64_t)written;
    a->handed += (uint64_t)written;
    return 1;
}

static int lags(const struct attachment *a, int stream)
{
    return a->output[stream] >= 0 && a->position[stream] < log_position(stream);
}

static int holds_up(const struct attachment *a, int stream)
{
    return a->output[stream] >= 0 && log_position(stream) - a->position[stream] >= LAG_LIMIT;
}

void attach_pump(int stream)
{
    int any = 0;
    for (int i = 0; i < MAX_ATTACHED; i++) {
        struct attachment *a = &attachments[i];
        if (!a->used || a->output[stream] < 0)
            continue;
        any = 1;
        while (a->used && a->output[stream] >= 0 && hand_over(a, stream))
            ;
        if (!lags(a, OUT) && !lags(a, ERR))
            a->window = 0;
    }
    if (any)
        log_keep(stream, first_wanted(stream));
}

int attach_blocks(int stream)
{
    for (int i = 0; i < MAX_ATTACHED; i++)
        if (attachments[i].used && holds_up(&attachments[i], stream))
            return 1;
    return 0;
}

/* Who holds the container up must at least take something; who only lags hurts nobody. */
static void judge(struct attachment *a)
{
    uint64_t now = now_millis();
    if (now < a->window + WINDOW_MILLIS)
        return;
    if (a->handed < LEAST_RATE && (holds_up(a, OUT) || holds_up(a, ERR))) {
        cut_off(a, ETIMEDOUT);
    } else {
        a->window = now;
        a->handed = 0;
    }
}

int attach_retry_after(void)
{
    for (int i = 0; i < MAX_ATTACHED; i++)
        if (attachments[i].used && attachments[i].window)
            return WINDOW_MILLIS;
    return -1;
}

/* ---- input ---- */

static int feeds_terminal(void)
{
    return terminal_exists();
}

static int takes_input(void)
{
    return feeds_terminal() ? terminal_takes_input() : !container_is_full;
}

static void end_inputs(void)
{
    for (int i = 0; i < MAX_ATTACHED; i++) {
        if (!attachments[i].used)
            continue;
        close_end(&attachments[i].input);
        free_if_done(&attachments[i]);
    }
}

void attach_close_stdin(void)
{
    enum stdin_state state = log_stdin_state();
    if (feeds_terminal()) { /* another line can be typed after it */
        if (slots[SLOT_STDIN] >= 0 || state != STDIN_NONE)
            terminal_type_end_of_file();
        close_slot(SLOT_STDIN);
        return;
    }
    if (state == STDIN_OPEN || state == STDIN_ONCE) {
        log_set_stdin_closed(); /* before it is: a successor must not open it again */
        end_inputs();
    }
    close_slot(SLOT_STDIN);
    control_tell_followers(FROM_STDIN_CLOSED);
}

/* A terminal stays open for the next one who attaches. */
static void input_ended(struct attachment *a)
{
    close_end(&a->input);
    free_if_done(a);
    if (log_stdin_state() == STDIN_ONCE && !feeds_terminal())
        attach_close_stdin();
}

static void feed(struct attachment *a)
{
    long size = feeds_terminal()
                    ? terminal_type_from(a->input)
                    : sys6(__NR_splice, a->input, 0, slots[SLOT_STDIN], 0, CHUNK, SPLICE_MOVE_NONBLOCK);
    if (size == -EAGAIN)
        container_is_full = !feeds_terminal();
    else if (size != -EINTR && (FAILED(size) || size == 0))
        input_ended(a);
}

/* ---- clients ---- */

static struct attachment *find_free(void)
{
    for (int i = 0; i < MAX_ATTACHED; i++)
        if (!attachments[i].used)
            return &attachments[i];
    for (int i = 0; i < MAX_ATTACHED; i++) {
        if (attachments[i].client < 0) { /* its last input is not read by the container */
            close_end(&attachments[i].input);
            return &attachments[i];
        }
    }
    return NULL;
}

/* Anything else than a pipe might make the stub wait. */
static long make_pipe_end(int fd)
{
    struct statx status;
    long result = sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status);
    if (FAILED(result))
        return result;
    if ((status.stx_mode & S_IFMT) != S_IFIFO)
        return -EINVAL;
    long flags = sys3(__NR_fcntl, fd, 3 /* F_GETFL */, 0);
    return sys3(__NR_fcntl, fd, 4 /* F_SETFL */, flags | O_NONBLOCK);
}

static int count_of(uint32_t streams)
{
    return (streams & 1) + (streams >> 1 & 1) + (streams >> 2 & 1);
}

static long check_streams(uint32_t streams, const int *fds, int count)
{
    enum stdin_state state = log_stdin_state();
    if (!log_is_open())
        return -EOPNOTSUPP; /* the output is someone else's */
    if (streams == 0 || streams > 7 || count_of(streams) != count)
        return -EINVAL;
    if ((streams & ATTACH_STDIN) && state != STDIN_OPEN && state != STDIN_ONCE)
        return -EPIPE;
    for (int i = 0; i < count; i++) {
        long result = make_pipe_end(fds[i]);
        if (FAILED(result))
            return result;
    }
    return 0;
}

static int take(int *fds, int *next, uint32_t wanted)
{
    if (!wanted)
        return -1;
    int fd = fds[*next];
    fds[(*next)++] = -1;
    return fd;
}

long attach_begin(int client, uint32_t streams, int *fds, int count)
{
    int next = 0;
    long result = check_streams(streams, fds, count);
    if (FAILED(result))
        return result;
    for (int i = 0; i < MAX_ATTACHED; i++)
        if (attachments[i].used && attachments[i].client == client)
            return -EALREADY;
    struct attachment *a = find_free();
    if (!a)
        return -EUSERS;
    *a = (struct attachment){ .used = 1, .client = client };
    a->input = take(fds, &next, streams & ATTACH_STDIN);
    a->output[OUT] = take(fds, &next, streams & ATTACH_STDOUT);
    a->output[ERR] = take(fds, &next, streams & ATTACH_STDERR);
    for (int stream = 0; stream < STREAMS; stream++) {
        a->position[stream] = log_position(stream);
        log_keep(stream, first_wanted(stream));
    }
    return 0;
}

void attach_end(int client)
{
    for (int i = 0; i < MAX_ATTACHED; i++)
        if (attachments[i].used && attachments[i].client == client)
            cut_off(&attachments[i], 0);
}

/* ---- the loop ---- */

void attach_watch(void)
{
    int takes = takes_input();
    container_entry = poll_add(container_is_full ? slots[SLOT_STDIN] : -1, POLLOUT);
    for (int i = 0; i < MAX_ATTACHED; i++) {
        struct attachment *a = &attachments[i];
        if (!a->used)
            continue;
        a->input_entry = poll_add(takes ? a->input : -1, POLLIN);
        for (int stream = 0; stream < STREAMS; stream++)
            a->output_entry[stream] = poll_add(lags(a, stream) ? a->output[stream] : -1, POLLOUT);
    }
}

void attach_serve(void)
{
    if (poll_result(container_entry))
        container_is_full = 0;
    for (int i = 0; i < MAX_ATTACHED; i++) {
        struct attachment *a = &attachments[i];
        if (a->used && poll_result(a->input_entry) && takes_input())
            feed(a);
        for (int stream = 0; stream < STREAMS; stream++)
            if (a->used && poll_result(a->output_entry[stream]))
                attach_pump(stream);
        if (a->used && a->window)
            judge(a);
    }
}

static int anyone_lags(struct pollfd *polled)
{
    int count = 0;
    for (int i = 0; i < MAX_ATTACHED; i++)
        for (int stream = 0; stream < STREAMS; stream++)
            if (attachments[i].used && lags(&attachments[i], stream))
                polled[count++] = (struct pollfd){ attachments[i].output[stream], POLLOUT, 0 };
    return count;
}

void attach_finish(void)
{
    static struct pollfd polled[MAX_ATTACHED * STREAMS];
    uint64_t end = now_millis() + FINISH_MILLIS;
    for (;;) {
        attach_pump(OUT);
        attach_pump(ERR);
        int count = anyone_lags(polled);
        uint64_t now = now_millis();
        if (count == 0 || now >= end)
            return;
        struct timespec wait = { (long)((end - now) / 1000), (long)((end - now) % 1000 * 1000000) };
        sys5(__NR_ppoll, polled, count, &wait, 0, 8);
    }
}
