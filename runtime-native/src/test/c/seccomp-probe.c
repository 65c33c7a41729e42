/* Asks the kernel what a seccomp filter answers.
 *
 * usage: seccomp-probe FILTER FLAGS     FILTER: file of struct sock_filter
 * stdin: lines "ABI NUMBER ARG0 .. ARG5", ABI native or x86, numbers in hexadecimal
 * stdout: a line per question: the raw result of the call, "trap" or "killed"
 *
 * Each question goes to a child of its own that loads a guard and then the filter. The guard
 * answers errno 4000 to everything, so no call is ever made: of two filters the stricter answer
 * counts, and of two equally strict ones the newer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAITING, ANSWERED, TRAPPED };

struct answer {
  volatile int state;
  volatile long result;
};

static struct answer *shared;

static void trapped(int signal) {
  (void)signal;
  shared->state = TRAPPED;
  for (;;) {
  }
}

static long native_call(unsigned long nr, const unsigned long *a) {
#if defined(__x86_64__)
  register unsigned long r10 __asm__("r10") = a[3];
  register unsigned long r8 __asm__("r8") = a[4];
  register unsigned long r9 __asm__("r9") = a[5];
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#else
  register unsigned long x8 __asm__("x8") = nr;
  register unsigned long x0 __asm__("x0") = a[0];
  register unsigned long x1 __asm__("x1") = a[1];
  register unsigned long x2 __asm__("x2") = a[2];
  register unsigned long x3 __asm__("x3") = a[3];
  register unsigned long x4 __asm__("x4") = a[4];
  register unsigned long x5 __asm__("x5") = a[5];
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return (long)x0;
#endif
}

static long x86_call(unsigned long nr, const unsigned long *a) {
#if defined(__x86_64__)
  int result;
  unsigned long sixth = (unsigned)a[5];
  /* Not by push: the red zone below the stack pointer may be in use. */
  __asm__ volatile("xchg %%rbp, %[sixth]\n\tint $0x80\n\txchg %%rbp, %[sixth]"
                   : "=a"(result), [sixth] "+r"(sixth)
                   : "a"((unsigned)nr), "b"((unsigned)a[0]), "c"((unsigned)a[1]),
                     "d"((unsigned)a[2]), "S"((unsigned)a[3]), "D"((unsigned)a[4])
                   : "r8", "r9", "r10", "r11", "memory");
  return result;
#else
  (void)nr;
  (void)a;
  return -ENOSYS;
#endif
}

static void load(struct sock_filter *filter, unsigned short length, unsigned flags) {
  struct sock_fprog program = {.len = length, .filter = filter};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0) {
    perror("seccomp");
    _exit(1);
  }
}

static void load_guard(void) {
  struct sock_filter guard[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_SET_MODE_FILTER, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 4000),
  };
  load(guard, sizeof guard / sizeof guard[0], 0);
}

static void ask(struct sock_filter *filter, unsigned short length, unsigned flags, int x86,
                unsigned long nr, const unsigned long *args) {
  shared->state = WAITING;
  pid_t child = fork();
  if (child < 0) {
    perror("fork");
    exit(1);
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGSYS, trapped);
    load_guard();
    load(filter, length, flags);
    shared->result = x86 ? x86_call(nr, args) : native_call(nr, args);
    shared->state = ANSWERED;
    for (;;) {
    }
  }
  int status;
  pid_t ended;
  while ((ended = waitpid(child, &status, WNOHANG)) == 0 && shared->state == WAITING) {
    sched_yield();
  }
  if (ended == 0) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  if (shared->state == ANSWERED) {
    printf("%ld\n", shared->result);
  } else if (shared->state == TRAPPED) {
    puts("trap");
  } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
    puts("killed");
  } else {
    fprintf(stderr, "the child ended with status %x\n", status);
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: seccomp-probe FILTER FLAGS\n");
    return 2;
  }
  static struct sock_filter filter[BPF_MAXINSNS];
  int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read(fd, filter, sizeof filter);
  if (size <= 0) {
    perror(argv[1]);
    return 1;
  }
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    perror("mmap");
    return 1;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  char abi[16];
  unsigned long nr, a[6];
  while (scanf("%15s %lx %lx %lx %lx %lx %lx %lx", abi, &nr, &a[0], &a[1], &a[2], &a[3], &a[4],
               &a[5]) == 8) {
    ask(filter, (unsigned short)((size_t)size / sizeof filter[0]), (unsigned)atoi(argv[2]),
        strcmp(abi, "x86") == 0, nr, a);
  }
  return 0;
}
