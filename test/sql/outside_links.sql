--
-- A schema that is not live, in the trash or as a snapshot, has no part in
-- life: its rows are nobody else's, and keep nobody from deleting theirs.
--

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
CREATE SCHEMA tm_life;
SELECT tenant.create('lk1');
RESET client_min_messages;

CREATE TABLE tm_life.log (a int, b text CHECK (b <> 'no'));
CREATE TABLE tm_life.other (c int);
CREATE TABLE tm_life.country (id int PRIMARY KEY);
CREATE TABLE tm_life.region (id int, part int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
CREATE TABLE tm_life.region_1 PARTITION OF tm_life.region FOR VALUES IN (1);
INSERT INTO tm_life.country SELECT generate_series(1, 3);
INSERT INTO tm_life.region VALUES (1, 1);
CREATE TABLE lk1.log () INHERITS (tm_life.log);
CREATE TABLE lk1.two (a int, d int) INHERITS (tm_life.log, tm_life.other);
CREATE TABLE lk1.shop (id int PRIMARY KEY, country int, region int, part int,
	CONSTRAINT where_it_is FOREIGN KEY (country) REFERENCES tm_life.country ON DELETE CASCADE DEFERRABLE,
	FOREIGN KEY (region, part) REFERENCES tm_life.region);
COMMENT ON CONSTRAINT where_it_is ON lk1.shop IS 'a remark';
CREATE TABLE lk1.parted (id int, country int REFERENCES tm_life.country) PARTITION BY LIST (id);
CREATE TABLE lk1.parted_1 PARTITION OF lk1.parted FOR VALUES IN (1);
INSERT INTO lk1.log VALUES (1, 'one');
INSERT INTO lk1.two VALUES (2, 'two', 2, 2);
INSERT INTO lk1.shop VALUES (1, 1, 1, 1), (2, 2, NULL, NULL);
INSERT INTO lk1.parted VALUES (1, 3);

CREATE VIEW tm_life.ties AS
	SELECT conrelid::regclass::text COLLATE "C" AS name, regexp_replace(conname, '_?1$', '') AS what, pg_get_constraintdef(c.oid) AS definition,
		convalidated AS valid, obj_description(c.oid, 'pg_constraint') AS remark
	FROM pg_constraint c WHERE contype = 'f' AND confrelid::regclass::text ~ '^tm_life' AND conrelid::regclass::text !~ '^tm_life'
	UNION ALL SELECT inhrelid::regclass::text, 'parent', inhparent::regclass::text, NULL, NULL
	FROM pg_inherits i JOIN pg_class p ON p.oid = inhparent JOIN pg_class c ON c.oid = inhrelid
	WHERE p.relnamespace = 'tm_life'::regnamespace AND c.relnamespace <> p.relnamespace
	UNION ALL SELECT attrelid::regclass::text, attname, 'inherited', attislocal, attinhcount::text
	FROM pg_attribute WHERE attrelid::regclass::text ~ '^lk.*\.(log|two)$' AND attnum > 0;
CREATE VIEW tm_life.triggers AS SELECT tgrelid::regclass::text COLLATE "C" AS name, count(*)
	FROM pg_trigger WHERE tgrelid::regclass::text ~ '^tm_life' GROUP BY 1;
SELECT * FROM tm_life.ties ORDER BY 1, 2, 3;
SELECT * FROM tm_life.triggers ORDER BY 1;

-- a snapshot
SELECT length(tenant.snapshot('lk1', 'before'));
SELECT count(*) FROM tm_life.log;
SELECT count(*) FROM tm_life.ties WHERE name !~ '^lk1';
SELECT * FROM tm_life.triggers ORDER BY 1;
SELECT table_name, before_table, after_table, remark, inherited FROM tenant.outside_link ORDER BY position;
-- the trash
SELECT tenant.drop('lk1');
SELECT count(*) FROM tm_life.log;
SELECT * FROM tm_life.ties ORDER BY 1, 2, 3;
SELECT * FROM tm_life.triggers ORDER BY 1;
DELETE FROM tm_life.country WHERE id = 2;
UPDATE tm_life.region SET id = 2;
-- it cannot come back without what it refers to
SELECT tenant.restore('lk1');  -- fails
INSERT INTO tm_life.country VALUES (2);
UPDATE tm_life.region SET id = 1;
SELECT tenant.restore('lk1', 'lk2');
SELECT * FROM tm_life.ties ORDER BY 1, 2, 3;
SELECT * FROM tm_life.triggers ORDER BY 1;
SELECT count(*) FROM tm_life.log;
-- and is live
DELETE FROM tm_life.country WHERE id = 2;
SELECT * FROM lk2.shop;
DELETE FROM tm_life.country WHERE id = 3;  -- fails
-- back to the snapshot, which has a row that refers to the deleted one
SELECT tenant.rollback_to('lk2', 'before');  -- fails
INSERT INTO tm_life.country VALUES (2);
SELECT tenant.rollback_to('lk2', 'before');
SELECT * FROM tm_life.ties ORDER BY 1, 2, 3;
SELECT * FROM tm_life.triggers ORDER BY 1;
SELECT count(*) FROM tm_life.log;
SELECT count(DISTINCT schema_name) FROM tenant.outside_link;
-- a table of the schema that has been dropped, and a parent
SELECT tenant.drop_snapshot('lk2', 'before');
SELECT count(DISTINCT schema_name) FROM tenant.outside_link;
SELECT tenant.drop('lk2');
DROP TABLE tm_life.other;
SELECT tenant.restore('lk2', 'lk3');  -- fails
CREATE TABLE tm_life.other (c int);
SELECT tenant.restore('lk2', 'lk3');
-- a partition of a table outside
SELECT tenant.create('lk4');
CREATE TABLE tm_life.sale (id int, at int) PARTITION BY RANGE (at);
CREATE TABLE lk4.sale PARTITION OF tm_life.sale FOR VALUES FROM (1) TO (10);
INSERT INTO tm_life.sale VALUES (1, 2);
SELECT tenant.drop('lk4');
SELECT count(*) FROM tm_life.sale;
SELECT tenant.restore('lk4');
SELECT count(*) FROM tm_life.sale;

SET client_min_messages = warning;
SELECT tenant.drop(name, purge => true) FROM tenant.tenants WHERE name ~ '^lk' AND state <> 'trashed' ORDER BY name;
CALL tenant.purge('lk2');
SELECT count(*) FROM tenant.outside_link;
DROP SCHEMA tm_life CASCADE;
