#include "sys.h"

struct control {
    struct cmsghdr header;
    int fds[MAX_FDS];
};

long send_message(int socket, const void *bytes, size_t size, const int *fds, int fd_count)
{
    struct control control;
    struct iovec iov = { (void *)bytes, size };
    struct msghdr message = { .iov = &iov, .iov_count = 1 };
    if (fd_count > MAX_FDS)
        return -EMSGSIZE;
    if (fd_count > 0) {
        control.header.length = sizeof control.header + (size_t)fd_count * sizeof(int);
        control.header.level = SOL_SOCKET;
        control.header.type = SCM_RIGHTS;
        memcpy(control.fds, fds, (size_t)fd_count * sizeof(int));
        message.control = &control;
        message.control_length = control.header.length;
    }
    long result;
    do
        result = sys3(__NR_sendmsg, socket, &message, MSG_NOSIGNAL);
    while (result == -EINTR);
    return result;
}

long receive_message(int socket, void *bytes, size_t size, int *fds, int *fd_count)
{
    struct control control;
    struct iovec iov = { bytes, size };
    struct msghdr message = {
        .iov = &iov, .iov_count = 1, .control = &control, .control_length = sizeof control
    };
    *fd_count = 0;
    long result;
    do
        result = sys3(__NR_recvmsg, socket, &message, MSG_CMSG_CLOEXEC);
    while (result == -EINTR);
    if (FAILED(result))
        return result;
    if (message.control_length >= sizeof control.header && control.header.level == SOL_SOCKET &&
        control.header.type == SCM_RIGHTS) {
        *fd_count = (int)((control.header.length - sizeof control.header) / sizeof(int));
        memcpy(fds, control.fds, (size_t)*fd_count * sizeof(int));
    }
    if (message.flags & (MSG_TRUNC | MSG_CTRUNC)) {
        for (int i = 0; i < *fd_count; i++)
            sys1(__NR_close, fds[i]);
        *fd_count = 0;
        return -EMSGSIZE;
    }
    return result;
}
