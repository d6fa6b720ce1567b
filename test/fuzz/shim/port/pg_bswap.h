/* port/pg_bswap.h: see postgres.h above. */
#include <arpa/inet.h>
#include <endian.h>

#define pg_hton32(x)	htonl(x)
#define pg_ntoh32(x)	ntohl(x)
#define pg_hton64(x)	htobe64(x)
#define pg_ntoh64(x)	be64toh(x)
