// Preloaded into a service (ld.so(8), LD_PRELOAD), it moves the service's wall clock by ROOST_TEST_CLOCK_OFFSET seconds and
// leaves the clocks that timers go by alone. libfaketime 0.9.10 moves CLOCK_BOOTTIME with it, whatever it is told, and then
// a Swift task that sleeps wakes as much too late.
#define _GNU_SOURCE
#include "SkewedClock.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

long skewed_clock_offset(void) {
    // Read once: the environment of a process that runs does not change.
    static long offset;
    static int is_known;
    if (!is_known) {
        const char *text = getenv("ROOST_TEST_CLOCK_OFFSET");
        offset = text ? strtol(text, NULL, 10) : 0;
        is_known = 1;
    }
    return offset;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int status = (int)syscall(SYS_clock_gettime, clock, time);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += skewed_clock_offset();
    return status;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int status = clock_gettime(CLOCK_REALTIME, &now);
    if (status == 0) {
        time->tv_sec = now.tv_sec;
        time->tv_usec = now.tv_nsec / 1000;
    }
    return status;
}

time_t time(time_t *place) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}
