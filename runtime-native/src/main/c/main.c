/*
 * berth-init: the parent of one container process.
 *
 * Started by the shim with one socket (fd 3), it receives a plan, runs it, and
 * stays: it relays the questions of the process it cloned, opens the start
 * gate, copies the output into the log, answers on the control socket, reaps
 * the process and writes the exit record. The shim may come and go meanwhile.
 * Told to release the process (TO_RELEASE) it ends instead.
 *
 *   berth-init                     with a socket as fd 3: as above
 *   berth-init log PATH            a containerd `binary://` logger: fds 3, 4 are
 *                                  the outputs, 5 is closed when ready
 *   berth-init copy PATH           the same, byte for byte instead of in lines
 *   berth-init pause               the first process of a pod's pid namespace
 *   berth-init hook PATH ARGV...   the program at PATH, with none of what the shim has for
 *                                  itself; fd 3 gets the errno if it cannot be executed
 *   berth-init shim ARGUMENT...    what of containerd-shim-berth-v2 takes no JVM (front.h); exit
 *                                  code 75 if that is nothing of this
 *   berth-init version
 */
#include "control.h"
#include "front.h"
#include "log.h"
#include "stub.h"

#include <linux/wait.h>

#ifndef BERTH_VERSION
#define BERTH_VERSION "unknown"
#endif

static _Noreturn void run_logger(const char *path, void (*run)(int file, const int *inputs), int flags)
{
    static const int inputs[STREAMS] = { 3, 4 };
    name_process();
    block_signals();
    long log = sys4(__NR_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0640);
    if (FAILED(log))
        die(1);
    sys1(__NR_close, 5); /* ready */
    run((int)log, inputs);
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

static _Noreturn void run_hook(const char *path, const char **arguments, const char **environment)
{
    enum { ERROR_FD = 3 };
    sys3(__NR_close_range, ERROR_FD, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
    sys1(__NR_umask, 022);
    int error = -(int)sys3(__NR_execve, path, arguments, environment);
    sys3(__NR_write, ERROR_FD, &error, sizeof error);
    die(127);
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
        "usage: berth-init version | pause | log PATH | copy PATH | hook PATH ARGV... | shim ARGV...;"
        " started by the shim otherwise\n";
    long count = stack[0];
    const char **arguments = (const char **)(stack + 1);
    if (count == 1 && sys3(__NR_fcntl, BOOT_FD, 1 /* F_GETFD */, 0) >= 0)
        run_container();
    if (count == 3 && equals(arguments[1], "log"))
        run_logger(arguments[2], log_plain, 0);
    if (count == 3 && equals(arguments[1], "copy"))
        run_logger(arguments[2], log_copy, O_APPEND);
    if (count >= 4 && equals(arguments[1], "hook"))
        run_hook(arguments[2], arguments + 3, arguments + count + 1);
    if (count == 2 && equals(arguments[1], "pause"))
        run_pause();
    if (count >= 3 && equals(arguments[1], "shim")) {
        front(arguments + 2, arguments + count + 1);
        die(75 /* EX_TEMPFAIL */);
    }
    if (count == 2 && equals(arguments[1], "version")) {
        sys3(__NR_write, 1, version, sizeof version - 1);
        die(0);
    }
    sys3(__NR_write, 2, usage, sizeof usage - 1);
    die(2);
}
