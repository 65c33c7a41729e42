#include "front.h"

#include "sha256.h"

enum {
    LONGEST = 1024,       /* of a flag and of an answer; what is longer is for the JVM */
    LONGEST_INPUT = 1 << 20, /* on the stack */
    LONGEST_SOCKET = 107, /* sun_path */
    HASH_BYTES = 8,
    NEWEST_VERSION = 3,
    KILLED = 128 + 9,
    LOCK_TRIES = 500,
    LOCK_PAUSE_NANOS = 5000000,
};

struct text {
    size_t size;
    char bytes[LONGEST];
};

struct request {
    const char *verb, *namespace, *address, *id, *bundle;
};

static int equals(const char *a, const char *b)
{
    size_t size = strlen(a);
    return size == strlen(b) && memcmp(a, b, size) == 0;
}

/* Returns 0 when there is no room. */
static int append_bytes(struct text *text, const void *bytes, size_t size)
{
    if (size >= LONGEST - text->size)
        return 0;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = 0;
    return 1;
}

static int append(struct text *text, const char *more)
{
    return append_bytes(text, more, strlen(more));
}

static const char *variable(const char **environment, const char *name)
{
    size_t size = strlen(name);
    for (; *environment; environment++)
        if (strlen(*environment) > size + 1 && memcmp(*environment, name, size) == 0 &&
            (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}

/* Flags as containerd writes them: one dash, value apart. All others are for the JVM. */
static int read_request(const char **arguments, struct request *request)
{
    for (; *arguments; arguments++) {
        const char **value = equals(*arguments, "-namespace") ? &request->namespace
                             : equals(*arguments, "-address") ? &request->address
                             : equals(*arguments, "-id")      ? &request->id
                             : equals(*arguments, "-bundle")  ? &request->bundle
                                                              : NULL;
        if (value || equals(*arguments, "-publish-binary")) {
            if (!*++arguments)
                return 0;
            if (value)
                *value = *arguments;
        } else if (equals(*arguments, "start") || equals(*arguments, "delete")) {
            request->verb = *arguments;
        } else if (!equals(*arguments, "-debug")) {
            return 0;
        }
    }
    return request->verb && request->namespace && request->address && request->id &&
           request->namespace[0] && request->address[0];
}

/* RUN/shim/HASH, as ShimDirectory names it. */
static int name_directory(const struct request *request, const char *run, struct text *directory)
{
    static const char digits[] = "0123456789abcdef";
    struct text key = { 0 };
    uint8_t digest[SHA256_BYTES];
    char hash[2 * HASH_BYTES];
    if (!append(&key, request->address) || !append(&key, "/") || !append(&key, request->namespace))
        return 0;
    sha256(key.bytes, key.size, digest);
    for (int i = 0; i < HASH_BYTES; i++) {
        hash[2 * i] = digits[digest[i] >> 4];
        hash[2 * i + 1] = digits[digest[i] & 15];
    }
    return run[0] == '/' && append(directory, run) && append(directory, "/shim/") &&
           append_bytes(directory, hash, sizeof hash);
}

/*
 * Under the lock of those who start shims and end them: what is found now stays. Whoever has it
 * answers in a moment or brings a shim up, which is worth waiting for; after that it is for the JVM.
 */
static int lock_starting(const char *directory)
{
    struct flock lock = { .l_type = F_WRLCK };
    struct timespec pause = { 0, LOCK_PAUSE_NANOS };
    if (FAILED(sys1(__NR_chdir, directory)))
        return 0;
    long fd = sys3(__NR_openat, AT_FDCWD, "starting", O_WRONLY | O_CLOEXEC);
    if (FAILED(fd))
        return 0;
    for (int tries = 0; FAILED(sys3(__NR_fcntl, fd, F_SETLK, &lock)); tries++) {
        if (tries == LOCK_TRIES)
            return 0;
        sys2(__NR_nanosleep, &pause, NULL);
    }
    return 1;
}

static int shim_answers(void)
{
    struct {
        uint16_t family;
        char path[108];
    } address = { .family = AF_UNIX, .path = "s" };
    long fd = sys3(__NR_socket, AF_UNIX, 1 /* SOCK_STREAM */ | SOCK_CLOEXEC, 0);
    return !FAILED(fd) && !FAILED(sys3(__NR_connect, fd, &address, sizeof address));
}

/*
 * Whether this is a BootstrapParams: a message with fields beyond the two of an Any, which is what
 * runtimes gave before. Reads all of standard input, which nobody needs any more.
 */
static int is_bootstrap_params(void)
{
    uint8_t input[LONGEST_INPUT];
    size_t size = 0, at = 0;
    int later = 0;
    for (long got = 1; got > 0 && size < sizeof input; size += (size_t)got) {
        got = sys3(__NR_read, 0, input + size, sizeof input - size);
        if (FAILED(got))
            break;
    }
    while (at < size) {
        uint8_t tag = input[at++];
        uint64_t value = 0;
        for (int shift = 0; at < size && shift < 64; shift += 7) {
            value |= (uint64_t)(input[at] & 127) << shift;
            if (!(input[at++] & 128))
                break;
        }
        later |= tag >> 3 > 2;
        if ((tag & 7) == 2)
            at = value > size - at ? size : at + value;
        else if (tag & 7)
            return 0;
    }
    return later;
}

static const char metadata_key[] = "dev.berth.shim.adopts-tasks";

/* One field of bytes; all of ours are shorter than 128. */
static int append_field(struct text *text, int number, const void *bytes, size_t size)
{
    char head[2] = { (char)(number << 3 | 2), (char)size };
    return append_bytes(text, head, sizeof head) && append_bytes(text, bytes, size);
}

static int word_binary(const struct text *address, struct text *answer)
{
    static const char version[] = { 1 << 3, NEWEST_VERSION };
    struct text entry = { 0 };
    return append_field(&entry, 1, metadata_key, sizeof metadata_key - 1) &&
           append_field(&entry, 2, "true", 4) && append_bytes(answer, version, sizeof version) &&
           append_field(answer, 2, address->bytes, address->size) &&
           append_field(answer, 3, "ttrpc", 5) &&
           append_field(answer, 5, entry.bytes, entry.size);
}

static int word_json(const struct text *address, const char *most, struct text *answer)
{
    char version[2] = { (char)(most[0] < '0' + NEWEST_VERSION ? most[0] : '0' + NEWEST_VERSION) };
    return append(answer, "{\"version\":") && append(answer, version) &&
           append(answer, ",\"address\":\"") && append(answer, address->bytes) &&
           append(answer, "\",\"protocol\":\"ttrpc\",\"metadata\":{\"") &&
           append(answer, metadata_key) && append(answer, "\":\"true\"}}\n");
}

static void leave_address(long bundle, const struct text *address)
{
    if (FAILED(sys4(__NR_faccessat, bundle, "config.json", 0, 0)))
        return;
    long fd = sys4(__NR_openat, bundle, "address", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (!FAILED(fd))
        sys3(__NR_write, fd, address->bytes, address->size);
}

static void answer_start(long bundle, const struct text *directory, const char *most)
{
    struct text address = { 0 }, answer = { 0 };
    int one_digit = !most || (most[0] >= '2' && most[0] <= '9' && !most[1]);
    if (!one_digit || directory->size + 2 > LONGEST_SOCKET || !append(&address, "unix://") ||
        !append(&address, directory->bytes) || !append(&address, "/s") || !shim_answers())
        return;
    leave_address(bundle, &address);
    int worded = is_bootstrap_params() ? word_binary(&address, &answer)
                 : most ? word_json(&address, most, &answer)
                        : append(&answer, address.bytes) && append(&answer, "\n");
    if (!worded)
        die(1); /* the address has a hundred bytes: there is room for it */
    sys3(__NR_write, 1, answer.bytes, answer.size);
    die(0);
}

/* One component of a path. */
static int is_name(const char *id)
{
    for (const char *at = id; *at; at++)
        if (*at == '/')
            return 0;
    return id[0] && id[0] != '.';
}

static int is_left(const char *folder, const char *id)
{
    struct text path = { 0 };
    return !append(&path, folder) || !append(&path, id) ||
           sys4(__NR_faccessat, AT_FDCWD, path.bytes, 0, 0) != -ENOENT;
}

/* A DeleteResponse: exit_status, exited_at. */
static void answer_delete(const char *id)
{
    struct timespec now;
    char answer[32] = { 2 << 3, (char)((KILLED & 127) | 128), KILLED >> 7, 3 << 3 | 2, 0, 1 << 3 };
    size_t size = 6;
    if (!is_name(id) || is_left("tasks/", id) || is_left("loggers/", id))
        return;
    sys2(__NR_clock_gettime, 0, &now);
    uint64_t seconds = (uint64_t)now.seconds;
    for (; seconds > 127; seconds >>= 7)
        answer[size++] = (char)((seconds & 127) | 128);
    answer[size++] = (char)seconds;
    answer[4] = (char)(size - 5);
    sys3(__NR_write, 1, answer, size);
    die(0);
}

void front(const char **arguments, const char **environment)
{
    struct request request = { 0 };
    struct text directory = { 0 };
    const char *run = variable(environment, "BERTH_RUN_DIR");
    if (!read_request(arguments, &request) ||
        !name_directory(&request, run ? run : "/run/berth", &directory))
        return;
    const char *folder = request.bundle && request.bundle[0] ? request.bundle : ".";
    long bundle = sys3(__NR_openat, AT_FDCWD, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!lock_starting(directory.bytes))
        return;
    if (equals(request.verb, "start"))
        answer_start(bundle, &directory, variable(environment, "MAX_SHIM_VERSION"));
    else
        answer_delete(request.id);
}
