#define _GNU_SOURCE
#include "CDatagrams.h"

#include <stddef.h>
#include <sys/eventfd.h>

_Static_assert(sizeof(struct CDatagram) == sizeof(struct mmsghdr), "CDatagram is laid out as mmsghdr");

int CDatagramsReceive(int descriptor, struct CDatagram *datagrams, unsigned int count) {
    return recvmmsg(descriptor, (struct mmsghdr *)datagrams, count, MSG_DONTWAIT, NULL);
}

int CDatagramsSend(int descriptor, struct CDatagram *datagrams, unsigned int count) {
    return sendmmsg(descriptor, (struct mmsghdr *)datagrams, count, MSG_DONTWAIT);
}

int CDatagramsMakeEvent(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }
