/* lib/stringinfo.h: see postgres.h above. */
#ifndef TENANT_MGR_FUZZ_STRINGINFO_H
#define TENANT_MGR_FUZZ_STRINGINFO_H

typedef struct StringInfoData
{
	char	   *data;
	int			len;
} StringInfoData;
typedef StringInfoData *StringInfo;

static inline void
initStringInfo(StringInfo info)
{
	info->data = calloc(1, 1);
	info->len = 0;
}

static inline void
appendBinaryStringInfo(StringInfo info, const void *data, int size)
{
	info->data = realloc(info->data, info->len + size + 1);
	if (info->data == NULL)
		abort();
	memcpy(info->data + info->len, data, size);
	info->len += size;
	info->data[info->len] = '\0';
}

static inline void
appendStringInfoChar(StringInfo info, char c)
{
	appendBinaryStringInfo(info, &c, 1);
}

#define appendStringInfoCharMacro(info, c)	appendStringInfoChar(info, c)

#endif							/* TENANT_MGR_FUZZ_STRINGINFO_H */
