--
-- One statement, one query, one view for all tenants
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_owner;
CREATE ROLE regress_tm_reader;
SELECT tenant.create(n, owner => 'regress_tm_owner') FROM unnest('{tm_all_a,tm_all_b,"tm-all-c"}'::text[]) n;

-- a statement for each, as its owner; an error is one tenant's
SELECT * FROM tenant.exec($$
	CREATE TYPE state AS ENUM ('new', 'paid');
	CREATE TABLE "Order""s" (id int PRIMARY KEY, state state, who text);
	INSERT INTO "Order""s" VALUES (1, 'new', current_user), (2, NULL, tenant.current())$$);
SELECT * FROM tenant.exec('INSERT INTO "Order""s" SELECT 2 WHERE tenant.current() = $$tm_all_b$$');
SELECT * FROM tenant.exec('SELECT 1', '{tm_all_z}');  -- fails
SELECT * FROM tenant.exec('SELECT 1', NULL, 2);  -- fails

-- a query over all of them
SELECT * FROM tenant.query('SELECT id, state, who FROM "Order""s"') AS (tenant text, id int, state text, who text) ORDER BY tenant COLLATE "C", id;
SELECT * FROM tenant.query('SELECT id / (id - 1) FROM "Order""s" WHERE id = 2 OR tenant.current() = $$tm_all_b$$') AS (tenant text, n int);
SELECT * FROM tenant.query_error;
SELECT * FROM tenant.query('SELECT id FROM "Order""s"', '{tm_all_a}') AS (tenant text, id bigint);
SELECT * FROM tenant.query('DELETE FROM "Order""s" RETURNING id') AS (tenant text, id int);  -- fails
SELECT * FROM tenant.query('SELECT id FROM "Order""s"') AS (id int);  -- fails

-- who may not use all of them does not ask all of them
GRANT EXECUTE ON FUNCTION tenant.query TO regress_tm_reader;
GRANT USAGE ON SCHEMA tm_all_a TO regress_tm_reader;
SET ROLE regress_tm_reader;
SELECT * FROM tenant.query('SELECT current_user::text') AS (tenant text, who text);  -- fails
SELECT * FROM tenant.query('SELECT current_user::text', '{tm_all_a}') AS (tenant text, who text);
RESET ROLE;

-- a session that is bound asks its tenant
SELECT tenant.switch('tm_all_a');
SELECT * FROM tenant.query('SELECT 1') AS (tenant text, n int);  -- fails
SELECT tenant.union_view('Order"s');  -- fails
SELECT tenant.reset();

-- a view of all of them, which follows
SELECT tenant.exec('ALTER TABLE "Order""s" DROP COLUMN who', '{tm-all-c}');
SELECT tenant.union_view('Order"s');
SELECT * FROM all_tenants."Order""s" ORDER BY tenant COLLATE "C", id;
SELECT tenant.rename('tm_all_b', 'tm_all_d');
SELECT tenant.drop('tm_all_a', true);
SELECT tenant, id, state FROM all_tenants."Order""s" ORDER BY tenant COLLATE "C", id;
SET ROLE regress_tm_reader;
SELECT * FROM all_tenants."Order""s";  -- fails
RESET ROLE;
SELECT tenant.drop_union_view('Order"s');
SELECT tenant.drop_union_view('Order"s');  -- fails

SELECT tenant.drop(n, true) FROM unnest('{tm_all_d,"tm-all-c"}'::text[]) n;
DROP SCHEMA all_tenants;
REVOKE EXECUTE ON FUNCTION tenant.query FROM regress_tm_reader;
DROP ROLE regress_tm_owner, regress_tm_reader;
