/*
 * reference_check.h
 *		Whether rows of a clone find the rows outside that they refer to.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#ifndef TENANT_MGR_REFERENCE_CHECK_H
#define TENANT_MGR_REFERENCE_CHECK_H

/*
 * A foreign key of the clone to be checked: to a table outside of it, or
 * between columns of which one has changed and the other has not
 */
typedef struct OutsideReference
{
	Oid			constraint;		/* the foreign key, in the clone */
	Oid			child;			/* the table that refers, in the clone */
	Oid			parent;			/* the table that is referred to */
	bool		check_rows;		/* could rows there be gone? */
	bool		undone;			/* by this transaction? */
	bool		moves;			/* is it because columns have changed? */
} OutsideReference;

/*
 * Raise 40001 if the parent has got a partition that the foreign key does not
 * know.
 */
extern void tm_check_partitions(const OutsideReference *reference);

/*
 * Raise 40001 if the index that the foreign key relies on has been replaced.
 */
extern void tm_check_referenced_index(const OutsideReference *reference);

/*
 * Raise 23503 if a row refers to one that is not there.  The parent is locked
 * against writers, or the answer would not last.
 */
extern void tm_check_reference(const OutsideReference *reference);

#endif							/* TENANT_MGR_REFERENCE_CHECK_H */
