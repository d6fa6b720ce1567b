--
-- Rows whose checks this transaction has put off are not cloned: they could
-- still turn out to be wrong, and nobody would ask the clone.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
\set VERBOSITY terse
CREATE TABLE public.tm_pending_shared (id int PRIMARY KEY);
INSERT INTO public.tm_pending_shared VALUES (1), (2);
SELECT tenant.create('tm_pending');
SET search_path = tm_pending;
CREATE TABLE parent (id int PRIMARY KEY, code int UNIQUE, at int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE child (p int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE split (p int REFERENCES parent (code) DEFERRABLE INITIALLY DEFERRED) PARTITION BY LIST (p);
CREATE TABLE split1 PARTITION OF split DEFAULT;
CREATE TABLE span (during int4range, EXCLUDE USING gist (during WITH &&) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE plain (id int, s int REFERENCES public.tm_pending_shared DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION even() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id % 2 = 1 THEN
		RAISE 'odd';
	END IF;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER even AFTER INSERT ON plain DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION even();
INSERT INTO parent VALUES (1, 1, 1);
INSERT INTO plain VALUES (2, 2);

-- every kind of check, and from wherever a clone is made
BEGIN; INSERT INTO child VALUES (8); SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
BEGIN; INSERT INTO parent VALUES (2, 2, 1); SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
BEGIN; UPDATE parent SET id = 7; SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
BEGIN; DELETE FROM parent; SELECT tenant.snapshot('tm_pending', 'one'); ROLLBACK;  -- fails
BEGIN; INSERT INTO split VALUES (8); SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
BEGIN; INSERT INTO span VALUES ('[1,3)'), ('[2,4)'); SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
BEGIN; INSERT INTO plain VALUES (1); SELECT tenant.create('tm_pending_copy', template => 'tm_pending'); ROLLBACK;  -- fails
BEGIN; INSERT INTO child VALUES (8); SAVEPOINT s; SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
BEGIN; SAVEPOINT s; INSERT INTO child VALUES (8); RELEASE s;
SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
SET tenant_mgr.clone_lock = none;
BEGIN; INSERT INTO child VALUES (8); SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
RESET tenant_mgr.clone_lock;

-- checks that are not deferred and come at the end of the statement at hand
INSERT INTO child VALUES (8), (9) RETURNING tenant.clone('tm_pending', 'tm_pending_' || p);  -- fails

-- rows outside that the clone's refer to
BEGIN; DELETE FROM public.tm_pending_shared WHERE id = 2; SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
\set VERBOSITY default
BEGIN; INSERT INTO child VALUES (8); SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;  -- fails
\set VERBOSITY terse

-- not if no rows travel, or not those, or none were left to be checked
BEGIN; INSERT INTO child VALUES (8); SELECT tenant.clone('tm_pending', 'tm_pending_copy', data => false); ROLLBACK;
BEGIN; INSERT INTO child VALUES (8); SELECT tenant.clone('tm_pending', 'tm_pending_copy', exclude => '{child}'); ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO child VALUES (8); ROLLBACK TO s; SELECT tenant.clone('tm_pending', 'tm_pending_copy'); ROLLBACK;

BEGIN; INSERT INTO parent VALUES (2, 2, 1); SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK;  -- fails

-- what holds has been checked, and the clone's constraints can be deferred, too
BEGIN;
INSERT INTO child VALUES (8);
INSERT INTO parent VALUES (8, 8);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT tenant.clone('tm_pending', 'tm_pending_copy');
COMMIT;
SET search_path = tm_pending_copy;
SELECT * FROM child;
BEGIN; INSERT INTO child VALUES (9); INSERT INTO parent VALUES (9, 9); COMMIT;
BEGIN; INSERT INTO child VALUES (10); COMMIT;  -- fails
BEGIN; INSERT INTO parent VALUES (20, 20, 30), (21, 21, 30); COMMIT;  -- fails
BEGIN; INSERT INTO plain VALUES (1); COMMIT;  -- fails
BEGIN; INSERT INTO plain VALUES (4, 5); INSERT INTO public.tm_pending_shared VALUES (5); COMMIT;
BEGIN; DELETE FROM public.tm_pending_shared WHERE id = 5; COMMIT;  -- fails
SELECT count(*) FROM child;

-- a trigger of a table outside makes a tenant that refers to it
RESET search_path;
CREATE TABLE public.tm_pending_account (name text PRIMARY KEY);
SELECT tenant.create('tm_pending_tpl');
CREATE TABLE tm_pending_tpl.usr (account text REFERENCES public.tm_pending_account DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION public.tm_pending_sign_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tenant.create(NEW.name, template => 'tm_pending_tpl');
	EXECUTE format('INSERT INTO %I.usr VALUES (%L)', NEW.name, NEW.name);
	RETURN NULL;
END $$;
CREATE TRIGGER sign_up AFTER INSERT ON public.tm_pending_account FOR EACH ROW EXECUTE FUNCTION public.tm_pending_sign_up();
INSERT INTO public.tm_pending_account VALUES ('tm_pending_1'), ('tm_pending_2');
SELECT * FROM tm_pending_2.usr;
-- unless its rows refer to one whose deletion is yet to be checked
INSERT INTO tm_pending_1.usr VALUES ('tm_pending_2');
\set VERBOSITY default
BEGIN; DELETE FROM public.tm_pending_account WHERE name = 'tm_pending_2'; SELECT tenant.clone('tm_pending_1', 'tm_pending_copy2'); ROLLBACK;  -- fails
\set VERBOSITY terse

SET client_min_messages = warning;
SELECT tenant.drop(name, purge => true) FROM tenant.tenants WHERE name LIKE 'tm\_pending%';
DROP TABLE public.tm_pending_shared;
DROP TABLE public.tm_pending_account;
DROP FUNCTION public.tm_pending_sign_up;
