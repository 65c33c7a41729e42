/*
 * Exchanges names as fast as the kernel does, until its input ends; then prints
 * how often. Usage: flip NAME OTHER [NAME OTHER]...
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

int main(int count, char **names)
{
    struct pollfd input = { 0, POLLIN, 0 };
    long flips = 0;
    while (poll(&input, 1, 0) == 0) {
        for (int burst = 0; burst < 100; burst++) {
            for (int i = 1; i + 1 < count; i += 2)
                if (renameat2(AT_FDCWD, names[i], AT_FDCWD, names[i + 1], RENAME_EXCHANGE) == 0)
                    flips++;
        }
    }
    printf("%ld\n", flips);
    return 0;
}
