--
-- What ties a tenant to tables outside of its schema comes back as it was,
-- whoever puts the tenant aside, by whatever settings, and whatever becomes of
-- the schema and of the tables outside meanwhile.
--
SET client_min_messages = warning;
CREATE SCHEMA tm_kept;
CREATE TABLE tm_kept.country (id int PRIMARY KEY);
INSERT INTO tm_kept.country VALUES (1), (2), (3);

-- the foreign keys of the schemas kl1, and which tables they have parents from
CREATE VIEW tm_kept.ties AS
	SELECT conrelid::regclass AS table_name, conname AS tie, coninhcount AS inherited
	FROM pg_constraint WHERE contype = 'f' AND confrelid = 'tm_kept.country'::regclass
	UNION ALL
	SELECT inhrelid::regclass, pg_get_expr(relpartbound, inhrelid), inhseqno
	FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
	WHERE inhparent::regclass::text ~ '^tm_kept.' AND relkind <> 'i';

-- a partition of a table outside has a foreign key from its parent
CREATE TABLE tm_kept.visit (id int, country int REFERENCES tm_kept.country ON DELETE CASCADE) PARTITION BY LIST (id);
SELECT tenant.create('kl1');
CREATE TABLE kl1.visit PARTITION OF tm_kept.visit FOR VALUES IN (1);
CREATE TABLE kl1.other (id int, country int CONSTRAINT "the key" REFERENCES tm_kept.country ON DELETE CASCADE);
COMMENT ON CONSTRAINT "the key" ON kl1.other IS 'a key';
ALTER TABLE tm_kept.visit ATTACH PARTITION kl1.other FOR VALUES IN (2);
INSERT INTO tm_kept.visit VALUES (1, 1), (1, 2), (2, 2);
SELECT * FROM tm_kept.ties ORDER BY table_name::text, tie;
SELECT tenant.drop('kl1');
SELECT * FROM tm_kept.ties ORDER BY table_name::text, tie;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'tm_kept.country'::regclass;
-- in the trash it takes no part in life
DELETE FROM tm_kept.country WHERE id = 1;
SELECT tenant.restore('kl1');  -- fails, for the row that is gone
INSERT INTO tm_kept.country VALUES (1);
SELECT tenant.restore('kl1');
SELECT * FROM tm_kept.visit ORDER BY id, country;
SELECT * FROM tm_kept.ties ORDER BY table_name::text, tie;
SELECT obj_description(oid) FROM pg_constraint WHERE conname = 'the key';
DELETE FROM tm_kept.country WHERE id = 2;
SELECT * FROM tm_kept.visit;
DROP TABLE kl1.visit, kl1.other;

-- settings of the session that drops are not those of the one that restores
CREATE TABLE tm_kept.day (d date, t interval) PARTITION BY RANGE (d, t);
CREATE TABLE tm_kept.share (f float8) PARTITION BY LIST (f);
CREATE TABLE kl1.day PARTITION OF tm_kept.day FOR VALUES FROM ('2020-02-01', '-1 day -02:03') TO ('2020-03-01', '1 mon');
CREATE TABLE kl1.share PARTITION OF tm_kept.share FOR VALUES IN (0.30000000000000004);
CREATE TABLE tm_kept.before AS SELECT * FROM tm_kept.ties;
SET datestyle = 'SQL, DMY';
SET intervalstyle = sql_standard;
SET extra_float_digits = -10;
SELECT tenant.drop('kl1');
RESET datestyle;
RESET intervalstyle;
RESET extra_float_digits;
SELECT tenant.restore('kl1');
SELECT count(*) FROM tm_kept.before;
TABLE tm_kept.before EXCEPT SELECT * FROM tm_kept.ties;
DROP TABLE kl1.day, kl1.share;

-- the schema of a dropped tenant, and that of a snapshot, by plain DDL
CREATE TABLE kl1.client (country int REFERENCES tm_kept.country);
SELECT tenant.drop('kl1');
DO $$
BEGIN
	EXECUTE (SELECT format('ALTER SCHEMA %I RENAME TO kl_aside', schema_name) FROM tenant.tenants WHERE name = 'kl1');
END $$;
SELECT tenant.restore('kl1');
SELECT * FROM tm_kept.ties ORDER BY table_name::text, tie;
SELECT tenant.snapshot('kl1', 'then') IS NOT NULL;
DO $$
BEGIN
	EXECUTE (SELECT format('ALTER SCHEMA %I RENAME TO kl_aside', schema_name) FROM tenant.snapshots WHERE label = 'then');
END $$;
SELECT tenant.rollback_to('kl1', 'then');
SELECT * FROM tm_kept.ties ORDER BY table_name::text, tie;
SELECT tenant.drop_snapshot('kl1', 'then');

-- what is outside can be gone, and one can do without
CREATE TABLE tm_kept.parent (a int);
CREATE TABLE kl1.child () INHERITS (tm_kept.parent);
SELECT tenant.drop('kl1');
DROP TABLE tm_kept.parent;
SELECT position, table_name, before_table, after_table FROM tenant.outside_link ORDER BY position;
SELECT tenant.restore('kl1');  -- fails
DELETE FROM tenant.outside_link WHERE position = 2;
SELECT tenant.restore('kl1');
SELECT * FROM tm_kept.ties ORDER BY table_name::text, tie;

-- who may put the tenant aside need not be one who may tie it again
CREATE ROLE regress_tm_keeper;
GRANT USAGE ON SCHEMA tm_kept, tenant TO regress_tm_keeper;
GRANT EXECUTE ON FUNCTION tenant.drop(text, boolean), tenant.restore(text, text) TO regress_tm_keeper;
SELECT tenant.create('kl3');
CREATE TABLE kl3.visit PARTITION OF tm_kept.visit FOR VALUES IN (3);
ALTER TABLE kl3.visit OWNER TO regress_tm_keeper;
ALTER SCHEMA kl3 OWNER TO regress_tm_keeper;
SET ROLE regress_tm_keeper;
SELECT tenant.drop('kl3');
SELECT tenant.restore('kl3');  -- fails
RESET ROLE;
SELECT tenant.restore('kl3');
SELECT tenant.drop('kl3', purge => true);

-- a partition in another schema is a table of its own, and does not go along
SELECT tenant.create('kl2');
CREATE TABLE kl1.whole (id int, n int) PARTITION BY LIST (id);
CREATE TABLE kl2.part PARTITION OF kl1.whole FOR VALUES IN (1);
CREATE TABLE tm_kept.part PARTITION OF kl1.whole FOR VALUES IN (2) PARTITION BY LIST (n);
CREATE TABLE kl1.subpart PARTITION OF tm_kept.part FOR VALUES IN (2);
CREATE TABLE kl2.subpart PARTITION OF tm_kept.part FOR VALUES IN (3);
SELECT tenant.drop('kl1');  -- fails
SELECT tenant.drop('kl1', purge => true);  -- fails
ALTER TABLE kl1.whole DETACH PARTITION kl2.part;
ALTER TABLE kl1.whole DETACH PARTITION tm_kept.part;
SELECT tenant.drop('kl1', purge => true);
SELECT tenant.drop('kl2', purge => true);
CALL tenant.purge('kl1');
SELECT count(*) FROM tenant.outside_link;
DROP SCHEMA tm_kept CASCADE;
REVOKE ALL ON SCHEMA tenant FROM regress_tm_keeper;
REVOKE ALL ON FUNCTION tenant.drop(text, boolean), tenant.restore(text, text) FROM regress_tm_keeper;
DROP ROLE regress_tm_keeper;
