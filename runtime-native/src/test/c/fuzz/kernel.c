#include "kernel.h"

#include <linux/stat.h>
#include <setjmp.h>

struct input input;
struct file files[MAX_FILES];
unsigned int kill_after;
int (*answers)(long number, const long *arguments, long *result);

static jmp_buf end;
static uint64_t nanoseconds;

/*
 * berth-init's variables: fuzz.sh renames the sections of its objects, for which the linker then
 * has these names. The first run keeps what they hold at start.
 */
extern uint8_t __start_berth_data[], __stop_berth_data[];
extern uint8_t __start_berth_bss[], __stop_berth_bss[];
static uint8_t *fresh_data;

/* Red zones lie between the variables: nothing of this may be instrumented or become a memcpy. */
__attribute__((no_sanitize("address"))) static void copy_raw(volatile uint64_t *to,
                                                            const volatile uint64_t *from, size_t size)
{
    for (size_t i = 0; i < size / 8; i++)
        to[i] = from ? from[i] : 0;
}

static void reset_variables(void)
{
    size_t data = (size_t)(__stop_berth_data - __start_berth_data);
    size_t bss = (size_t)(__stop_berth_bss - __start_berth_bss);
    if (!fresh_data) {
        fresh_data = malloc(data + 8);
        copy_raw((uint64_t *)fresh_data, (uint64_t *)__start_berth_data, data);
        return;
    }
    copy_raw((uint64_t *)__start_berth_data, (uint64_t *)fresh_data, data);
    copy_raw((uint64_t *)__start_berth_bss, NULL, bss);
}

uint8_t take_byte(void)
{
    if (!input.left)
        return 0;
    input.left--;
    return *input.at++;
}

uint32_t take_number(void)
{
    uint32_t low = take_byte();
    return low < 0xf0 ? low : low << 8 | take_byte() | (uint32_t)take_byte() << 16;
}

_Noreturn void broken(const char *what)
{
    dprintf(2, "broken: %s\n", what);
    abort();
}

/* ---- files ---- */

static struct file *file_at(long fd)
{
    return fd >= 0 && fd < MAX_FILES && files[fd].open ? &files[fd] : NULL;
}

static void make_room(struct file *file, size_t size)
{
    if (size <= file->room)
        return;
    uint8_t *bytes = malloc(size * 2);
    if (file->size)
        memcpy(bytes, file->bytes, file->size);
    free(file->bytes);
    file->bytes = bytes;
    file->room = size * 2;
}

static void set_size(struct file *file, size_t size)
{
    make_room(file, size);
    if (size > file->size)
        memset(file->bytes + file->size, 0, size - file->size);
    file->size = size;
}

void file_open(int fd, int is_fifo)
{
    free(files[fd].bytes);
    files[fd] = (struct file){ .open = 1, .is_fifo = is_fifo };
}

void file_append(int fd, const void *bytes, size_t size)
{
    struct file *file = &files[fd];
    if (!size || file->size + size > FILE_LIMIT)
        return;
    make_room(file, file->size + size);
    memcpy(file->bytes + file->size, bytes, size);
    file->size += size;
}

void file_free_all(void)
{
    for (int i = 0; i < MAX_FILES; i++) {
        free(files[i].bytes);
        files[i] = (struct file){ 0 };
    }
}

static long read_at(struct file *file, void *to, size_t size, uint64_t offset)
{
    if (offset >= file->size)
        return 0;
    if (size > file->size - offset)
        size = file->size - offset;
    memcpy(to, file->bytes + offset, size);
    return (long)size;
}

static long read_fifo(struct file *file, void *to, size_t size)
{
    long taken = read_at(file, to, size, 0);
    if (taken == 0)
        return -EAGAIN;
    file->size -= (size_t)taken;
    if (file->size)
        memmove(file->bytes, file->bytes + taken, file->size);
    return taken;
}

static long write_at(struct file *file, const void *from, size_t size, uint64_t offset)
{
    if (offset + size > FILE_LIMIT)
        return -ENOSPC;
    if (offset + size > file->size)
        set_size(file, offset + size);
    if (size)
        memcpy(file->bytes + offset, from, size);
    return (long)size;
}

static long write_vectors(struct file *file, const struct iovec *iov, long count, uint64_t offset)
{
    long total = 0;
    for (long i = 0; i < count; i++) {
        long written = write_at(file, iov[i].base, iov[i].length, offset + (uint64_t)total);
        if (FAILED(written))
            return total ? total : written;
        total += written;
    }
    return total;
}

static long splice(struct file *from, struct file *to, uint64_t *offset, size_t size)
{
    if (from->size == 0)
        return -EAGAIN;
    if (size > from->size)
        size = from->size;
    long written = to->is_fifo ? write_at(to, from->bytes, size, to->size)
                               : write_at(to, from->bytes, size, offset ? *offset : to->size);
    if (FAILED(written))
        return written;
    from->size -= size;
    if (from->size)
        memmove(from->bytes, from->bytes + size, from->size);
    return (long)size;
}

static long describe(long fd, struct file *file, struct statx *status)
{
    memset(status, 0, sizeof *status);
    status->stx_ino = (uint64_t)fd;
    status->stx_size = file->is_fifo ? 0 : file->size;
    status->stx_mode = file->is_fifo ? S_IFIFO : S_IFREG;
    return 0;
}

/* ---- calls ---- */

static long on_file(long number, struct file *file, const long *a, int *known)
{
    struct file *other;
    *known = 1;
    switch (number) {
    case __NR_lseek:
        return file->is_fifo ? -ESPIPE : (long)file->size;
    case __NR_read:
        return read_fifo(file, (void *)a[1], (size_t)a[2]);
    case __NR_pread64:
        return read_at(file, (void *)a[1], (size_t)a[2], (uint64_t)a[3]);
    case __NR_write:
        return write_at(file, (void *)a[1], (size_t)a[2], file->size);
    case __NR_pwrite64:
        return write_at(file, (void *)a[1], (size_t)a[2], (uint64_t)a[3]);
    case __NR_pwritev:
        return write_vectors(file, (void *)a[1], a[2], (uint64_t)a[3]);
    case __NR_ftruncate:
        if (a[1] > FILE_LIMIT)
            return -EFBIG;
        set_size(file, (size_t)a[1]);
        file->size = (size_t)a[1];
        return 0;
    case __NR_fallocate:
        if ((uint64_t)a[2] < file->size && (uint64_t)a[3] <= file->size - (uint64_t)a[2])
            memset(file->bytes + a[2], 0, (size_t)a[3]);
        return 0;
    case __NR_ioctl: /* FIONREAD alone is about a file */
        *(int *)a[2] = (int)file->size;
        return 0;
    case __NR_statx:
        return describe(a[0], file, (void *)a[4]);
    case __NR_close:
        file->open = 0;
        return 0;
    case __NR_splice:
        other = file_at(a[2]);
        if (other)
            return splice(file, other, (uint64_t *)a[3], (size_t)a[4]);
    }
    *known = 0;
    return 0;
}

static long tell_time(struct timespec *now)
{
    nanoseconds += 1000003;
    now->seconds = 1795000000 + (long)(nanoseconds / 1000000000);
    now->nanoseconds = (long)(nanoseconds % 1000000000);
    return 0;
}

/* A file is mapped as it is: what is written there stays for the next who maps it. */
static long map(long fd)
{
    struct file *file = file_at(fd);
    return file && file->size ? (long)file->bytes : -EINVAL;
}

/* What nobody knows better: a small number, or now and then an error. */
static long anything(void)
{
    uint8_t byte = take_byte();
    return byte < 200 ? byte : -(long)(byte - 199);
}

long sys(long number, long a, long b, long c, long d, long e, long f)
{
    const long arguments[] = { a, b, c, d, e, f };
    long result;
    int known;
    if (kill_after && --kill_after == 0)
        longjmp(end, 2);
    if (answers && answers(number, arguments, &result))
        return result;
    if (number == __NR_exit_group)
        longjmp(end, 3);
    if (number == __NR_clock_gettime)
        return tell_time((void *)b);
    if (number == __NR_mmap)
        return map(e);
    if (number == __NR_munmap)
        return 0;
    struct file *file = file_at(a);
    if (file) {
        result = on_file(number, file, arguments, &known);
        if (known)
            return result;
    }
    return anything();
}

_Noreturn void die(int status)
{
    sys1(__NR_exit_group, status);
    broken("a process goes on after its end");
}

int run(void (*code)(void), int keeps)
{
    if (!keeps)
        reset_variables();
    int ended = setjmp(end);
    if (!ended)
        code();
    kill_after = 0;
    return ended != 2;
}
