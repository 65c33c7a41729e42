/*
 * What a program without a C library needs: raw system calls, and the few
 * memory functions that the compiler itself calls.
 */
#ifndef BERTH_SYS_H
#define BERTH_SYS_H

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel answers a failure with a value in [-4095, -1]: minus the errno. */
#define FAILED(result) ((unsigned long)(result) > -4096UL)

long sys(long number, long a, long b, long c, long d, long e, long f);

#define sys0(n) sys(n, 0, 0, 0, 0, 0, 0)
#define sys1(n, a) sys(n, (long)(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) sys(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(n, a, b, c, d) sys(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys5(n, a, b, c, d, e) \
    sys(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys6(n, a, b, c, d, e, f) \
    sys(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

_Noreturn void die(int status);

/* Structs of the kernel's interface that have no usable uapi header here. */
struct iovec {
    void *base;
    size_t length;
};

struct msghdr {
    void *name;
    int name_length;
    struct iovec *iov;
    size_t iov_count;
    void *control;
    size_t control_length;
    unsigned int flags;
};

struct cmsghdr {
    size_t length;
    int level;
    int type;
};

struct ucred {
    int pid;
    unsigned int uid;
    unsigned int gid;
};

struct timespec {
    long seconds;
    long nanoseconds;
};

struct pollfd {
    int fd;
    short events;
    short revents;
};

enum {
    POLLIN = 0x1,
    POLLOUT = 0x4,
    POLLERR = 0x8,
    POLLHUP = 0x10,
    SOL_SOCKET = 1,
    SCM_RIGHTS = 1,
    SO_PEERCRED = 17,
    MSG_DONTWAIT = 0x40,
    MSG_NOSIGNAL = 0x4000,
    MSG_TRUNC = 0x20,
    MSG_CTRUNC = 0x8,
    MSG_CMSG_CLOEXEC = 0x40000000,
    AF_UNIX = 1,
    SOCK_SEQPACKET = 5,
    SOCK_CLOEXEC = 02000000,
    SOCK_NONBLOCK = 04000,
};

/*
 * Sends or receives one message with up to MAX_FDS descriptors. Both return the
 * number of bytes or minus the errno; receive_message sets *fd_count, and the
 * caller owns what arrived. A message or descriptor that did not fit is -EMSGSIZE.
 */
enum { MAX_FDS = 64 };
long send_message(int socket, const void *bytes, size_t size, const int *fds, int fd_count);
long receive_message(int socket, void *bytes, size_t size, int *fds, int *fd_count);

#endif
