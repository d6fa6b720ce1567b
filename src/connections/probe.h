/*
 * probe.h
 *		Trying whether servers answer, many at once.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PROBE_H
#define TENANT_MGR_PROBE_H

#include "datatype/timestamp.h"

/* Where to connect to; the caller's, but wiped by tm_probe_run() */
typedef struct ProbeTarget
{
	char	   *conninfo;		/* connection string without a password */
	char	   *password;		/* the password, or NULL */
	bool		must_use_password;	/* is a login without it none? */
	const char *refusal;		/* why it is not even tried, or NULL */
	bool		suspect;		/* is it likely to take long? */
} ProbeTarget;

/* What came of it; texts are palloc'd */
typedef struct ProbeResult
{
	bool		answered;		/* has the server answered a query? */
	bool		in_recovery;	/* if so, is it a standby? */
	double		latency_ms;		/* if so, from connecting to the answer */
	char	   *server_version; /* if so, its number */
	char	   *error;			/* if not, why; one line, and nothing in it
								 * that the server could choose */
	bool		no_password_used;	/* is that it? */
	char	   *far_version;	/* what the server says, for those only who */
	char	   *far_error;		/* may know the password; may be NULL */
	TimestampTz ended_at;		/* when that was clear */
} ProbeResult;

/* What is called meanwhile; each may be NULL */
typedef struct ProbeHooks
{
	/* a target is about to be probed; does not raise an error */
	void		(*begun) (int number, void *arg);
	/* a target has been probed; does not raise an error */
	void		(*ended) (int number, const ProbeResult *result, void *arg);

	/* called now and then: should the rest be given up? */
	bool		(*give_up) (void *arg);

	void	   *arg;			/* for all of them */
	int			begin_ms;		/* so long are targets begun, or 0: until all
								 * are */
} ProbeHooks;

/*
 * Connect to each target, ask a question and disconnect; each has that many
 * milliseconds.  They are begun in their order, but suspects get no more than
 * half of the processes while there are others.  Returns an array of results in
 * the same order, or NULL if it was given up; if there was not time to begin
 * all, the rest is left alone, but for the first one and the first suspect.  A
 * target that does not answer is no error.  It can be cancelled; whatever
 * happens, no process is left, and the passwords are wiped.
 */
extern ProbeResult *tm_probe_run(ProbeTarget *targets, int ntargets,
								 int timeout_ms, const ProbeHooks *hooks);

#endif							/* TENANT_MGR_PROBE_H */
