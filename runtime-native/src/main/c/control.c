#include "control.h"

#include "attach.h"
#include "process.h"
#include "stub.h"
#include "terminal.h"

struct message message;

static struct client {
    int fd;
    int follows; /* is told, unasked, what happens to the process */
    int entry;
} clients[MAX_CLIENTS];
static int listener_entry;

void control_open(void)
{
    for (int i = 0; i < MAX_CLIENTS; i++)
        clients[i].fd = -1;
    clients[0].fd = BOOT_FD;
    clients[0].follows = 1;
}

static struct client *find(int client)
{
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (client >= 0 && clients[i].fd == client)
            return &clients[i];
    return NULL;
}

/* Of one that was dropped already, because it did not take an earlier message, nothing is left. */
void control_drop(int client)
{
    struct client *known = find(client);
    if (!known)
        return;
    known->fd = -1;
    process_forget_starter(client);
    attach_end(client);
    sys1(__NR_close, client);
    if (client == BOOT_FD && slots[SLOT_LISTENER] < 0 && slots[SLOT_EXIT_RECORD] < 0)
        give_up(); /* nobody else can find this process, or learn how it ended */
}

void reply(int client, uint32_t kind, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t head[4] = { kind, a, b, c };
    if (find(client) && FAILED(send_message(client, head, sizeof head, NULL, 0)))
        control_drop(client);
}

static void reply_result(int client, long result)
{
    if (FAILED(result))
        reply(client, FROM_ERROR, (uint32_t)-result, 0, 0);
    else
        reply(client, FROM_OK, 0, 0, 0);
}

long reply_descriptors(int client, uint32_t kind)
{
    uint32_t head[4] = { kind, (uint32_t)process.pid, 0, 0 };
    int fds[2] = { process.pidfd, slots[SLOT_MASTER] };
    long sent = send_message(client, head, sizeof head, fds, fds[1] >= 0 ? 2 : 1);
    if (FAILED(sent))
        control_drop(client);
    return sent;
}

long reply_descriptor(int client, uint32_t kind, int fd)
{
    uint32_t head[4] = { kind, 0, 0, 0 };
    long sent = send_message(client, head, sizeof head, &fd, 1);
    if (FAILED(sent))
        control_drop(client);
    return sent;
}

void control_tell_followers(uint32_t kind)
{
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (clients[i].fd >= 0 && clients[i].follows)
            reply(clients[i].fd, kind, 0, 0, 0);
}

void control_tell_all(uint32_t kind, uint32_t a, uint32_t b, uint32_t c)
{
    for (int i = 0; i < MAX_CLIENTS; i++)
        reply(clients[i].fd, kind, a, b, c);
}

static void follow(int client)
{
    struct client *follower = find(client);
    if (follower)
        follower->follows = 1;
    reply_descriptors(client, FROM_DESCRIPTORS);
}

static long reopen(const int *fds, int count)
{
    int log = count ? (int)sys3(__NR_fcntl, fds[0], 1030 /* F_DUPFD_CLOEXEC */, 3) : -1;
    if (count && log < 0)
        return log;
    long result = log_reopen(log);
    if (FAILED(result) && log >= 0)
        sys1(__NR_close, log);
    return result;
}

static void abort_launch(int client)
{
    if (!process.started && !process.adopted)
        give_up();
    reply(client, FROM_ERROR, EBUSY, 0, 0);
}

/* Whoever takes a descriptor over sets it to -1 in `fds`. */
static void on_message(int client, int *fds, int count)
{
    switch (message.kind) {
    case TO_START:
        process_start(client);
        break;
    case TO_REOPEN_LOG:
        reply_result(client, reopen(fds, count));
        break;
    case TO_RESIZE:
        reply_result(client, terminal_resize(message.a, message.b));
        break;
    case TO_CLOSE_STDIN:
        attach_close_stdin();
        reply(client, FROM_OK, 0, 0, 0);
        break;
    case TO_STATE:
        reply(client, FROM_STATE, plan->phase, (uint32_t)process.pid, PROTOCOL_VERSION);
        break;
    case TO_DESCRIPTORS:
        follow(client);
        break;
    case TO_ABORT:
        abort_launch(client);
        break;
    case TO_RELEASE:
        process_release(client, message.a != 0);
        break;
    case TO_ATTACH:
        reply_result(client, attach_begin(client, message.a, fds, count));
        break;
    default:
        reply(client, FROM_ERROR, ENOSYS, 0, 0);
    }
}

static void on_client(int client)
{
    int fds[MAX_FDS], count;
    long size = receive_message(client, &message, sizeof message, fds, &count);
    if (size >= HEAD) {
        on_message(client, fds, count);
    } else {
        int preparing = client == BOOT_FD && plan->phase == PHASE_PREPARING;
        control_drop(client);
        if (preparing && !process.adopted)
            give_up();
    }
    for (int i = 0; i < count; i++)
        if (fds[i] >= 0)
            sys1(__NR_close, fds[i]);
}

/* Only root of the host's user namespace may ask (rule R17). */
static void on_listener(void)
{
    struct ucred peer = { 0, ~0U, ~0U };
    unsigned int size = sizeof peer;
    long client = sys4(__NR_accept4, slots[SLOT_LISTENER], 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (FAILED(client))
        return;
    sys5(__NR_getsockopt, client, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    for (int i = 0; peer.uid == 0 && i < MAX_CLIENTS; i++) {
        if (clients[i].fd < 0) {
            clients[i] = (struct client){ .fd = (int)client, .entry = -1 };
            return;
        }
    }
    sys1(__NR_close, client);
}

void control_watch(void)
{
    listener_entry = poll_add(slots[SLOT_LISTENER], POLLIN);
    for (int i = 0; i < MAX_CLIENTS; i++)
        clients[i].entry = poll_add(clients[i].fd, POLLIN);
}

void control_serve(void)
{
    if (poll_result(listener_entry))
        on_listener();
    for (int i = 0; i < MAX_CLIENTS; i++)
        if (clients[i].fd >= 0 && poll_result(clients[i].entry))
            on_client(clients[i].fd);
}
