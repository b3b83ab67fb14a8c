// Linux's epoll(7) for connections: Swift's Glibc module leaves <sys/epoll.h> out.
#ifndef CSTREAMS_H
#define CSTREAMS_H

// One connection that can be read or written, or has ended.
struct CStreamReady {
    int descriptor;
    // Whether there is something to read; the end and errors count, because reading tells them.
    int isReadable;
    int isWritable;
};

enum {
    CStreamsReadyCount = 64,
    CStreamUnsentLimitOption = 25, // TCP_NOTSENT_LOWAT (tcp(7))
};

// epoll_create1(2), closed on exec; -1 with errno.
int CStreamsMakeWatch(void);

// Watches a descriptor, from now on or otherwise than before; 0, or -1 with errno. Closing the descriptor ends it.
int CStreamsWatch(int watch, int descriptor, int isKnown, int forReading, int forWriting);

// Up to CStreamsReadyCount of those that are ready, without waiting: how many, or -1 with errno.
int CStreamsReady(int watch, struct CStreamReady *ready);

// accept4(2), non-blocking and closed on exec: a descriptor, or -1 with errno.
int CStreamsAccept(int listener, void *address, unsigned int *byteCount);

#endif
