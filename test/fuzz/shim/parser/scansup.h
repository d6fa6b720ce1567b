/* parser/scansup.h: see postgres.h above. */
#ifndef TENANT_MGR_FUZZ_SCANSUP_H
#define TENANT_MGR_FUZZ_SCANSUP_H

static inline bool
scanner_isspace(char c)
{
	return c != '\0' && strchr(" \t\n\r\v\f", c) != NULL;
}

static inline char *
downcase_truncate_identifier(const char *name, int len, bool warn)
{
	char	   *result = palloc(len + 1);

	for (int i = 0; i < len; i++)
		result[i] = name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i];
	result[Min(len, NAMEDATALEN - 1)] = '\0';
	return result;
}

#endif							/* TENANT_MGR_FUZZ_SCANSUP_H */
