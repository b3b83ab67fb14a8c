// The SHA-1 functions that work on a plain struct are called deprecated since OpenSSL 3.0; their successors allocate at
// each use, which the packets' path must not (see HMACSHA1.swift).
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
