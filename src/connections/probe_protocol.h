/*
 * probe_protocol.h
 *		What a session and the program tenant_mgr_probe tell each other.
 *
 * Both are built together and run on the same machine.  Included by code that
 * knows nothing of the server.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_PROBE_PROTOCOL_H
#define TENANT_MGR_PROBE_PROTOCOL_H

#include <stdint.h>

#define PROBE_PROGRAM		"tenant_mgr_probe"

#define PROBE_VERSION_SIZE	64
#define PROBE_TEXT_SIZE		1024
#define PROBE_SQLSTATE_SIZE	6

/* More than a connection string and a password can have */
#define PROBE_MAX_REQUEST	(8 * 1024 * 1024)

/*
 * A request: this, and after it the connection string and the password, each
 * with a null byte.
 */
typedef struct ProbeRequest
{
	uint32_t	conninfo_size;	/* bytes of the string, with the null byte */
	uint32_t	password_size;	/* of the password, or 0 if there is none */
	int32_t		timeout_ms;		/* how long the server has */
	int32_t		must_use_password;	/* has it to ask for the password? */
} ProbeRequest;

/* How far a probe has got */
typedef enum ProbePhase
{
	PROBE_CONNECTING,			/* nobody has accepted the connection */
	PROBE_LOGGING_IN,			/* the server has, but not let us in */
	PROBE_ASKING				/* it has let us in */
} ProbePhase;

/* What came of it */
typedef enum ProbeOutcome
{
	PROBE_UNDER_WAY,			/* nothing yet */
	PROBE_ANSWERED,				/* the question was answered */
	PROBE_TIMED_OUT,			/* the time was up */
	PROBE_NO_PASSWORD_USED,		/* it lets us in without the password */
	PROBE_ODD_ANSWER,			/* the answer is none to the question */
	PROBE_REFUSED,				/* an error of the server's, see sqlstate */
	PROBE_FAILED				/* anything else, see own_text */
} ProbeOutcome;

/*
 * The answer to a request; before the last one, there are some with the phase
 * only.  Texts end with a null byte.
 */
typedef struct ProbeAnswer
{
	int32_t		outcome;		/* a ProbeOutcome */
	int32_t		phase;			/* a ProbePhase */
	int32_t		in_recovery;	/* if answered, is it a standby? */
	double		latency_ms;		/* if answered, after how long */
	char		sqlstate[PROBE_SQLSTATE_SIZE];	/* if refused */
	char		own_text[PROBE_TEXT_SIZE];	/* the client's words, in which
											 * nothing is the server's */
	char		far_text[PROBE_TEXT_SIZE];	/* what the server may have put
											 * in, too */
	char		version[PROBE_VERSION_SIZE];	/* of the server, by itself */
} ProbeAnswer;

#endif							/* TENANT_MGR_PROBE_PROTOCOL_H */
