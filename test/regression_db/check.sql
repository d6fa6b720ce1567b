-- check.sql: what a clone must not have in common with its source.

CREATE SCHEMA regress_tm_check;

-- Rows of (catalog, OID) that make up a schema, found without the extension.
CREATE FUNCTION regress_tm_check.members(schema text, OUT classid oid, OUT objid oid)
	RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
	WITH RECURSIVE m (classid, objid) AS (
		SELECT d.classid, d.objid
		FROM pg_depend d JOIN pg_namespace n ON d.refobjid = n.oid
		WHERE d.refclassid = 'pg_namespace'::regclass AND n.nspname = schema
			AND d.deptype IN ('n', 'a', 'i')
		UNION
		SELECT d.classid, d.objid
		FROM pg_depend d JOIN m ON d.refclassid = m.classid AND d.refobjid = m.objid
		WHERE d.deptype IN ('i', 'a', 'P', 'S')
			AND d.classid::regclass::text !~ '^pg_publication'
	)
	SELECT 'pg_namespace'::regclass::oid, oid FROM pg_namespace WHERE nspname = schema
	UNION SELECT * FROM m
	UNION SELECT 'pg_class'::regclass, c.reltoastrelid
		FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname = schema AND reltoastrelid <> 0
$$;

-- Dependencies that cross from one schema to the other.
CREATE FUNCTION regress_tm_check.crossings(source text, clone text)
	RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
	WITH s AS MATERIALIZED (SELECT * FROM regress_tm_check.members(source)),
		c AS MATERIALIZED (SELECT * FROM regress_tm_check.members(clone))
	SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' depends on '
		|| pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
	FROM pg_depend d
		JOIN c ON c.classid = d.classid AND c.objid = d.objid
		JOIN s ON s.classid = d.refclassid AND s.objid = d.refobjid
	UNION ALL
	SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' depends on '
		|| pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
	FROM pg_depend d
		JOIN s ON s.classid = d.classid AND s.objid = d.objid
		JOIN c ON c.classid = d.refclassid AND c.objid = d.refobjid
$$;

-- How many dependencies of which kind a schema has.  What is published is not a
-- property of the schema.
CREATE FUNCTION regress_tm_check.dependencies(schema text)
	RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
	WITH m AS MATERIALIZED (SELECT * FROM regress_tm_check.members(schema))
	SELECT format('%s %s %s %s', d.classid::regclass, d.refclassid::regclass,
		d.deptype, count(*))
	FROM pg_depend d JOIN m USING (classid, objid)
	WHERE d.classid::regclass::text !~ '^pg_publication'
	GROUP BY d.classid, d.refclassid, d.deptype
	ORDER BY d.classid::regclass::text, d.refclassid::regclass::text, d.deptype
$$;

-- Numbers in the clone's expressions that are OIDs of the source.  Constants are
-- bytes and are left out: pg_dump shows what they mean.
CREATE FUNCTION regress_tm_check.foreign_numbers(source text, clone text)
	RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
	WITH s AS MATERIALIZED (
		SELECT DISTINCT objid::text AS number FROM regress_tm_check.members(source)
		WHERE objid >= 16384),
	c AS MATERIALIZED (SELECT * FROM regress_tm_check.members(clone)),
	trees (classid, objid, tree) AS (
		SELECT 'pg_attrdef'::regclass, oid, adbin::text FROM pg_attrdef
		UNION ALL SELECT 'pg_class', oid, relpartbound::text FROM pg_class
		UNION ALL SELECT 'pg_constraint', oid, conbin::text FROM pg_constraint
		UNION ALL SELECT 'pg_class', indexrelid, concat(indexprs, ' ', indpred) FROM pg_index
		UNION ALL SELECT 'pg_class', partrelid, partexprs::text FROM pg_partitioned_table
		UNION ALL SELECT 'pg_policy', oid, concat(polqual, ' ', polwithcheck) FROM pg_policy
		UNION ALL SELECT 'pg_proc', oid, concat(proargdefaults, ' ', prosqlbody) FROM pg_proc
		UNION ALL SELECT 'pg_rewrite', oid, concat(ev_qual, ' ', ev_action) FROM pg_rewrite
		UNION ALL SELECT 'pg_statistic_ext', oid, stxexprs::text FROM pg_statistic_ext
		UNION ALL SELECT 'pg_trigger', oid, tgqual::text FROM pg_trigger
		UNION ALL SELECT 'pg_type', oid, typdefaultbin::text FROM pg_type),
	own AS MATERIALIZED (
		SELECT classid, objid, tree FROM trees JOIN c USING (classid, objid)
		WHERE tree <> ''),
	numbers (classid, objid, number) AS (
		SELECT classid, objid, n[1] FROM own, LATERAL regexp_matches(
			regexp_replace(tree, ':constvalue \d+ \[[-0-9 ]+\]|:location \d+|:stmt_len \d+', '', 'g'),
			'\m(\d{5,10})\M', 'g') n)
	SELECT DISTINCT pg_describe_object(classid, objid, 0) || ' holds ' || number
	FROM numbers JOIN s USING (number)
$$;

-- References from one catalog to another that lead nowhere, in the whole database.
-- Only the last column of a reference can be an array.
CREATE FUNCTION regress_tm_check.dangling_references()
	RETURNS SETOF text LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
	fk record;
	last text;
	fields text;
	conditions text;
BEGIN
	FOR fk IN SELECT * FROM pg_get_catalog_foreign_keys() LOOP
		last := fk.fkcols[cardinality(fk.fkcols)];
		SELECT string_agg(CASE WHEN fk.is_array AND c = last
			THEN format($f$unnest(string_to_array(translate(%1$I::text, '{},', '   '), ' ')) AS %1$I$f$, c)
			WHEN atttypid = 'int2'::regtype THEN format('%I', c)
			ELSE format('%1$I::oid AS %1$I', c) END, ', ')
		INTO fields FROM unnest(fk.fkcols) c
			JOIN pg_attribute ON attrelid = fk.fktable AND attname = c;
		SELECT string_agg(format('p.%I = f.%I::text::%s', attname, fk.fkcols[i],
			atttypid::regtype), ' AND ')
		INTO conditions
		FROM generate_subscripts(fk.fkcols, 1) i
			JOIN pg_attribute ON attrelid = fk.pktable AND attname = fk.pkcols[i];
		RETURN QUERY EXECUTE format($q$
			SELECT format('%%s of %%s refers to nothing in %%s: %%s', %L, %L, %L, f)
			FROM (SELECT %s FROM %s) f
			WHERE f.%I::text <> '' %s
				AND NOT EXISTS (SELECT 1 FROM %s p WHERE %s)$q$,
			fk.fkcols, fk.fktable, fk.pktable, fields, fk.fktable, last,
			CASE WHEN fk.is_opt THEN format($f$AND f.%I::text <> '0'$f$, last) END,
			fk.pktable, conditions);
	END LOOP;
END
$$;
