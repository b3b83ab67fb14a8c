// Linux's calls for many datagrams at once and its event descriptor: Swift's Glibc module leaves them out, because it is
// built without _GNU_SOURCE.
#ifndef CDATAGRAMS_H
#define CDATAGRAMS_H

#include "CStreams.h"
#include <netinet/in.h>
#include <sys/socket.h>

// As struct mmsghdr (recvmmsg(2)).
struct CDatagram {
    struct msghdr header;
    unsigned int byteCount;
};

// As struct in6_pktinfo (RFC 3542 §6.1).
struct CDatagramPacketInfo {
    struct in6_addr address;
    unsigned int interface;
};

// Options of Linux that the Glibc module does not show (udp(7), socket(7)).
enum {
    CDatagramSegmentOption = 103, // UDP_SEGMENT
    CDatagramReceiveBufferForce = 33, // SO_RCVBUFFORCE
    CDatagramSendBufferForce = 32, // SO_SNDBUFFORCE
    CDatagramReceivePacketInfo = 49, // IPV6_RECVPKTINFO
    CDatagramPacketInfoOption = 50, // IPV6_PKTINFO
};

// recvmmsg(2) and sendmmsg(2) without waiting: how many, or -1 with errno.
int CDatagramsReceive(int descriptor, struct CDatagram *datagrams, unsigned int count);
int CDatagramsSend(int descriptor, struct CDatagram *datagrams, unsigned int count);

// eventfd(2), non-blocking and closed on exec.
int CDatagramsMakeEvent(void);

#endif
