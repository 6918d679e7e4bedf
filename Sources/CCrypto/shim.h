// SHA-256 from libcrypto.
#include <openssl/evp.h>
