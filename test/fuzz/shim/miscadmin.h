/* miscadmin.h: see postgres.h beside it. */
#include <unistd.h>

#define MyProcPid	((int) getpid())
