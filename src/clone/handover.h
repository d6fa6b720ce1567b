/*
 * handover.h
 *		What must not go with a schema from one owner to another.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_HANDOVER_H
#define TENANT_MGR_HANDOVER_H

#include "clone/clone_state.h"

/*
 * If the clone's owner takes the place of the source's, raise TM009 for the
 * first member that would lend the new owner's rights to others.
 */
extern void tm_handover_refuse(const CloneState *state);

/*
 * Whose rights the code of a table of the source is evaluated with while its
 * copy is filled: those of the source's owner.
 */
extern Oid	tm_handover_evaluator(Oid source_table);

/*
 * Let the source's owner reach what the clone's expressions call, and take it
 * back; the clone's rows are visible.
 */
extern List *tm_handover_lend(const CloneState *state);
extern void tm_handover_take_back(List *lent);

#endif							/* TENANT_MGR_HANDOVER_H */
