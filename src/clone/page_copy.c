/*
 * page_copy.c
 *		One heap page for the clone.
 *
 * The page keeps the rows that the clone's snapshot sees, where they are, and
 * nothing else.  Kept rows are frozen: transaction IDs of the source's past,
 * row locks and update chains do not travel.  The bytes of all other rows,
 * and of the free space, are wiped: they are somebody else's data.
 *
 * Where rows are stays the same because index pages may be copied as well,
 * and their entries point to line pointers.  An entry points to the root of a
 * HOT chain, so the root becomes a redirection to the one member that is
 * kept, as pruning would leave it; a root without a kept member becomes a
 * dead line pointer, which index scans skip and vacuum removes.  If indexes
 * are built anew, neither is needed, and every kept row stands by itself.
 *
 * Some bytes of a kept row may have to change: external values name their
 * TOAST table by OID, and an enum value is an OID.  Both have a fixed size
 * and are replaced in place.  Of a dropped column the value is wiped, but
 * its length stays; a value that is out of line gets a pointer to the
 * clone's TOAST table, for a delete will follow it.
 *
 * All of this is done on a private copy of the page, outside of any critical
 * section; the buffer is locked only while it is copied and rows are judged.
 *
 * Copyright (c) 2026, the tenant_mgr authors
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"

#include "clone/page_copy.h"
#include "clone/valuemap.h"

static void take_page(const PageCopy *copy, BlockNumber block,
					  BufferAccessStrategy strategy, Page page, bool *visible);
static void judge_rows(const PageCopy *copy, Buffer buffer, BlockNumber block,
					   bool *visible);
static void check_pointer_count(const PageCopy *copy, BlockNumber block,
								OffsetNumber count);
static void check_row_pointer(const PageCopy *copy, BlockNumber block,
							  OffsetNumber offset, ItemId item);
static void patch_all(const PageCopy *copy, Page page);
static void keep_row(const PageCopy *copy, Page page, BlockNumber block,
					 OffsetNumber offset, bool only);
static bool remove_rows(const PageCopy *copy, Page page, const bool *visible,
						const OffsetNumber *roots);
static bool remove_pointer(const PageCopy *copy, ItemId item, bool heap_only,
						   OffsetNumber member);
static void wipe_free_space(Page page);
static void patch_row(const PagePatch *patch, HeapTupleHeader row,
					  uint32 length);
static void patch_value(const PagePatch *patch, int column, char *value);

bool
tm_page_copy(const PageCopy *copy, BlockNumber block,
			 BufferAccessStrategy strategy, Page page)
{
	bool		visible[MaxHeapTuplesPerPage + 1];
	OffsetNumber roots[MaxHeapTuplesPerPage];
	OffsetNumber maxoff;
	bool		all_visible;

	take_page(copy, block, strategy, page, visible);
	if (PageIsNew(page))
		return false;
	if (copy->verbatim)
	{
		patch_all(copy, page);
		return PageIsAllVisible(page);
	}

	heap_get_root_tuples(page, roots);
	maxoff = PageGetMaxOffsetNumber(page);
	for (OffsetNumber offset = FirstOffsetNumber; offset <= maxoff; offset++)
	{
		if (visible[offset])
			keep_row(copy, page, block, offset,
					 copy->keep_pointers && roots[offset - 1] != offset);
	}

	all_visible = remove_rows(copy, page, visible, roots);
	wipe_free_space(page);
	((PageHeader) page)->pd_prune_xid = InvalidTransactionId;
	PageClearFull(page);
	if (all_visible)
		PageSetAllVisible(page);
	else
		PageClearAllVisible(page);
	return all_visible;
}

PagePatch *
tm_page_patch(Relation source, const OidMap *map)
{
	TupleDesc	tupdesc = RelationGetDescr(source);
	PagePatch  *patch = palloc0(sizeof(PagePatch));

	patch->map = map;
	patch->tupdesc = tupdesc;
	patch->toast_source = source->rd_rel->reltoastrelid;
	patch->toast_clone = tm_oidmap_translate(map, RelationRelationId,
											 patch->toast_source);
	patch->holds_oid = palloc0(sizeof(bool) * (tupdesc->natts + 1));
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		patch->holds_oid[i] = !att->attisdropped &&
			tm_valuemap_holds_oids(map, att->atttypid);
		patch->any_oid |= patch->holds_oid[i];
		if (patch->holds_oid[i] || att->attisdropped)
			patch->last_column = i + 1;
		if (att->attlen == -1)
			patch->last_varlena = i + 1;
	}
	if (patch->last_column == 0 && !OidIsValid(patch->toast_source))
		return NULL;
	return patch;
}

bool
tm_column_patchable(Oid typid)
{
	typid = getBaseType(typid);
	return get_typlen(typid) == sizeof(Oid) && get_typbyval(typid);
}

/* Copy the page from the buffer pool, and tell which of its rows are kept. */
static void
take_page(const PageCopy *copy, BlockNumber block,
		  BufferAccessStrategy strategy, Page page, bool *visible)
{
	Buffer		buffer = ReadBufferExtended(copy->source, MAIN_FORKNUM, block,
											RBM_NORMAL, strategy);

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (!PageIsNew(BufferGetPage(buffer)))
		judge_rows(copy, buffer, block, visible);
	memcpy(page, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
}

static void
judge_rows(const PageCopy *copy, Buffer buffer, BlockNumber block,
		   bool *visible)
{
	Page		page = BufferGetPage(buffer);
	OffsetNumber maxoff = PageGetMaxOffsetNumber(page);
	bool		all_visible = PageIsAllVisible(page) &&
		!copy->snapshot->takenDuringRecovery;

	check_pointer_count(copy, block, maxoff);
	for (OffsetNumber offset = FirstOffsetNumber; offset <= maxoff; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		HeapTupleData tuple;

		visible[offset] = false;
		if (!ItemIdIsNormal(item))
			continue;
		check_row_pointer(copy, block, offset, item);
		if (all_visible || copy->verbatim)
		{
			visible[offset] = true;
			continue;
		}
		tuple.t_tableOid = RelationGetRelid(copy->source);
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		ItemPointerSet(&tuple.t_self, block, offset);
		visible[offset] = HeapTupleSatisfiesVisibility(&tuple, copy->snapshot,
													   buffer);
	}
}

/* A damaged page must not make us write outside of our arrays ... */
static void
check_pointer_count(const PageCopy *copy, BlockNumber block,
					OffsetNumber count)
{
	if (count > MaxHeapTuplesPerPage)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("block %u of relation \"%s\" is corrupted",
						block, RelationGetRelationName(copy->source)),
				 errdetail("It has %u line pointers.", count),
				 errhint("Check the table with pg_amcheck.")));
}

/* ... nor of our copy of it. */
static void
check_row_pointer(const PageCopy *copy, BlockNumber block, OffsetNumber offset,
				  ItemId item)
{
	if (ItemIdGetOffset(item) >= SizeOfPageHeaderData &&
		ItemIdGetLength(item) >= SizeofHeapTupleHeader &&
		ItemIdGetOffset(item) + ItemIdGetLength(item) <= BLCKSZ)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("line pointer %u of block %u of relation \"%s\" is corrupted",
					offset, block, RelationGetRelationName(copy->source)),
			 errdetail("Offset %u, length %u.",
					   ItemIdGetOffset(item), ItemIdGetLength(item)),
			 errhint("Check the table with pg_amcheck.")));
}

/* A page that keeps everything still needs the clone's OIDs. */
static void
patch_all(const PageCopy *copy, Page page)
{
	OffsetNumber maxoff = PageGetMaxOffsetNumber(page);

	if (copy->patch == NULL)
		return;
	for (OffsetNumber offset = FirstOffsetNumber; offset <= maxoff; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);

		if (ItemIdIsNormal(item))
			patch_row(copy->patch, (HeapTupleHeader) PageGetItem(page, item),
					  ItemIdGetLength(item));
	}
}

/*
 * Make the row look as if it had always been here.  "only" says that it is
 * reached through a redirection and not by index entries of its own, which
 * only rows are that came from an update.
 */
static void
keep_row(const PageCopy *copy, Page page, BlockNumber block,
		 OffsetNumber offset, bool only)
{
	ItemId		item = PageGetItemId(page, offset);
	HeapTupleHeader row = (HeapTupleHeader) PageGetItem(page, item);

	row->t_infomask &= ~(HEAP_XACT_MASK);
	row->t_infomask |= HEAP_XMIN_FROZEN | HEAP_XMAX_INVALID;
	row->t_infomask2 &= ~(HEAP2_XACT_MASK);
	if (only)
	{
		HeapTupleHeaderSetHeapOnly(row);
		row->t_infomask |= HEAP_UPDATED;
	}
	HeapTupleHeaderSetXmin(row, FrozenTransactionId);
	HeapTupleHeaderSetXmax(row, InvalidTransactionId);
	row->t_choice.t_heap.t_field3.t_cid = FirstCommandId;
	ItemPointerSet(&row->t_ctid, block, offset);
	if (copy->patch != NULL)
		patch_row(copy->patch, row, ItemIdGetLength(item));
}

/*
 * Remove everything else; true if what is left is visible to everybody, that
 * is, if no dead line pointer had to stay.
 */
static bool
remove_rows(const PageCopy *copy, Page page, const bool *visible,
			const OffsetNumber *roots)
{
	OffsetNumber members[MaxHeapTuplesPerPage + 1] = {0};
	OffsetNumber maxoff = PageGetMaxOffsetNumber(page);
	bool		all_visible = true;
	bool		removed = false;

	/* which member of a chain is kept, if any */
	for (OffsetNumber offset = FirstOffsetNumber; offset <= maxoff; offset++)
	{
		OffsetNumber root = roots[offset - 1];

		if (visible[offset] && root != InvalidOffsetNumber && root != offset)
			members[root] = offset;
	}
	for (OffsetNumber offset = FirstOffsetNumber; offset <= maxoff; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		bool		heap_only = false;

		if (visible[offset] || !ItemIdIsUsed(item))
			continue;
		if (ItemIdIsNormal(item))
		{
			HeapTupleHeader row = (HeapTupleHeader) PageGetItem(page, item);

			heap_only = HeapTupleHeaderIsHeapOnly(row);
			removed = true;
		}
		if (!remove_pointer(copy, item, heap_only, members[offset]))
			all_visible = false;
	}
	if (removed)
		PageRepairFragmentation(page);
	return all_visible;
}

/* What becomes of a line pointer; false if it has to stay as a dead one. */
static bool
remove_pointer(const PageCopy *copy, ItemId item, bool heap_only,
			   OffsetNumber member)
{
	if (!copy->keep_pointers || heap_only)
		ItemIdSetUnused(item);
	else if (OffsetNumberIsValid(member))
		ItemIdSetRedirect(item, member);
	else
	{
		ItemIdSetDead(item);
		return false;
	}
	return true;
}

/* What pruning left behind between the line pointers and the rows. */
static void
wipe_free_space(Page page)
{
	PageHeader	header = (PageHeader) page;

	memset((char *) page + header->pd_lower, 0,
		   header->pd_upper - header->pd_lower);
}

/*
 * Change the values of one row that cannot stay as they are.  In a damaged
 * row a value may claim to reach beyond the row's end.
 */
static void
patch_row(const PagePatch *patch, HeapTupleHeader row, uint32 length)
{
	bool		has_nulls = (row->t_infomask & HEAP_HASNULL) != 0;
	int			ncolumns = patch->last_column;
	char	   *data = (char *) row + row->t_hoff;
	uint32		offset = 0;
	uint64		end = row->t_hoff;

	if ((row->t_infomask & HEAP_HASEXTERNAL) != 0 &&
		patch->last_varlena > ncolumns)
		ncolumns = patch->last_varlena;
	ncolumns = Min(ncolumns, HeapTupleHeaderGetNatts(row));

	for (int i = 0; i < ncolumns; i++)
	{
		Form_pg_attribute att = TupleDescAttr(patch->tupdesc, i);

		if (has_nulls && att_isnull(i, row->t_bits))
			continue;
		end = row->t_hoff + (uint64) offset;
		if (end < length)
		{
			offset = att_align_pointer(offset, att->attalign, att->attlen,
									   data + offset);
			end = row->t_hoff + (uint64) offset;
		}
		/* no value takes no room at all */
		if (end < length)
			end = att_addlength_pointer(end, att->attlen, data + offset);
		else
			end = (uint64) length + 1;
		if (end > length)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("value of column \"%s\" reaches beyond the end of its row",
							NameStr(att->attname)),
					 errhint("Check the table with pg_amcheck.")));
		patch_value(patch, i, data + offset);
		offset = end - row->t_hoff;
	}
}

static void
patch_value(const PagePatch *patch, int column, char *value)
{
	Form_pg_attribute att = TupleDescAttr(patch->tupdesc, column);

	if (att->attlen == -1 && VARATT_IS_EXTERNAL_ONDISK(value))
	{
		struct varatt_external pointer;

		/* the pointer is not aligned in the row */
		memcpy(&pointer, VARDATA_EXTERNAL(value), sizeof(pointer));
		pointer.va_toastrelid = patch->toast_clone;
		memcpy(VARDATA_EXTERNAL(value), &pointer, sizeof(pointer));
	}
	else if (att->attisdropped && att->attlen == -1)
		memset(VARDATA_ANY(value), 0, VARSIZE_ANY_EXHDR(value));
	else if (att->attisdropped && att->attlen > 0)
		memset(value, 0, att->attlen);
	else if (patch->holds_oid[column])
	{
		Oid			oid;

		memcpy(&oid, value, sizeof(Oid));
		oid = DatumGetObjectId(tm_valuemap_value(patch->map, ObjectIdGetDatum(oid),
												 att->atttypid));
		memcpy(value, &oid, sizeof(Oid));
	}
}
