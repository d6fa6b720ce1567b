--
-- Events: each change of a tenant leaves one row, with who made it; what is
-- rolled back leaves none; only those who are told may read the rows, and
-- nobody writes them by hand; old ones go with a purge.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_admin;
CREATE ROLE regress_tm_user;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_tm_admin', current_database()) \gexec
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenant TO regress_tm_admin;
GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA tenant TO regress_tm_admin;
CREATE FUNCTION pg_temp.events_after(after bigint)
	RETURNS TABLE (event text, tenant text, object text, actor text, detail jsonb)
	LANGUAGE sql AS $$
	SELECT e.event, e.tenant,
		regexp_replace(e.object, '(trash|snapshot)_[0-9a-f]{32}', '\1_ID'),
		CASE WHEN e.actor = 'regress_tm_admin' THEN e.actor ELSE 'superuser' END,
		regexp_replace(e.detail::text, '(trash|snapshot)_[0-9a-f]{32}', '\1_ID')::jsonb
	FROM tenant.event e WHERE e.event_id > after ORDER BY e.event_id
$$;
SELECT coalesce(max(event_id), 0) AS before FROM tenant.event \gset

-- the life of a tenant
SET ROLE regress_tm_admin;
SELECT tenant.create('tm_ev', metadata => '{"secret": "of the application"}');
CREATE TABLE tm_ev.t (a int);
SELECT tenant.set_template('tm_ev', true);
SELECT tenant.create('tm_ev_child', 'tm_ev');
SELECT tenant.clone('tm_ev', 'tm_ev_clone');
CREATE SCHEMA "Odd ""Tenant";
SELECT tenant.adopt('Odd "Tenant', 'tm_ev_odd');
SELECT tenant.set_metadata('tm_ev', '{"secret": "of the application"}');
SELECT tenant.rename('tm_ev_clone', 'tm_ev_copy');
SELECT tenant.suspend('tm_ev', 'he said "no"');
SELECT tenant.resume('tm_ev');
SELECT length(tenant.snapshot('tm_ev', 'label'));
SELECT tenant.rollback_to('tm_ev', 'label');
SELECT tenant.drop_snapshot('tm_ev', 'label');
SELECT tenant.drop('tm_ev_copy');
SELECT tenant.restore('tm_ev_copy', 'tm_ev_back');
SELECT tenant.drop('tm_ev_back', purge => true);
SELECT tenant.drop('tm_ev_child');
CALL tenant.purge('tm_ev_child');
SELECT tenant.shred('tm_ev');
RESET ROLE;
ALTER SCHEMA tm_ev RENAME TO tm_ev2;
DROP SCHEMA "Odd ""Tenant";
SELECT * FROM pg_temp.events_after(:before);

-- nothing comes of what does not happen
SELECT max(event_id) AS before FROM tenant.event \gset
BEGIN;
SELECT tenant.suspend('tm_ev');
SELECT event, tenant FROM pg_temp.events_after(:before);
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT tenant.suspend('tm_ev');
ROLLBACK TO s;
SELECT tenant.suspend('tm_ev', 'again');
COMMIT;
SELECT tenant.suspend('tm_ev');
SELECT tenant.resume('nobody');  -- fails
SELECT * FROM pg_temp.events_after(:before);

-- whose privileges count is told from who is logged in; times are in order
SELECT bool_and(session_actor = session_user) AS session,
	count(*) FILTER (WHERE actor <> session_actor) > 0 AS other_actor,
	count(*) FILTER (WHERE tenant_id IS NULL) AS without_id
	FROM tenant.event WHERE tenant LIKE 'tm\_ev%';
SELECT count(*) AS out_of_order FROM (
	SELECT happened_at < lag(happened_at) OVER (ORDER BY event_id) AS wrong
	FROM tenant.event) AS e WHERE wrong;
SELECT count(DISTINCT tenant_id) AS ids, string_agg(DISTINCT tenant, ',') AS names
	FROM tenant.event WHERE event IN ('clone', 'restore') AND tenant LIKE 'tm\_ev\_%';

-- privileges
SET ROLE regress_tm_admin;
SELECT count(*) FROM tenant.event;  -- fails
INSERT INTO tenant.event (happened_at, event) VALUES (now(), 'forged');  -- fails
UPDATE tenant.event SET actor = 'somebody else';  -- fails
DELETE FROM tenant.event;  -- fails
TRUNCATE tenant.event;  -- fails
SELECT nextval('tenant.event_event_id_seq');  -- fails
SET tenant_mgr.event_retention = 0;  -- fails
RESET ROLE;
GRANT SELECT ON tenant.event TO regress_tm_user;
SET ROLE regress_tm_user;
SELECT count(*) > 0 AS some FROM tenant.event;
RESET ROLE;

-- old ones go with a purge of everything, in batches, and never else
INSERT INTO tenant.event (happened_at, event)
	SELECT now() - '91 days'::interval, 'old' FROM generate_series(1, 10500);
INSERT INTO tenant.event (happened_at, event)
	VALUES (now() - '89 days'::interval, 'recent');
SHOW tenant_mgr.event_retention;
SELECT tenant.drop('tm_ev');
CALL tenant.purge('tm_ev');
SET tenant_mgr.event_retention = 0;
CALL tenant.purge();
SELECT event, count(*) FROM tenant.event WHERE event IN ('old', 'recent')
	GROUP BY event ORDER BY event;
RESET tenant_mgr.event_retention;
SET ROLE regress_tm_admin;
CALL tenant.purge();
RESET ROLE;
SELECT event, count(*) FROM tenant.event WHERE event IN ('old', 'recent')
	GROUP BY event ORDER BY event;
DELETE FROM tenant.event;

DROP OWNED BY regress_tm_admin, regress_tm_user;
DROP ROLE regress_tm_admin, regress_tm_user;
