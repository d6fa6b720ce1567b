--
-- Statements that say in a comment for which tenant they are.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

SELECT CURRENT_USER AS admin \gset
SELECT tenant.create('tm_a');
SELECT tenant.create('tm-b.ü');
CREATE TABLE tm_a.t AS SELECT 'a' AS who;
CREATE ROLE regress_tm_tagged;
SELECT tenant.switch('tm_a');

-- off: comments are comments
SELECT 1 AS one /*tenant='tm-b.ü'*/;

SET tenant_mgr.verify_tag = enforce;
\set VERBOSITY terse

-- the tenant that is bound
SELECT who FROM t /*tenant='tm_a'*/;
/*tenant='tm_a'*/ SELECT who FROM t;
SELECT who FROM t /* action='x%27y', tenant = 'tm_a' ,traceparent='00-1' */;
SELECT who FROM t /*application:shop,tenant:tm_a*/;
SELECT who FROM t /*tenant='tm%5Fa'*/;
SELECT who FROM t /*tenants='tm_x',xtenant='tm_x',a='b,tenant=\'tm_x'*/;
SELECT who FROM t /* the tenant is tm_x */ /**/;

-- another one
SELECT who FROM t /*tenant='tm_x'*/;  -- fails
\echo :LAST_ERROR_SQLSTATE
/*application='shop',tenant='tm_x'*/ SELECT who FROM t;  -- fails
SELECT who FROM t /*application:shop,tenant:tm_x*/;  -- fails
SELECT who /*tenant:tm_x*/ FROM t;  -- fails
SELECT who FROM t /*tenant='tm_a'*/ /*tenant='tm_x'*/;  -- fails
SELECT who FROM t /*a='it\'s',tenant='tm_x'*/;  -- fails
SELECT who FROM t /*tenant='tm-b.%C3%BC'*/;  -- fails
SELECT who FROM t /*tenant='%ff%fe'*/;  -- fails
SELECT who FROM t /*tenant=''*/;  -- fails
SELECT who FROM t /*tenant:*/;  -- fails
SELECT 'x''y', "who" FROM t /*tenant:tm_x*/;  -- fails
SELECT E'x\'y /*', who FROM t /*tenant:tm_x*/;  -- fails
SELECT E'x''y\' /*', who FROM t /*tenant:tm_x*/;  -- fails
SELECT $$ /* $$, who FROM t /*tenant:tm_x*/;  -- fails
SELECT $a$ $$ $a$, who FROM t /*tenant:tm_x*/;  -- fails
UPDATE t SET who = 'x' /*tenant:tm_x*/;  -- fails
CREATE TABLE u (i int) /*tenant:tm_x*/;  -- fails
COPY t TO stdout /*tenant:tm_x*/;  -- fails
DO $$ BEGIN PERFORM who FROM t; END $$ /*tenant:tm_x*/;  -- fails
EXPLAIN (COSTS OFF) SELECT who FROM t /*tenant:tm_x*/;  -- fails

-- what only looks like a comment
SELECT '/*tenant:tm_x*/' AS text;
SELECT 'it''s /*tenant:tm_x*/' AS text;
SELECT E'it\'s /*tenant:tm_x*/' AS text;
SELECT E'it''s \' /*tenant:tm_x*/' AS text;
SELECT 1 AS "/*tenant:tm_x*/";
SELECT $$/*tenant:tm_x*/$$ AS text;
SELECT $a$ $$ /*tenant:tm_x*/ $a$ AS text;
SELECT 1 AS name$a, '/*tenant:tm_x*/' AS text, 2 AS name$a;
SELECT 1 AS one -- /*tenant:tm_x*/
;
SELECT 'a\' AS text, '/*tenant:tm_x*/' AS other;
SELECT 1 AS one /* nested /*tenant:tm_x*/ */;

-- statements that lead to a tenant, and those without one
SELECT tenant.switch('tm-b.ü') /*tenant='tm-b.%C3%BC'*/;
BEGIN /*tenant:tm_x*/;
ROLLBACK;
SELECT 1 AS one /*tenant='tm-b.%c3%bc'*/;
SELECT tenant.reset() /*tenant:tm_x*/;
SELECT 1 AS one /*tenant:tm_x*/;

-- not for everybody to decide
SET ROLE regress_tm_tagged;
SET tenant_mgr.verify_tag = off;  -- fails
RESET ROLE;
RESET tenant_mgr.verify_tag;

-- clean up
SELECT tenant.drop('tm_a', purge => true);
SELECT tenant.drop('tm-b.ü', purge => true);
DROP ROLE regress_tm_tagged;
