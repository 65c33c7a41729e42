/*
 * The way of the output into the log: writes of any size, a log that takes only part of them or
 * nothing, rotation, and a kill at any system call with a successor that goes on.
 *
 * What must hold: each line is `stamp stream tag content`, and the contents are the output, byte
 * for byte and in order, but for what the log says was dropped; nothing comes twice.
 */
#include "kernel.h"

#include "log.h"

enum { FIFO_OUT = 10, FIFO_ERR, SPOOL_OUT, SPOOL_ERR, JOURNAL, TRUTH_OUT, TRUTH_ERR, FIRST_LOG = 20, LAST_LOG = 40 };
enum { PREFIX = 40 };

static int log_now;
static unsigned int writes_that_fail, short_write;
static int faulty; /* a write of the log has failed, so that output may be dropped */

static void open_log(void)
{
    static const int fifos[STREAMS] = { FIFO_OUT, FIFO_ERR }, spools[STREAMS] = { SPOOL_OUT, SPOOL_ERR };
    if (FAILED(log_open(fifos, spools, log_now, JOURNAL)))
        broken("the log cannot be opened");
}

static int is_log(long fd)
{
    return fd >= FIRST_LOG && fd <= LAST_LOG;
}

static int answer(long number, const long *a, long *result)
{
    if (number != __NR_pwritev || !is_log(a[0]))
        return 0;
    if (writes_that_fail) {
        writes_that_fail--;
        faulty = 1;
        *result = -ENOSPC;
        return 1;
    }
    if (short_write) {
        struct iovec first = *(struct iovec *)a[1];
        first.length = first.length < short_write ? first.length : short_write;
        short_write = 0;
        *result = sys5(__NR_pwritev, a[0], &first, 1, a[3], 0);
        return 1;
    }
    return 0;
}

/* Bytes that tell one position from another, with a line's end now and then. */
static void produce(int stream)
{
    static uint8_t bytes[1 << 16];
    size_t size = (size_t)take_number() % sizeof bytes;
    unsigned int line = 1 + take_number() % 40000;
    if (line < 64)
        size %= 4096; /* each gets a stamp of 40 bytes */
    size_t before = files[TRUTH_OUT + stream].size;
    if (before + size > 1 << 20)
        return;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (before + i + 1) % line ? (uint8_t)('a' + (before + i) / 7 % 26) : '\n';
    file_append(FIFO_OUT + stream, bytes, size);
    file_append(TRUTH_OUT + stream, bytes, size);
}

static void pump_once(void)
{
    log_pump(take_byte() & 1);
}

static void pump_all(void)
{
    for (int stream = 0; stream < STREAMS; stream++)
        while (log_pump(stream))
            ;
}

static void keep(void)
{
    int stream = take_byte() & 1;
    uint64_t position = log_position(stream), back = take_number();
    log_keep(stream, back > position ? UINT64_MAX : position - back);
}

static void read_back(void)
{
    static char bytes[4096];
    int stream = take_byte() & 1;
    uint64_t position = log_position(stream), back = take_number();
    position = back > position ? 0 : position - back;
    long size = log_read(stream, position, bytes, sizeof bytes);
    if (size > 0 && memcmp(bytes, files[TRUTH_OUT + stream].bytes + position, (size_t)size) != 0)
        broken("what stands at a position is not what was written there");
}

static void rotate(void)
{
    if (log_now == LAST_LOG)
        return;
    file_open(++log_now, 0);
    if (FAILED(log_reopen(log_now)))
        broken("the log cannot be changed");
}

static void finish(void)
{
    log_finish();
}

static int killed; /* positions then count from what the successor found */

static void do_step(void)
{
    switch (take_byte() % 10) {
    case 0:
    case 1:
        produce(take_byte() & 1);
        break;
    case 2:
    case 3:
        run(pump_once, 1);
        break;
    case 4:
        run(pump_all, 1);
        break;
    case 5:
        short_write = take_number() + 1;
        break;
    case 6:
        writes_that_fail = take_byte() % 4;
        break;
    case 7:
        kill_after = 1 + take_byte() % 40;
        if (!run(take_byte() & 1 ? pump_all : pump_once, 1)) {
            killed = 1;
            run(open_log, 0);
        }
        break;
    case 8:
        run(rotate, 1);
        break;
    case 9:
        if (!killed)
            run(take_byte() & 1 ? keep : read_back, 1);
    }
}

/* ---- what must hold ---- */

static struct {
    size_t at[STREAMS];
    uint64_t dropped;
} seen;

static int begins(const uint8_t *line, size_t size, const char *text)
{
    return size >= strlen(text) && memcmp(line, text, strlen(text)) == 0;
}

static int is_marker(int stream, const uint8_t *content, size_t size)
{
    static const char after[] = " bytes of output dropped: the log could not be written";
    if (stream != ERR || size != 7 + 20 + sizeof after - 1 || !begins(content, size, "berth: ") ||
        memcmp(content + 27, after, sizeof after - 1) != 0)
        return 0;
    uint64_t count = 0;
    for (int i = 7; i < 27; i++)
        count = count * 10 + (uint64_t)(content[i] - '0');
    seen.dropped += count;
    return 1;
}

static void check_content(int stream, const uint8_t *content, size_t size)
{
    struct file *truth = &files[TRUTH_OUT + stream];
    if (size > truth->size - seen.at[stream])
        broken("the log holds more than was written");
    if (!faulty && memcmp(content, truth->bytes + seen.at[stream], size) != 0)
        broken("the log holds something else than was written");
    seen.at[stream] += size;
}

static void check_line(const uint8_t *line, size_t size)
{
    if (size < PREFIX || line[4] != '-' || line[10] != 'T' || line[29] != 'Z' || line[30] != ' ' ||
        line[37] != ' ' || line[39] != ' ')
        broken("a line of the log has another form");
    int stream = begins(line + 31, 6, "stdout") ? OUT : ERR;
    if (stream == ERR && !begins(line + 31, 6, "stderr"))
        broken("a line of the log is of neither stream");
    if (size - PREFIX > LINE_LIMIT)
        broken("a line of the log is too long");
    if (line[38] == 'F') {
        if (is_marker(stream, line + PREFIX, size - PREFIX))
            return;
        check_content(stream, line + PREFIX, size - PREFIX + 1);
    } else if (line[38] == 'P') {
        check_content(stream, line + PREFIX, size - PREFIX);
    } else {
        broken("a line of the log has neither tag");
    }
}

static void check_log(const struct file *log)
{
    size_t start = 0;
    for (size_t i = 0; i < log->size; i++) {
        if (log->bytes[i] != '\n')
            continue;
        check_line(log->bytes + start, i - start);
        start = i + 1;
    }
    if (start != log->size)
        broken("the log ends in the middle of a line");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct journal empty = { 0 };
    input = (struct input){ bytes, size };
    answers = answer;
    log_now = FIRST_LOG;
    writes_that_fail = short_write = 0;
    faulty = killed = 0;
    seen.at[OUT] = seen.at[ERR] = 0;
    seen.dropped = 0;
    file_open(FIFO_OUT, 1), file_open(FIFO_ERR, 1);
    file_open(SPOOL_OUT, 0), file_open(SPOOL_ERR, 0);
    file_open(JOURNAL, 0), file_open(TRUTH_OUT, 0), file_open(TRUTH_ERR, 0);
    file_open(FIRST_LOG, 0);
    file_append(JOURNAL, &empty, sizeof empty);
    run(open_log, 0);
    while (input.left)
        do_step();
    writes_that_fail = short_write = 0;
    run(finish, 1);
    for (int i = FIRST_LOG; i <= log_now; i++)
        check_log(&files[i]);
    if (seen.at[OUT] + seen.at[ERR] + seen.dropped != files[TRUTH_OUT].size + files[TRUTH_ERR].size)
        broken("what is neither logged nor counted as dropped");
    file_free_all();
    return 0;
}
