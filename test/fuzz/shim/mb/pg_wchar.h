/* mb/pg_wchar.h: nothing of it is needed. */
