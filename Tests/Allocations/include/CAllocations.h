// Takes the place of the C library's allocation in a test executable, whoever calls it there: Swift, OpenSSL, the C library.
#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

// How often the calling thread has allocated memory, or changed the size of some.
unsigned long CAllocationsCount(void);

#endif
