#define _GNU_SOURCE
#include "CStreams.h"

#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int CStreamsMakeWatch(void) { return epoll_create1(EPOLL_CLOEXEC); }

int CStreamsWatch(int watch, int descriptor, int isKnown, int forReading, int forWriting) {
    struct epoll_event event = {
        .events = (forReading ? EPOLLIN : 0) | (forWriting ? EPOLLOUT : 0), .data.fd = descriptor};
    return epoll_ctl(watch, isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event);
}

int CStreamsReady(int watch, struct CStreamReady *ready) {
    struct epoll_event events[CStreamsReadyCount];
    int count = epoll_wait(watch, events, CStreamsReadyCount, 0);
    for (int index = 0; index < count; index++) {
        ready[index].descriptor = events[index].data.fd;
        ready[index].isReadable = (events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
        ready[index].isWritable = (events[index].events & EPOLLOUT) != 0;
    }
    return count;
}

int CStreamsAccept(int listener, void *address, unsigned int *byteCount) {
    return accept4(listener, address, byteCount, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
