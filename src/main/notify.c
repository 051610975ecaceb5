/* systemd's sd_notify(3), which documents the protocol for those who do without its library. */
#include "main/notify.h"
#include "base/log.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void notify_supervisor(const char *words)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path ? strlen(path) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = 0; /* of the abstract name space */
    int sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    bool good = sender >= 0 && sendto(sender, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT,
                                      (struct sockaddr *)(void *)&address, size) >= 0;
    if (!good) log_line("main", LOG_WARNING, "the supervisor is not told", "why=\"%s\"", strerror(errno));
    if (sender >= 0) close(sender);
}

void notify_reloading(void)
{
    char words[80];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long microseconds = now.tv_sec * 1000000LL + now.tv_nsec / 1000;
    snprintf(words, sizeof words, "RELOADING=1\nMONOTONIC_USEC=%lld", microseconds);
    notify_supervisor(words);
}

uint64_t notify_watchdog_ms(void)
{
    const char *interval = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
    if (!interval || (process && strtoll(process, NULL, 10) != getpid())) return 0;
    long long microseconds = strtoll(interval, NULL, 10);
    if (microseconds <= 0) return 0;
    return microseconds < 2000 ? 1 : (uint64_t)microseconds / 2000; /* twice as often as it has to be */
}
