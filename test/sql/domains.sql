--
-- Hosts of tenants: giving, taking, and finding the tenant for a request.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;

CREATE ROLE regress_tm_owner;
CREATE ROLE regress_tm_user;
SELECT tenant.create('tm_a', owner => 'regress_tm_owner');
SELECT tenant.create('tm_b');
SELECT tenant.create('Tm_C');

-- a host is kept in one form
SELECT tenant.add_domain('Shop.Example.COM', 'tm_a');
SELECT tenant.add_domain('shop.example.net.', 'tm_a');
SELECT tenant.add_domain('xn--bcher-kva.example', 'tm_b');
SELECT tenant.add_domain('10.1.2.3', 'tm_b');
SELECT * FROM tenant.domains ORDER BY host;

-- what a request says
SELECT host, tenant.resolve(host) FROM (VALUES
	('shop.example.com'),
	('SHOP.example.com:8443'),
	('  shop.example.com.  '),
	('shop.example.com.:80'),
	('10.1.2.3:5000'),
	('example.com'),
	('other.example.com'),
	('tm_a'),
	('[2001:db8::1]:443'),
	('2001:db8::1'),
	('[2001:db8::1'),
	(':80'),
	('.'),
	(''),
	(NULL)) AS v (host);
SELECT tenant.resolve(pg_catalog.repeat('x', 1000000)) IS NULL AS nothing;

-- subdomains of the base domains
SET tenant_mgr.base_domains = 'app.test, .example.org, "EU.app.test"';
SELECT host, tenant.resolve(host) FROM (VALUES
	('tm_a.app.test'),
	('TM_A.App.Test:80'),
	('tm_c.app.test'),
	('tm_b.example.org.'),
	('tm_b.eu.app.test'),
	('tm_a.tm_b.app.test'),
	('app.test'),
	('eu.app.test'),
	('www.app.test'),
	('tm_none.app.test'),
	('tm_aapp.test'),
	('.app.test'),
	('tm_a.app.test.evil')) AS v (host);

-- minus those that are excluded; a host that has been given goes first
SELECT tenant.create('www');
SELECT tenant.resolve('www.app.test');
SET tenant_mgr.excluded_subdomains = 'tm_b, TM_c';
SELECT tenant.resolve('www.app.test'), tenant.resolve('tm_b.app.test'),
	tenant.resolve('tm_c.app.test');
RESET tenant_mgr.excluded_subdomains;
SELECT tenant.drop('www', purge => true);
SELECT tenant.add_domain('www.app.test', 'tm_a');
SELECT tenant.resolve('www.app.test');
SELECT tenant.drop_domain('www.app.test');

-- a host belongs to one tenant
SELECT tenant.add_domain('shop.example.com', 'tm_a');
SELECT tenant.add_domain('SHOP.example.com', 'tm_b');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.resolve('shop.example.com');

-- what is no host
SELECT tenant.add_domain('', 'tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.add_domain('a..b', 'tm_a');  -- fails
SELECT tenant.add_domain('a.b:80', 'tm_a');  -- fails
SELECT tenant.add_domain('-a.b', 'tm_a');  -- fails
SELECT tenant.add_domain('a-.b', 'tm_a');  -- fails
SELECT tenant.add_domain('a_b', 'tm_a');
SELECT tenant.drop_domain('a_b');
SELECT tenant.add_domain(' a.b', 'tm_a');  -- fails
SELECT tenant.add_domain(E'a\nb', 'tm_a');  -- fails
SELECT tenant.add_domain('a''; DROP TABLE tenant.domain; --', 'tm_a');  -- fails
SELECT tenant.add_domain('*.example.com', 'tm_a');  -- fails
SELECT tenant.add_domain(pg_catalog.repeat('a', 64) || '.b', 'tm_a');  -- fails
SELECT tenant.add_domain(pg_catalog.repeat('a.', 127) || 'b', 'tm_a');  -- fails
SELECT tenant.add_domain(pg_catalog.repeat('a', 1000), 'tm_a');  -- fails
SELECT tenant.add_domain(NULL, 'tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.add_domain('a.b', NULL);  -- fails
SELECT tenant.add_domain('a.b', 'tm_none');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.drop_domain('none.example.com');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.drop_domain(NULL);  -- fails

-- the longest labels and host
SELECT tenant.add_domain(pg_catalog.repeat('a', 63) || '.b', 'tm_a');
SELECT tenant.add_domain(pg_catalog.repeat('a.', 126) || 'b', 'tm_a');
SELECT tenant.resolve(pg_catalog.repeat('A.', 126) || 'B:1');
SELECT tenant.drop_domain(pg_catalog.repeat('a', 63) || '.b');
SELECT tenant.drop_domain(pg_catalog.repeat('a.', 126) || 'b');

-- rename and suspension change nothing, the trash does
SELECT tenant.rename('tm_a', 'tm_a2');
SELECT tenant.resolve('shop.example.com');
SELECT tenant.rename('tm_a2', 'tm_a');
SELECT tenant.suspend('tm_a');
SELECT tenant.resolve('shop.example.com'), tenant.resolve('tm_a.app.test');
SELECT tenant.resume('tm_a');
SELECT tenant.drop('tm_a');
SELECT tenant.resolve('shop.example.com'), tenant.resolve('tm_a.app.test');
SELECT tenant.add_domain('shop.example.com', 'tm_b');  -- fails
SELECT tenant.restore('tm_a');
SELECT tenant.resolve('shop.example.com');

-- who may do it
SET ROLE regress_tm_user;
SELECT tenant.resolve('shop.example.com');
SELECT tenant.add_domain('x.example.com', 'tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.drop_domain('shop.example.com');  -- fails
SELECT * FROM tenant.domain;  -- fails
SELECT * FROM tenant.domains;
RESET ROLE;
GRANT EXECUTE ON FUNCTION tenant.add_domain(text, text),
	tenant.drop_domain(text) TO regress_tm_user, regress_tm_owner;
SET ROLE regress_tm_user;
SELECT tenant.add_domain('x.example.com', 'tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
SELECT tenant.drop_domain('shop.example.com');  -- fails
\echo :LAST_ERROR_SQLSTATE
SET ROLE regress_tm_owner;
SELECT tenant.add_domain('x.example.com', 'tm_a');
SELECT tenant.add_domain('y.example.com', 'tm_b');  -- fails
SELECT tenant.drop_domain('X.example.com.');
SELECT * FROM tenant.domains ORDER BY host;
RESET ROLE;

-- nothing is written by a transaction that must not
BEGIN READ ONLY;
SELECT tenant.resolve('shop.example.com');
SELECT tenant.add_domain('x.example.com', 'tm_a');  -- fails
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

-- hosts go with the tenant, and make room
SELECT tenant.drop('tm_a', purge => true);
SELECT * FROM tenant.domains ORDER BY host;
SELECT pg_catalog.count(*) FROM tenant.domain;
SELECT tenant.add_domain('shop.example.com', 'tm_b');
SELECT tenant.resolve('shop.example.com');
INSERT INTO tenant.domain VALUES ('orphan.example.com', pg_catalog.gen_random_uuid());
SELECT tenant.resolve('orphan.example.com') IS NULL AS nothing;
SELECT tenant.add_domain('orphan.example.com', 'tm_b');
SELECT tenant.resolve('orphan.example.com');
SELECT tenant.drop_domain('orphan.example.com');
DROP SCHEMA tm_b;
SELECT pg_catalog.count(*) FROM tenant.domain;

-- clean up
RESET tenant_mgr.base_domains;
SELECT tenant.drop('Tm_C', purge => true);
REVOKE EXECUTE ON FUNCTION tenant.add_domain(text, text),
	tenant.drop_domain(text) FROM regress_tm_user, regress_tm_owner;
DROP ROLE regress_tm_owner;
DROP ROLE regress_tm_user;
