#include "log.h"

#include <linux/stat.h>

enum {
    CHUNK = LINE_LIMIT + 8192, /* what the longest piece of a line takes; memory of every container */
    VECTORS = 512, /* of 1024 that the kernel takes, linux/uio.h: memory again */
    PREFIX = 30 + 1 + 6 + 1 + 1 + 1, /* stamp, stream, tag and their blanks */
    STALLED_LIMIT = 1 << 20,         /* bytes kept while the log cannot be written */
    RETRY_MILLIS = 1000,
    SPLICE_MOVE_NONBLOCK = 3,
};

static struct journal *journal;
static int fifo[STREAMS], spool[STREAMS];
static uint64_t done[STREAMS], end[STREAMS];
static uint64_t released[STREAMS]; /* bytes of each spool whose memory was given back */
static uint64_t taken[STREAMS];    /* bytes that came out of each FIFO */
static uint64_t base[STREAMS];     /* position of the spool's first byte in the whole output */
static uint64_t kept[STREAMS] = { UINT64_MAX, UINT64_MAX }; /* first position that others want */
static int log_fd = -1;
static uint64_t log_size, dropped, reported;
static int stalled;         /* errno of the last failed write, 0 when the log is writable */
static int opened;
static char chunk[CHUNK];
static const char *const names[STREAMS] = { "stdout", "stderr" };

static void put_number(char *at, uint64_t value, int digits)
{
    while (digits--) {
        at[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* Days to a civil date, after Howard Hinnant's algorithm: valid for all of time_t's years here. */
static void put_date(char *at, uint64_t days)
{
    uint64_t z = days + 719468, era = z / 146097, day_of_era = z % 146097;
    uint64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t shifted = (5 * day_of_year + 2) / 153;
    uint64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    put_number(at, year_of_era + era * 400 + (month <= 2), 4);
    put_number(at + 5, month, 2);
    put_number(at + 8, day_of_year - (153 * shifted + 2) / 5 + 1, 2);
}

/* "2026-11-22T02:01:08.123456789Z stdout F ": always PREFIX bytes. */
static void put_prefix(char *at, int stream)
{
    struct timespec now = { 0, 0 };
    sys2(__NR_clock_gettime, 0, &now);
    uint64_t seconds = (uint64_t)now.seconds, of_day = seconds % 86400;
    memcpy(at, "0000-00-00T00:00:00.000000000Z stdout F ", PREFIX);
    put_date(at, seconds / 86400);
    put_number(at + 11, of_day / 3600, 2);
    put_number(at + 14, of_day / 60 % 60, 2);
    put_number(at + 17, of_day % 60, 2);
    put_number(at + 20, (uint64_t)now.nanoseconds, 9);
    memcpy(at + 31, names[stream], 6);
}

/* Eight bytes at a time: a byte is zero in x exactly where the newline was. */
static const char *find_newline(const char *from, const char *limit)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    while (limit - from >= 8) {
        uint64_t word;
        __builtin_memcpy(&word, from, 8);
        word ^= ones * '\n';
        uint64_t zeros = (word - ones) & ~word & highs;
        if (zeros)
            return from + (__builtin_ctzll(zeros) >> 3);
        from += 8;
    }
    for (; from < limit; from++)
        if (*from == '\n')
            return from;
    return NULL;
}

static void commit(void)
{
    if (!journal)
        return;
    uint32_t next = 1 - journal->active;
    struct journal_slot *slot = &journal->slot[next];
    slot->done[OUT] = done[OUT];
    slot->done[ERR] = done[ERR];
    slot->log_size = log_size;
    slot->dropped = dropped;
    slot->reported = reported;
    __atomic_store_n(&journal->active, next, __ATOMIC_RELEASE);
}

/* Half of a line may stand at the end: it must not stay if nothing else comes. */
static long cut_off(long error)
{
    sys2(__NR_ftruncate, log_fd, log_size);
    stalled = (int)-error;
    return error;
}

/* Writes at the end of the log. The vectors are consumed. 0 or -errno; all or, on failure, nothing counts. */
static long write_log(struct iovec *iov, int count, uint64_t size)
{
    uint64_t at = log_size;
    while (count > 0) {
        long written = sys5(__NR_pwritev, log_fd, iov, count, at, 0);
        if (written == -EINTR)
            continue;
        if (FAILED(written))
            return cut_off(written);
        if (written == 0)
            return cut_off(-EIO);
        at += (uint64_t)written;
        while (count > 0 && (size_t)written >= iov->length) {
            written -= (long)iov->length;
            iov++;
            count--;
        }
        if (count > 0) {
            iov->base = (char *)iov->base + written;
            iov->length -= (size_t)written;
        }
    }
    log_size += size;
    stalled = 0;
    return 0;
}

struct batch {
    struct iovec iov[VECTORS];
    int count;
    uint64_t size;  /* bytes of log */
    size_t content; /* bytes of output */
};

static struct batch batch;
static char full_prefix[PREFIX], part_prefix[PREFIX];

static void add(const void *base, size_t size)
{
    batch.iov[batch.count].base = (void *)base;
    batch.iov[batch.count].length = size;
    batch.count++;
    batch.size += size;
}

/* Cuts lines off [from, limit) into the batch; `finish` takes the unfinished last one too. */
static void cut_lines(const char *from, const char *limit, int stream, int finish)
{
    put_prefix(full_prefix, stream);
    memcpy(part_prefix, full_prefix, PREFIX);
    part_prefix[PREFIX - 2] = 'P';
    batch.count = 0;
    batch.size = 0;
    const char *start = from;
    while (from < limit && batch.count <= VECTORS - 3) {
        const char *newline = find_newline(from, limit - from > LINE_LIMIT ? from + LINE_LIMIT + 1 : limit);
        if (newline) {
            add(full_prefix, PREFIX);
            add(from, (size_t)(newline - from) + 1);
            from = newline + 1;
        } else if (limit - from > LINE_LIMIT || finish) {
            size_t size = limit - from > LINE_LIMIT ? LINE_LIMIT : (size_t)(limit - from);
            add(part_prefix, PREFIX);
            add(from, size);
            add("\n", 1);
            from += size;
        } else {
            break;
        }
    }
    batch.content = (size_t)(from - start);
}

static void report_dropped(void)
{
    static const char before[] = "berth: ", after[] = " bytes of output dropped: the log could not be written\n";
    char digits[20];
    uint64_t size = PREFIX + sizeof before - 1 + sizeof digits + sizeof after - 1;
    if (dropped == reported || log_fd < 0)
        return;
    put_prefix(full_prefix, ERR);
    put_number(digits, dropped - reported, sizeof digits);
    struct iovec iov[] = { { full_prefix, PREFIX },
                           { (void *)before, sizeof before - 1 },
                           { digits, sizeof digits },
                           { (void *)after, sizeof after - 1 } };
    if (!FAILED(write_log(iov, 4, size))) {
        reported = dropped;
        commit();
    }
}

/*
 * Gives back the memory of what stands in the log. Output that always ends in the
 * middle of a line never empties the spool; its length grows then, its size does not.
 */
static void release_spool(int stream)
{
    enum { KEEP_SIZE = 1, PUNCH_HOLE = 2, AT_ONCE = 1 << 20, PAGE = 4096 };
    uint64_t unused = done[stream];
    if (kept[stream] < base[stream] + unused)
        unused = kept[stream] - base[stream];
    uint64_t size = (unused - released[stream]) & ~(uint64_t)(PAGE - 1);
    if (unused < released[stream] || size < AT_ONCE)
        return;
    sys4(__NR_fallocate, spool[stream], KEEP_SIZE | PUNCH_HOLE, released[stream], size);
    released[stream] += size;
}

/* Cuts the drained spool to nothing; the flag tells a successor which half of this was done. */
static void reset_spool(int stream)
{
    if (end[stream] == 0 || done[stream] != end[stream] || kept[stream] < base[stream] + end[stream])
        return;
    base[stream] += end[stream];
    if (journal)
        __atomic_store_n(&journal->resetting[stream], 1, __ATOMIC_RELEASE);
    sys2(__NR_ftruncate, spool[stream], 0);
    done[stream] = end[stream] = released[stream] = 0;
    commit();
    if (journal)
        __atomic_store_n(&journal->resetting[stream], 0, __ATOMIC_RELEASE);
}

static void drop(int stream, uint64_t size)
{
    done[stream] += size;
    if (log_fd >= 0)
        dropped += size;
    commit();
}

/* An administrator may empty a log in place; going on at the old offset would leave a hole. */
static void follow_truncation(void)
{
    long size = sys3(__NR_lseek, log_fd, 0, 2);
    if (!FAILED(size) && (uint64_t)size < log_size)
        log_size = (uint64_t)size;
}

/* Moves spooled bytes into the log. Returns 0 when nothing more can be moved now. */
static int spool_to_log(int stream, int finish)
{
    uint64_t waiting = end[stream] - done[stream];
    if (waiting == 0)
        return 0;
    if (log_fd < 0) {
        drop(stream, waiting);
        return 0;
    }
    long size = sys4(__NR_pread64, spool[stream], chunk, CHUNK, done[stream]);
    if (FAILED(size) || size == 0)
        return 0;
    follow_truncation();
    report_dropped();
    cut_lines(chunk, chunk + size, stream, finish && (uint64_t)size == waiting);
    if (batch.count == 0)
        return 0;
    if (FAILED(write_log(batch.iov, batch.count, batch.size))) {
        if (waiting > STALLED_LIMIT || finish)
            drop(stream, waiting);
        return 0;
    }
    done[stream] += batch.content;
    commit();
    release_spool(stream);
    return 1;
}

/* Empties the spool whatever it takes: an unfinished line becomes a P line. */
static void flush_spool(int stream)
{
    while (spool_to_log(stream, 1))
        ;
    if (done[stream] != end[stream])
        drop(stream, end[stream] - done[stream]);
    reset_spool(stream);
}

/*
 * The spool's file system is full: straight into the log, since a container that
 * blocks on its output is worse than a line that a kill at this moment would lose.
 */
static long bypass_spool(int stream)
{
    kept[stream] = UINT64_MAX;
    flush_spool(stream);
    long size = sys3(__NR_read, fifo[stream], chunk, CHUNK);
    if (FAILED(size) || size == 0)
        return size;
    base[stream] += (uint64_t)size;
    if (log_fd >= 0)
        report_dropped();
    for (const char *from = chunk; from < chunk + size; from += batch.content) {
        cut_lines(from, chunk + size, stream, 1);
        if (log_fd >= 0 && FAILED(write_log(batch.iov, batch.count, batch.size)))
            dropped += batch.content;
    }
    commit();
    return size;
}

int log_pump(int stream)
{
    if (fifo[stream] < 0)
        return 0;
    uint64_t offset = end[stream];
    long moved = sys6(__NR_splice, fifo[stream], 0, spool[stream], &offset, 1 << 20, SPLICE_MOVE_NONBLOCK);
    if (!FAILED(moved))
        end[stream] += (uint64_t)moved;
    else if (moved != -EAGAIN && moved != -EINTR)
        moved = bypass_spool(stream);
    while (spool_to_log(stream, 0))
        ;
    reset_spool(stream);
    if (stalled)
        report_dropped(); /* even when there is nothing else to write */
    if (FAILED(moved) || moved == 0)
        return 0;
    taken[stream] += (uint64_t)moved;
    return 1;
}

static uint64_t waiting_in_fifo(int stream)
{
    enum { FIONREAD = 0x541b };
    int bytes = 0;
    sys3(__NR_ioctl, fifo[stream], FIONREAD, &bytes);
    return bytes > 0 ? (uint64_t)bytes : 0;
}

void log_finish(void)
{
    for (int stream = 0; stream < STREAMS; stream++) {
        if (fifo[stream] < 0)
            continue;
        uint64_t limit = taken[stream] + waiting_in_fifo(stream);
        while (taken[stream] < limit && log_pump(stream))
            ;
        flush_spool(stream);
    }
    report_dropped();
}

static long describe_log(void)
{
    struct statx status;
    log_size = 0;
    if (log_fd < 0)
        return 0;
    long result = sys5(__NR_statx, log_fd, "", AT_EMPTY_PATH, STATX_INO | STATX_SIZE, &status);
    if (FAILED(result))
        return result;
    log_size = status.stx_size;
    if (journal) {
        journal->log_device = ((uint64_t)status.stx_dev_major << 32) | status.stx_dev_minor;
        journal->log_inode = status.stx_ino;
    }
    return 0;
}

long log_reopen(int log)
{
    for (int stream = 0; stream < STREAMS; stream++)
        if (fifo[stream] >= 0)
            while (spool_to_log(stream, 0))
                ;
    int before = log_fd;
    log_fd = log;
    stalled = 0;
    long result = describe_log();
    if (FAILED(result)) {
        log_fd = before;
        return result;
    }
    commit();
    if (before >= 0)
        sys1(__NR_close, before);
    report_dropped();
    return 0;
}

uint64_t log_position(int stream)
{
    return base[stream] + end[stream];
}

long log_read(int stream, uint64_t position, void *to, size_t size)
{
    if (position < base[stream])
        return -ESTALE;
    return position == log_position(stream)
               ? 0
               : sys4(__NR_pread64, spool[stream], to, size, position - base[stream]);
}

void log_keep(int stream, uint64_t position)
{
    if (fifo[stream] < 0)
        return;
    kept[stream] = position < base[stream] ? base[stream] : position;
    release_spool(stream);
    reset_spool(stream);
}

enum stdin_state log_stdin_state(void)
{
    return journal ? (enum stdin_state)journal->stdin_state : STDIN_NONE;
}

void log_set_stdin_closed(void)
{
    if (journal)
        __atomic_store_n(&journal->stdin_state, STDIN_CLOSED, __ATOMIC_RELEASE);
}

int log_retry_after(void)
{
    int waiting = done[OUT] != end[OUT] || done[ERR] != end[ERR] || dropped != reported;
    return stalled && waiting ? RETRY_MILLIS : -1;
}

int log_is_open(void)
{
    return opened;
}

static long spool_size(int fd, uint64_t *size)
{
    long result = sys3(__NR_lseek, fd, 0, 2);
    if (FAILED(result))
        return result;
    *size = (uint64_t)result;
    return 0;
}

/*
 * Takes up where a killed predecessor stopped. `same_log`: the file is the one
 * the journal speaks of; else it was rotated away and the caller has cut it.
 */
static long resume(int same_log)
{
    struct journal_slot *slot = &journal->slot[journal->active & 1];
    for (int stream = 0; stream < STREAMS; stream++) {
        if (spool[stream] < 0)
            continue;
        if (journal->resetting[stream]) {
            sys2(__NR_ftruncate, spool[stream], 0);
            slot->done[stream] = 0;
            journal->resetting[stream] = 0;
        }
        long result = spool_size(spool[stream], &end[stream]);
        if (FAILED(result))
            return result;
        done[stream] = slot->done[stream] <= end[stream] ? slot->done[stream] : end[stream];
    }
    dropped = slot->dropped;
    reported = slot->reported;
    if (log_fd >= 0 && same_log && slot->log_size < log_size) {
        /* Written, but not recorded: it is written again. */
        long result = sys2(__NR_ftruncate, log_fd, slot->log_size);
        if (FAILED(result))
            return result;
        log_size = slot->log_size;
    }
    commit();
    return 0;
}

long log_open(const int fifos[STREAMS], const int spools[STREAMS], int log, int journal_fd)
{
    int fresh = 1;
    for (int stream = 0; stream < STREAMS; stream++) {
        fifo[stream] = fifos[stream];
        spool[stream] = spools[stream];
    }
    log_fd = log;
    opened = 1;
    if (journal_fd >= 0) {
        long address = sys6(__NR_mmap, 0, sizeof(struct journal), 3, 1, journal_fd, 0);
        if (FAILED(address))
            return address;
        journal = (struct journal *)address;
        fresh = journal->magic != JOURNAL_MAGIC;
        if (!fresh && journal->version != JOURNAL_VERSION)
            return -EPROTO; /* a newer one's: to begin anew would lose lines, or double them */
    }
    uint64_t device = fresh ? 0 : journal->log_device, inode = fresh ? 0 : journal->log_inode;
    long result = describe_log();
    if (FAILED(result))
        return result;
    if (!fresh)
        return resume(device == journal->log_device && inode == journal->log_inode);
    commit();
    if (journal) {
        journal->version = JOURNAL_VERSION;
        __atomic_store_n(&journal->magic, JOURNAL_MAGIC, __ATOMIC_RELEASE);
    }
    return 0;
}

static char plain[STREAMS][CHUNK];
static size_t filled[STREAMS];

/* Writes the lines that are complete; the rest waits for its end. */
static void write_plain_lines(int stream, int ended)
{
    char *start = plain[stream];
    do {
        cut_lines(start, plain[stream] + filled[stream], stream, ended);
        if (batch.count && FAILED(write_log(batch.iov, batch.count, batch.size)))
            dropped += batch.content;
        start += batch.content;
    } while (batch.count);
    filled[stream] -= (size_t)(start - plain[stream]);
    memmove(plain[stream], start, filled[stream]);
    report_dropped();
}

/* What cannot be written is lost: whoever writes into the pipe must not wait for the disk. */
static void write_plain_bytes(int stream, int ended)
{
    (void)ended;
    for (size_t at = 0; at < filled[stream];) {
        long written = sys3(__NR_write, log_fd, plain[stream] + at, filled[stream] - at);
        if (written == -EINTR)
            continue;
        if (FAILED(written) || written == 0)
            break;
        at += (size_t)written;
    }
    filled[stream] = 0;
}

/* Reads what is there; returns whether the input has ended. */
static int read_plain(int input, int stream)
{
    long size = sys3(__NR_read, input, plain[stream] + filled[stream], CHUNK - filled[stream]);
    if (size == -EINTR || size == -EAGAIN)
        return 0;
    if (FAILED(size) || size == 0)
        return 1;
    filled[stream] += (size_t)size;
    return 0;
}

static void copy_plain(const int input[STREAMS], void (*write_out)(int stream, int ended))
{
    struct pollfd polled[STREAMS] = { { input[OUT], POLLIN, 0 }, { input[ERR], POLLIN, 0 } };
    while (polled[OUT].fd >= 0 || polled[ERR].fd >= 0) {
        long ready = sys5(__NR_ppoll, polled, STREAMS, 0, 0, 8);
        if (FAILED(ready) && ready != -EINTR)
            return;
        for (int stream = 0; ready > 0 && stream < STREAMS; stream++) {
            if (polled[stream].fd < 0 || !polled[stream].revents)
                continue;
            int ended = read_plain(input[stream], stream);
            if (ended)
                polled[stream].fd = -1;
            write_out(stream, ended);
        }
    }
}

void log_plain(int log, const int input[STREAMS])
{
    log_fd = log;
    describe_log();
    copy_plain(input, write_plain_lines);
}

void log_copy(int file, const int input[STREAMS])
{
    log_fd = file;
    copy_plain(input, write_plain_bytes);
}
