/* access/xact.h: nothing of it is needed. */
