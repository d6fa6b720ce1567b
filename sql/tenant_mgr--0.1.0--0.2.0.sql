/* tenant_mgr--0.1.0--0.2.0.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION tenant_mgr UPDATE TO '0.2.0'" to load this file. \quit

-- Privileges that ALTER DEFAULT PRIVILEGES gave away when the extension was
-- created: the server has noted what they were then, so what has been granted
-- since is told from it.
DO $$
DECLARE
	command pg_catalog.text;
BEGIN
	FOR command IN
		WITH object (kind, name, owner, acl) AS (
			SELECT CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'S' THEN 'SEQUENCE'
					ELSE 'VIEW' END,
				pg_catalog.format('tenant.%I', c.relname), c.relowner, i.initprivs
			FROM pg_catalog.pg_init_privs i JOIN pg_catalog.pg_class c
				ON c.oid OPERATOR(pg_catalog.=) i.objoid
			WHERE i.classoid OPERATOR(pg_catalog.=)
				'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
				AND i.objsubid OPERATOR(pg_catalog.=) 0
				AND c.relnamespace OPERATOR(pg_catalog.=)
					'tenant'::pg_catalog.regnamespace::pg_catalog.oid
			UNION ALL
			SELECT 'ROUTINE', pg_catalog.format('tenant.%I(%s)', p.proname,
					pg_catalog.pg_get_function_identity_arguments(p.oid)),
				p.proowner, i.initprivs
			FROM pg_catalog.pg_init_privs i JOIN pg_catalog.pg_proc p
				ON p.oid OPERATOR(pg_catalog.=) i.objoid
			WHERE i.classoid OPERATOR(pg_catalog.=)
				'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
				AND p.pronamespace OPERATOR(pg_catalog.=)
					'tenant'::pg_catalog.regnamespace::pg_catalog.oid
			UNION ALL
			SELECT 'SCHEMA', 'tenant', n.nspowner, i.initprivs
			FROM pg_catalog.pg_init_privs i JOIN pg_catalog.pg_namespace n
				ON n.oid OPERATOR(pg_catalog.=) i.objoid
			WHERE i.classoid OPERATOR(pg_catalog.=)
				'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
				AND n.nspname OPERATOR(pg_catalog.=) 'tenant'::pg_catalog.name
		)
		SELECT pg_catalog.format('REVOKE %s ON %s %s FROM %s CASCADE',
			a.privilege_type,
			CASE o.kind WHEN 'VIEW' THEN 'TABLE' ELSE o.kind END, o.name,
			CASE a.grantee WHEN 0::pg_catalog.oid THEN 'PUBLIC' ELSE
				pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
		FROM object o, LATERAL pg_catalog.aclexplode(o.acl) a
		WHERE a.grantee OPERATOR(pg_catalog.<>) o.owner
			AND NOT (a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid
				AND (o.kind OPERATOR(pg_catalog.=) ANY
						(ARRAY['ROUTINE', 'TYPE']::pg_catalog.text[])
					OR (o.kind OPERATOR(pg_catalog.=) ANY
						(ARRAY['VIEW', 'SEQUENCE']::pg_catalog.text[])
						AND a.privilege_type OPERATOR(pg_catalog.=)
							'SELECT'::pg_catalog.text)
					OR (o.kind OPERATOR(pg_catalog.=) 'SCHEMA'::pg_catalog.text
						AND a.privilege_type OPERATOR(pg_catalog.=)
							'USAGE'::pg_catalog.text)))
			AND NOT (a.grantee OPERATOR(pg_catalog.=)
					'pg_monitor'::pg_catalog.regrole::pg_catalog.oid
				AND (o.kind OPERATOR(pg_catalog.=) 'ROUTINE'::pg_catalog.text
					OR (o.kind OPERATOR(pg_catalog.=) 'VIEW'::pg_catalog.text
						AND a.privilege_type OPERATOR(pg_catalog.=)
							'SELECT'::pg_catalog.text)))
	LOOP
		EXECUTE command;
	END LOOP;
END
$$;

-- Whatever session_replication_role says; and a subscription fires triggers
-- for rows only.
ALTER TABLE tenant.registry ENABLE ALWAYS TRIGGER registry_changed;
CREATE TRIGGER registry_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.registry
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER registry_row_changed ON tenant.registry IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.registry ENABLE REPLICA TRIGGER registry_row_changed;
ALTER TABLE tenant.assigned_role ENABLE ALWAYS TRIGGER assigned_role_changed;
CREATE TRIGGER assigned_role_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.assigned_role
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER assigned_role_row_changed ON tenant.assigned_role IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.assigned_role ENABLE REPLICA TRIGGER assigned_role_row_changed;
ALTER TABLE tenant.data_key ENABLE ALWAYS TRIGGER data_key_changed;
CREATE TRIGGER data_key_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.data_key
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER data_key_row_changed ON tenant.data_key IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.data_key ENABLE REPLICA TRIGGER data_key_row_changed;
ALTER TABLE tenant.connection ENABLE ALWAYS TRIGGER connection_changed;
CREATE TRIGGER connection_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.connection
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER connection_row_changed ON tenant.connection IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.connection ENABLE REPLICA TRIGGER connection_row_changed;
ALTER TABLE tenant.assignment ENABLE ALWAYS TRIGGER assignment_changed;
CREATE TRIGGER assignment_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.assignment
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER assignment_row_changed ON tenant.assignment IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.assignment ENABLE REPLICA TRIGGER assignment_row_changed;
CREATE TRIGGER snapshot_registry_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenant.snapshot_registry
	FOR EACH STATEMENT EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER snapshot_registry_changed ON tenant.snapshot_registry IS
	'tells all sessions about rows edited or restored';
ALTER TABLE tenant.snapshot_registry ENABLE ALWAYS TRIGGER snapshot_registry_changed;
CREATE TRIGGER snapshot_registry_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.snapshot_registry
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER snapshot_registry_row_changed ON tenant.snapshot_registry IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.snapshot_registry ENABLE REPLICA TRIGGER snapshot_registry_row_changed;
-- Rows that others have edited may not satisfy these; tenant.doctor() tells.
ALTER TABLE tenant.registry
	ADD CONSTRAINT registry_name_check CHECK
		(pg_catalog.octet_length(name) OPERATOR(pg_catalog.>) 0
			AND pg_catalog.octet_length(name) OPERATOR(pg_catalog.<) 64
			AND name OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text) NOT VALID;
ALTER TABLE tenant.registry
	ADD CONSTRAINT registry_schema_name_check CHECK
		(pg_catalog.octet_length(schema_name) OPERATOR(pg_catalog.>) 0
			AND pg_catalog.octet_length(schema_name) OPERATOR(pg_catalog.<) 64
			AND schema_name OPERATOR(pg_catalog.!~) '^pg_'::pg_catalog.text
			AND schema_name OPERATOR(pg_catalog.<>) ALL
				(ARRAY['information_schema', 'public', 'tenant']::pg_catalog.text[])) NOT VALID;
DO $$
BEGIN
	ALTER TABLE tenant.registry VALIDATE CONSTRAINT registry_name_check;
	ALTER TABLE tenant.registry VALIDATE CONSTRAINT registry_schema_name_check;
EXCEPTION WHEN check_violation THEN
	RAISE WARNING 'a row of tenant.registry is not one of a tenant';
END
$$;

CREATE FUNCTION tenant.adopt_all(
	"like" pg_catalog.text DEFAULT '%',
	"except" pg_catalog.text[] DEFAULT '{}',
	is_template pg_catalog.bool DEFAULT false,
	OUT schema pg_catalog.text,
	OUT tenant pg_catalog.text,
	OUT problem pg_catalog.text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_adopt_all'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.adopt_all(text, text[], boolean) IS
	'register all schemas of these names that are no tenants yet';
REVOKE ALL ON FUNCTION tenant.adopt_all(text, text[], boolean) FROM PUBLIC;

CREATE FUNCTION tenant.retarget(
	name pg_catalog.text,
	from_schema pg_catalog.text,
	apply pg_catalog.bool DEFAULT false,
	OUT object pg_catalog.text,
	OUT line pg_catalog.int4,
	OUT before pg_catalog.text,
	OUT after pg_catalog.text,
	OUT certain pg_catalog.bool) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_retarget'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.retarget(text, text, boolean) IS
	'where texts of a tenant name another schema, and change them to name its own';
REVOKE ALL ON FUNCTION tenant.retarget(text, text, boolean) FROM PUBLIC;

CREATE FUNCTION tenant.restore_from(
	name pg_catalog.text,
	schema pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_restore_from'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.restore_from(text, text) IS
	'take a tenant out of the trash with a schema that a dump brought back';
REVOKE ALL ON FUNCTION tenant.restore_from(text, text) FROM PUBLIC;

-- The template by what it is, and no more by what it was called once.
ALTER TABLE tenant.registry ADD COLUMN template_id pg_catalog.uuid;
COMMENT ON COLUMN tenant.registry.template_id IS
	'tenant that this one is to be like, if it is a template';
UPDATE tenant.registry r SET template_id = t.id
	FROM tenant.registry t
	WHERE t.name OPERATOR(pg_catalog.=) r.cloned_from
		AND t.name_key IS NOT NULL
		AND t.id OPERATOR(pg_catalog.<>) r.id;

CREATE FUNCTION tenant.keep_tables() RETURNS event_trigger
	AS 'MODULE_PATHNAME', 'tenant_keep_tables'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.keep_tables() IS
	'event trigger: refuse changes of tables of the extension that it cannot serve';
REVOKE ALL ON FUNCTION tenant.keep_tables() FROM PUBLIC;

CREATE FUNCTION tenant.keep_schemas() RETURNS event_trigger
	AS 'MODULE_PATHNAME', 'tenant_keep_schemas'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.keep_schemas() IS
	'event trigger: refuse schemas that would become those of tenants that have lost theirs';
REVOKE ALL ON FUNCTION tenant.keep_schemas() FROM PUBLIC;

CREATE EVENT TRIGGER tenant_mgr_keep_tables ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE', 'CREATE RULE')
	EXECUTE FUNCTION tenant.keep_tables();
COMMENT ON EVENT TRIGGER tenant_mgr_keep_tables IS
	'keeps the tables of tenant_mgr such that dumps can be restored';
ALTER EVENT TRIGGER tenant_mgr_keep_tables ENABLE ALWAYS;

CREATE EVENT TRIGGER tenant_mgr_keep_schemas ON ddl_command_end
	WHEN TAG IN ('CREATE SCHEMA', 'CREATE EXTENSION')
	EXECUTE FUNCTION tenant.keep_schemas();
COMMENT ON EVENT TRIGGER tenant_mgr_keep_schemas IS
	'keeps others from the schemas of tenants after CREATE SCHEMA';
ALTER EVENT TRIGGER tenant_mgr_keep_schemas ENABLE ALWAYS;

ALTER EVENT TRIGGER tenant_mgr_follow_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER tenant_mgr_follow_rename ENABLE ALWAYS;

-- pg_dump --schema-only reads it, whoever calls it.
GRANT SELECT ON SEQUENCE tenant.event_event_id_seq TO PUBLIC;

-- What is kept of a schema that is put aside.
CREATE TABLE tenant.outside_link (
	schema_name pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	position pg_catalog.int4 NOT NULL,
	table_name pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	before_table pg_catalog.text NOT NULL,
	after_table pg_catalog.text NOT NULL,
	constraint_name pg_catalog.text COLLATE pg_catalog."C",
	remark pg_catalog.text,
	inherited pg_catalog.int2[],
	CONSTRAINT outside_link_pkey PRIMARY KEY (schema_name, position)
);
COMMENT ON TABLE tenant.outside_link IS
	'foreign keys and inheritance that schemas of the trash and of snapshots had; changed by the functions of tenant_mgr only';
COMMENT ON COLUMN tenant.outside_link.before_table IS
	'start of the command that makes it again, up to the name of the table';
COMMENT ON COLUMN tenant.outside_link.inherited IS
	'columns that the table had by inheritance only';
REVOKE ALL ON TABLE tenant.outside_link FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.outside_link'::pg_catalog.regclass,
	''::pg_catalog.text);

--
-- Policies
--
-- Dumps carry them, and copies of the database have them.
--

CREATE TABLE tenant.policy (
	setting pg_catalog.text COLLATE pg_catalog."C"
		CONSTRAINT policy_pkey PRIMARY KEY,
	value pg_catalog.text NOT NULL
);
COMMENT ON TABLE tenant.policy IS
	'settings that must be at least this strict in this database; tenant.set_policy() changes them';
COMMENT ON COLUMN tenant.policy.setting IS 'name of the setting';
COMMENT ON COLUMN tenant.policy.value IS 'the laxest value that it can have';
REVOKE ALL ON TABLE tenant.policy FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.policy'::pg_catalog.regclass, ''::pg_catalog.text);
CREATE TRIGGER policy_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenant.policy
	FOR EACH STATEMENT EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER policy_changed ON tenant.policy IS
	'tells all sessions about rows edited or restored';
ALTER TABLE tenant.policy ENABLE ALWAYS TRIGGER policy_changed;
CREATE TRIGGER policy_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.policy
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER policy_row_changed ON tenant.policy IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.policy ENABLE REPLICA TRIGGER policy_row_changed;

CREATE VIEW tenant.policies AS
	SELECT setting, value,
		pg_catalog.current_setting(setting, true) AS in_force
	FROM tenant.policy;
COMMENT ON VIEW tenant.policies IS
	'settings that must be at least this strict in this database';
GRANT SELECT ON tenant.policies TO PUBLIC;

-- Not STRICT: NULL removes.
CREATE FUNCTION tenant.set_policy(
	setting pg_catalog.text,
	value pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_set_policy'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.set_policy(text, text) IS
	'have a setting be at least this strict in this database';
REVOKE ALL ON FUNCTION tenant.set_policy(text, text) FROM PUBLIC;

--
-- Fleet
--
-- As with the registry, the library writes rows itself, and finds indexes by
-- their name.  Statements can have anything in them, so they are nobody's to
-- read who is not told so.
--

CREATE TABLE tenant.migration (
	version pg_catalog.text COLLATE pg_catalog."C"
		CONSTRAINT migration_pkey PRIMARY KEY
		CONSTRAINT migration_version_check CHECK
		(pg_catalog.octet_length(version) OPERATOR(pg_catalog.>) 0
			AND pg_catalog.octet_length(version) OPERATOR(pg_catalog.<) 256
			AND version OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text),
	position pg_catalog.int8 NOT NULL,
	description pg_catalog.text,
	checksum pg_catalog.text COLLATE pg_catalog."C",
	transactional pg_catalog.bool NOT NULL,
	recorded pg_catalog.bool NOT NULL,
	created_at pg_catalog.timestamptz NOT NULL,
	created_by pg_catalog.text NOT NULL,
	complete pg_catalog.bool NOT NULL,
	tenant_id pg_catalog.uuid
);
COMMENT ON TABLE tenant.migration IS
	'migrations, in the order of their versions; changed by the functions of tenant_mgr only';
COMMENT ON COLUMN tenant.migration.position IS
	'in which order they came, counted from 1';
COMMENT ON COLUMN tenant.migration.checksum IS
	'SHA-256 of what it does, null while it is being recorded';
COMMENT ON COLUMN tenant.migration.transactional IS
	'is it applied in one transaction';
COMMENT ON COLUMN tenant.migration.recorded IS
	'has it been recorded, rather than added as a text';
COMMENT ON COLUMN tenant.migration.complete IS
	'false while it is being recorded; then nobody gets it';
COMMENT ON COLUMN tenant.migration.tenant_id IS
	'tenant that it was recorded with';
REVOKE ALL ON TABLE tenant.migration FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.migration'::pg_catalog.regclass, ''::pg_catalog.text);

CREATE TABLE tenant.migration_statement (
	version pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	ordinal pg_catalog.int4 NOT NULL,
	statement pg_catalog.text NOT NULL,
	parameter_types pg_catalog.text[],
	parameter_values pg_catalog.text[],
	role pg_catalog.text,
	settings pg_catalog.text[],
	CONSTRAINT migration_statement_pkey PRIMARY KEY (version, ordinal)
);
COMMENT ON TABLE tenant.migration_statement IS
	'statements of migrations; changed by the functions of tenant_mgr only';
COMMENT ON COLUMN tenant.migration_statement.ordinal IS
	'place in the migration, counted from 1';
COMMENT ON COLUMN tenant.migration_statement.parameter_types IS
	'types of $1 and so on, as they are called on the search path of a tenant';
COMMENT ON COLUMN tenant.migration_statement.parameter_values IS
	'their values as text';
COMMENT ON COLUMN tenant.migration_statement.role IS
	'role that it was recorded with, null if that was the owner of the schema';
COMMENT ON COLUMN tenant.migration_statement.settings IS
	'settings that decide what it means, where they are not the built-in ones';
REVOKE ALL ON TABLE tenant.migration_statement FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.migration_statement'::pg_catalog.regclass, ''::pg_catalog.text);

CREATE TABLE tenant.migration_run (
	run pg_catalog.int8
		CONSTRAINT migration_run_pkey PRIMARY KEY,
	started_at pg_catalog.timestamptz NOT NULL,
	finished_at pg_catalog.timestamptz,
	started_by pg_catalog.text NOT NULL,
	state pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		CONSTRAINT migration_run_state_check CHECK
		(state OPERATOR(pg_catalog.=) ANY
			(ARRAY['running', 'finished', 'stopped', 'cancelled', 'interrupted']::pg_catalog.text[])),
	options pg_catalog.jsonb NOT NULL,
	tenants pg_catalog.int8 NOT NULL,
	applied pg_catalog.int8 NOT NULL,
	failed pg_catalog.int8 NOT NULL
);
COMMENT ON TABLE tenant.migration_run IS
	'calls of tenant.migrate()';
COMMENT ON COLUMN tenant.migration_run.options IS
	'arguments of the call';
COMMENT ON COLUMN tenant.migration_run.tenants IS
	'tenants that had something to get';
COMMENT ON COLUMN tenant.migration_run.applied IS
	'migrations that tenants have got by it';
COMMENT ON COLUMN tenant.migration_run.failed IS
	'tenants for which one has failed';
REVOKE ALL ON TABLE tenant.migration_run FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.migration_run'::pg_catalog.regclass, ''::pg_catalog.text);

CREATE TABLE tenant.applied_migration (
	tenant_id pg_catalog.uuid NOT NULL,
	version pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	run pg_catalog.int8,
	state pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		CONSTRAINT applied_migration_state_check CHECK
		(state OPERATOR(pg_catalog.=) ANY
			(ARRAY['applied', 'baseline', 'failed', 'partial']::pg_catalog.text[])),
	statements_done pg_catalog.int4 NOT NULL,
	attempts pg_catalog.int4 NOT NULL,
	started_at pg_catalog.timestamptz NOT NULL,
	duration pg_catalog.interval,
	sqlstate pg_catalog.text COLLATE pg_catalog."C",
	message pg_catalog.text,
	fingerprint pg_catalog.text COLLATE pg_catalog."C",
	CONSTRAINT applied_migration_pkey PRIMARY KEY (tenant_id, version)
);
COMMENT ON TABLE tenant.applied_migration IS
	'which tenant has which migrations; changed by the functions of tenant_mgr only';
COMMENT ON COLUMN tenant.applied_migration.run IS
	'run of the last attempt, null if it came otherwise';
COMMENT ON COLUMN tenant.applied_migration.state IS
	'applied or baseline if the tenant has it, failed or partial if not';
COMMENT ON COLUMN tenant.applied_migration.statements_done IS
	'statements that are committed already, of one that is not transactional';
COMMENT ON COLUMN tenant.applied_migration.message IS
	'error of the last attempt, or that the tenant differs from its template';
COMMENT ON COLUMN tenant.applied_migration.fingerprint IS
	'fingerprint of the tenant afterwards';
REVOKE ALL ON TABLE tenant.applied_migration FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.applied_migration'::pg_catalog.regclass, ''::pg_catalog.text);

CREATE TABLE tenant.snapshot_migration (
	tenant_id pg_catalog.uuid NOT NULL,
	version pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	run pg_catalog.int8,
	state pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	statements_done pg_catalog.int4 NOT NULL,
	attempts pg_catalog.int4 NOT NULL,
	started_at pg_catalog.timestamptz NOT NULL,
	duration pg_catalog.interval,
	sqlstate pg_catalog.text COLLATE pg_catalog."C",
	message pg_catalog.text,
	fingerprint pg_catalog.text COLLATE pg_catalog."C",
	label pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	CONSTRAINT snapshot_migration_pkey PRIMARY KEY (tenant_id, label, version)
);
COMMENT ON TABLE tenant.snapshot_migration IS
	'which migrations the snapshots of tenants have; changed by the functions of tenant_mgr only';
COMMENT ON COLUMN tenant.snapshot_migration.label IS 'label of the snapshot';
REVOKE ALL ON TABLE tenant.snapshot_migration FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.snapshot_migration'::pg_catalog.regclass, ''::pg_catalog.text);

-- Whoever sees a tenant sees what it has, but not what the statements are.
CREATE VIEW tenant.migration_status WITH (security_barrier) AS
	SELECT r.name AS tenant,
		m.version,
		CASE WHEN a.state IS NULL THEN 'pending'::pg_catalog.text
			ELSE a.state END AS state,
		a.started_at,
		a.duration,
		a.message AS error,
		a.sqlstate,
		a.attempts,
		a.run
	FROM tenant.registry r
		CROSS JOIN tenant.migration m
		LEFT JOIN tenant.applied_migration a
		ON a.tenant_id OPERATOR(pg_catalog.=) r.id
			AND a.version OPERATOR(pg_catalog.=) m.version
		LEFT JOIN pg_catalog.pg_namespace n
		ON n.nspname OPERATOR(pg_catalog.=) r.schema_name
	WHERE r.state OPERATOR(pg_catalog.<>) 'trashed'::pg_catalog.text
		AND m.complete
		AND (pg_catalog.has_table_privilege(
				'tenant.registry'::pg_catalog.regclass::pg_catalog.oid,
				'SELECT'::pg_catalog.text)
			OR pg_catalog.has_schema_privilege(n.oid, 'USAGE'::pg_catalog.text)
			OR pg_catalog.pg_has_role(n.nspowner, 'USAGE'::pg_catalog.text));
COMMENT ON VIEW tenant.migration_status IS
	'migrations of the tenants that the current user has to do with';
GRANT SELECT ON TABLE tenant.migration_status TO PUBLIC;

CREATE FUNCTION tenant.pending_migrations(
	OUT tenant pg_catalog.text,
	OUT version pg_catalog.text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_pending_migrations'
	LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 1000;
COMMENT ON FUNCTION tenant.pending_migrations() IS
	'for the view tenant.pending';
GRANT EXECUTE ON FUNCTION tenant.pending_migrations() TO PUBLIC;

CREATE VIEW tenant.pending AS
	SELECT tenant, version FROM tenant.pending_migrations();
COMMENT ON VIEW tenant.pending IS
	'migrations that tenants do not have, of the tenants that the current user has to do with';
GRANT SELECT ON TABLE tenant.pending TO PUBLIC;

CREATE FUNCTION tenant.add_migration(
	version pg_catalog.text,
	sql pg_catalog.text,
	description pg_catalog.text DEFAULT NULL,
	transactional pg_catalog.bool DEFAULT true) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_add_migration'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.add_migration(text, text, text, boolean) IS
	'add a text of SQL that every tenant is to get once';
REVOKE ALL ON FUNCTION tenant.add_migration(text, text, text, boolean)
	FROM PUBLIC;

CREATE FUNCTION tenant.drop_migration(version pg_catalog.text)
	RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_drop_migration'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.drop_migration(text) IS
	'remove a migration that no tenant has, or discard what has been recorded of one';
REVOKE ALL ON FUNCTION tenant.drop_migration(text) FROM PUBLIC;

-- Not STRICT: a missing version must not leave the session recording another.
CREATE FUNCTION tenant.record(
	version pg_catalog.text,
	description pg_catalog.text DEFAULT NULL) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_record'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.record(text, text) IS
	'record what the session does to its tenant, as a migration for all others';
REVOKE ALL ON FUNCTION tenant.record(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.record_stop() RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_record_stop'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.record_stop() IS
	'complete the migration that the session records';
REVOKE ALL ON FUNCTION tenant.record_stop() FROM PUBLIC;

CREATE FUNCTION tenant.baseline(
	name pg_catalog.text,
	version pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_baseline'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.baseline(text, text) IS
	'say that a tenant has all migrations up to a version';
REVOKE ALL ON FUNCTION tenant.baseline(text, text) FROM PUBLIC;

CREATE PROCEDURE tenant.migrate(
	to_version pg_catalog.text DEFAULT NULL,
	tenants pg_catalog.text[] DEFAULT NULL,
	jobs pg_catalog.int4 DEFAULT NULL,
	on_error pg_catalog.text DEFAULT 'continue',
	canary pg_catalog.int4 DEFAULT 0,
	dry_run pg_catalog.bool DEFAULT false,
	verify pg_catalog.text DEFAULT 'report')
	AS 'MODULE_PATHNAME', 'tenant_migrate'
	LANGUAGE C;
COMMENT ON PROCEDURE tenant.migrate(pg_catalog.text, pg_catalog.text[],
	pg_catalog.int4, pg_catalog.text, pg_catalog.int4, pg_catalog.bool,
	pg_catalog.text) IS
	'give tenants the migrations that they do not have';
REVOKE ALL ON PROCEDURE tenant.migrate(pg_catalog.text, pg_catalog.text[],
	pg_catalog.int4, pg_catalog.text, pg_catalog.int4, pg_catalog.bool,
	pg_catalog.text) FROM PUBLIC;

--
-- Connections
--

-- What is not accepted any more as an option, and would not be from a dump.
UPDATE tenant.connection SET options =
	options OPERATOR(pg_catalog.-)
		'{options,krbsrvname,sslcrldir}'::pg_catalog.text[]
	OPERATOR(pg_catalog.-)
		CASE WHEN (options OPERATOR(pg_catalog.->>) 'sslrootcert')
			OPERATOR(pg_catalog.~) '/|^[.]|^$' THEN 'sslrootcert' ELSE '' END
	OPERATOR(pg_catalog.-)
		CASE WHEN (options OPERATOR(pg_catalog.->>) 'sslcrl')
			OPERATOR(pg_catalog.~) '/|^[.]|^$' THEN 'sslcrl' ELSE '' END
	OPERATOR(pg_catalog.-)
		CASE WHEN (options OPERATOR(pg_catalog.->>) 'gssencmode')
			OPERATOR(pg_catalog.<>) 'disable' THEN 'gssencmode' ELSE '' END
	OPERATOR(pg_catalog.-)
		CASE WHEN (options OPERATOR(pg_catalog.->>) 'require_auth')
			OPERATOR(pg_catalog.!~)
				'^((none|password|md5|scram-sha-256)(,|$))+$'
			THEN 'require_auth' ELSE '' END
	WHERE options OPERATOR(pg_catalog.?|)
		'{options,krbsrvname,sslcrldir,sslrootcert,sslcrl,gssencmode,require_auth}'::pg_catalog.text[];

-- Of rows that are there, nobody knows.
ALTER TABLE tenant.connection ADD COLUMN by_superuser pg_catalog.bool;
COMMENT ON COLUMN tenant.connection.by_superuser IS
	'has a superuser written where it leads to; then it may be a socket, or have no password';

CREATE FUNCTION tenant.connection_written() RETURNS trigger
	AS 'MODULE_PATHNAME', 'tenant_connection_written'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.connection_written() IS
	'trigger: say whether a superuser has written where a connection leads to';
REVOKE ALL ON FUNCTION tenant.connection_written() FROM PUBLIC;

CREATE TRIGGER connection_written
	BEFORE INSERT OR UPDATE ON tenant.connection
	FOR EACH ROW EXECUTE FUNCTION tenant.connection_written();
COMMENT ON TRIGGER connection_written ON tenant.connection IS
	'says whether a superuser has written where it leads to';
ALTER TABLE tenant.connection ENABLE ALWAYS TRIGGER connection_written;

-- Texts are read again with each round of health checks, and not to be long.
ALTER TABLE tenant.connection
	DROP CONSTRAINT connection_region_check,
	DROP CONSTRAINT connection_host_check,
	DROP CONSTRAINT connection_database_name_check,
	DROP CONSTRAINT connection_username_check,
	ADD CONSTRAINT connection_region_check CHECK
		(pg_catalog.octet_length(region) OPERATOR(pg_catalog.<=) 1024
		AND region OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text),
	ADD CONSTRAINT connection_host_check CHECK
		(host OPERATOR(pg_catalog.<>) ''::pg_catalog.text
		AND pg_catalog.octet_length(host) OPERATOR(pg_catalog.<=) 1024
		AND host OPERATOR(pg_catalog.!~) '[,[:cntrl:][:space:]]'::pg_catalog.text),
	ADD CONSTRAINT connection_database_name_check CHECK
		(database_name OPERATOR(pg_catalog.<>) ''::pg_catalog.text
		AND pg_catalog.octet_length(database_name) OPERATOR(pg_catalog.<=) 1024
		AND database_name OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text),
	ADD CONSTRAINT connection_username_check CHECK
		(username OPERATOR(pg_catalog.<>) ''::pg_catalog.text
		AND pg_catalog.octet_length(username) OPERATOR(pg_catalog.<=) 1024
		AND username OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text);

CREATE FUNCTION tenant.assign_template(
	name pg_catalog.text,
	template pg_catalog.text DEFAULT NULL) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_assign_template'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.assign_template(text, text) IS
	'say which template a tenant is to be like, or none';
REVOKE ALL ON FUNCTION tenant.assign_template(text, text) FROM PUBLIC;

--
-- What is kept of fingerprints
--
-- Neither table is in dumps: what is restored may be something else, and has other
-- OIDs.
--

CREATE TABLE tenant.kept_fingerprint (
	tenant_id pg_catalog.uuid
		CONSTRAINT kept_fingerprint_pkey PRIMARY KEY,
	schema_oid pg_catalog.oid NOT NULL,
	schema_owner pg_catalog.oid NOT NULL,
	fingerprint pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	basis pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	role_oids pg_catalog.oid[] NOT NULL,
	role_names pg_catalog.text[] COLLATE pg_catalog."C" NOT NULL,
	changed_at pg_catalog.timestamptz,
	compared_as pg_catalog.text COLLATE pg_catalog."C",
	compared_with pg_catalog.text COLLATE pg_catalog."C",
	differences pg_catalog.int4,
	differs_since pg_catalog.timestamptz
);
COMMENT ON TABLE tenant.kept_fingerprint IS
	'fingerprints of tenants, and what they are true for; written by the library only';
COMMENT ON COLUMN tenant.kept_fingerprint.basis IS
	'digest of what all fingerprints of the database rely on';
COMMENT ON COLUMN tenant.kept_fingerprint.role_names IS
	'names that the roles had';
COMMENT ON COLUMN tenant.kept_fingerprint.changed_at IS
	'since when the tenant has this fingerprint';
COMMENT ON COLUMN tenant.kept_fingerprint.compared_as IS
	'fingerprint that the tenant had when it was compared last';
COMMENT ON COLUMN tenant.kept_fingerprint.compared_with IS
	'fingerprint that its template had then';
REVOKE ALL ON TABLE tenant.kept_fingerprint FROM PUBLIC;

CREATE TABLE tenant.structure_change (
	schema_oid pg_catalog.oid NOT NULL,
	token pg_catalog.uuid NOT NULL,
	changed_at pg_catalog.timestamptz NOT NULL,
	CONSTRAINT structure_change_pkey PRIMARY KEY (schema_oid, token)
);
COMMENT ON TABLE tenant.structure_change IS
	'schemas that have changed since their fingerprints were read; written by the library only';
COMMENT ON COLUMN tenant.structure_change.schema_oid IS
	'0 if it may be any';
REVOKE ALL ON TABLE tenant.structure_change FROM PUBLIC;

CREATE FUNCTION tenant.structure_changed() RETURNS event_trigger
	AS 'MODULE_PATHNAME', 'tenant_structure_changed'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.structure_changed() IS
	'event trigger: note which schemas a command changes';
REVOKE ALL ON FUNCTION tenant.structure_changed() FROM PUBLIC;

CREATE EVENT TRIGGER tenant_mgr_structure_start ON ddl_command_start
	WHEN TAG IN ('DROP INDEX')
	EXECUTE FUNCTION tenant.structure_changed();
COMMENT ON EVENT TRIGGER tenant_mgr_structure_start IS
	'notes schemas whose indexes are dropped concurrently';
ALTER EVENT TRIGGER tenant_mgr_structure_start ENABLE ALWAYS;
CREATE EVENT TRIGGER tenant_mgr_structure_end ON ddl_command_end
	EXECUTE FUNCTION tenant.structure_changed();
COMMENT ON EVENT TRIGGER tenant_mgr_structure_end IS
	'notes schemas that have changed';
ALTER EVENT TRIGGER tenant_mgr_structure_end ENABLE ALWAYS;
CREATE EVENT TRIGGER tenant_mgr_structure_drop ON sql_drop
	EXECUTE FUNCTION tenant.structure_changed();
COMMENT ON EVENT TRIGGER tenant_mgr_structure_drop IS
	'notes schemas that objects have been dropped from';
ALTER EVENT TRIGGER tenant_mgr_structure_drop ENABLE ALWAYS;

-- Comparing schemas.
CREATE FUNCTION tenant.fingerprint(
	name text,
	fresh pg_catalog.bool DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME', 'tenant_fingerprint'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.fingerprint(text, boolean) IS
	'digest of a schema''s structure, equal for schemas that are alike';
GRANT EXECUTE ON FUNCTION tenant.fingerprint(text, boolean) TO PUBLIC;

CREATE FUNCTION tenant.object_fingerprints(
	name text,
	OUT object_type pg_catalog.text,
	OUT object_name pg_catalog.text,
	OUT fingerprint pg_catalog.text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_object_fingerprints'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.object_fingerprints(text) IS
	'digests of the objects of a schema, of which its fingerprint is made';
GRANT EXECUTE ON FUNCTION tenant.object_fingerprints(text) TO PUBLIC;

CREATE FUNCTION tenant.diff(
	a text,
	b text,
	OUT object_type pg_catalog.text,
	OUT object_name pg_catalog.text,
	OUT change pg_catalog.text,
	OUT a_definition pg_catalog.text,
	OUT b_definition pg_catalog.text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_diff'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.diff(text, text) IS
	'in what two schemas differ, seen from the second one';
GRANT EXECUTE ON FUNCTION tenant.diff(text, text) TO PUBLIC;

CREATE FUNCTION tenant.diff_sql(a text, b text)
	RETURNS SETOF pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_diff_sql'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.diff_sql(text, text) IS
	'statements that make the second schema like the first one, to be read first';
GRANT EXECUTE ON FUNCTION tenant.diff_sql(text, text) TO PUBLIC;

CREATE FUNCTION tenant.drift_candidates(
	OUT tenant pg_catalog.text,
	OUT template pg_catalog.text,
	OUT version pg_catalog.text,
	OUT since pg_catalog.timestamptz,
	OUT differences pg_catalog.int4,
	OUT known pg_catalog.bool
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_drift_candidates'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 100;
COMMENT ON FUNCTION tenant.drift_candidates() IS
	'for the view tenant.drift: tenants that differ from their template, or may';
GRANT EXECUTE ON FUNCTION tenant.drift_candidates() TO PUBLIC;

CREATE FUNCTION tenant.drift_of(
	name text,
	OUT since pg_catalog.timestamptz,
	OUT differences pg_catalog.int4
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_drift_of'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 1;
COMMENT ON FUNCTION tenant.drift_of(text) IS
	'for the view tenant.drift: a row if the tenant differs from its template';
GRANT EXECUTE ON FUNCTION tenant.drift_of(text) TO PUBLIC;

-- Who is known to differ, and who has to be looked at, one by one.
CREATE VIEW tenant.drift AS
	WITH candidate AS (SELECT * FROM tenant.drift_candidates())
	SELECT c.tenant, c.template, c.version, c.since, c.differences
	FROM candidate c
	WHERE c.known
	UNION ALL
	SELECT c.tenant, c.template, c.version, d.since, d.differences
	FROM candidate c
		CROSS JOIN LATERAL tenant.drift_of(c.tenant) d
	WHERE NOT c.known;
COMMENT ON VIEW tenant.drift IS
	'tenants that are not like their template at the same version, of those that the current user owns';
GRANT SELECT ON TABLE tenant.drift TO PUBLIC;

--
-- Hooks
--
-- Functions are kept by name, for OIDs do not survive a dump; they all take
-- one argument, a jsonb.
--

CREATE TABLE tenant.hook (
	event pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	function_schema pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	function_name pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	priority pg_catalog.int4 NOT NULL,
	function_owner pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	CONSTRAINT hook_pkey PRIMARY KEY (event, function_schema, function_name)
);
COMMENT ON TABLE tenant.hook IS
	'functions that are called when something becomes of a tenant; tenant.add_hook() changes them';
COMMENT ON COLUMN tenant.hook.event IS 'when it is called';
COMMENT ON COLUMN tenant.hook.priority IS 'low ones come first';
COMMENT ON COLUMN tenant.hook.function_owner IS
	'owner of the function when it was added';
REVOKE ALL ON TABLE tenant.hook FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.hook'::pg_catalog.regclass, ''::pg_catalog.text);
CREATE TRIGGER hook_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenant.hook
	FOR EACH STATEMENT EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER hook_changed ON tenant.hook IS
	'tells all sessions about rows edited or restored';
ALTER TABLE tenant.hook ENABLE ALWAYS TRIGGER hook_changed;
CREATE TRIGGER hook_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.hook
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER hook_row_changed ON tenant.hook IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.hook ENABLE REPLICA TRIGGER hook_row_changed;

CREATE FUNCTION tenant.add_hook(
	event pg_catalog.text,
	function pg_catalog.regprocedure,
	priority pg_catalog.int4 DEFAULT 100) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_add_hook'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.add_hook(text, regprocedure, int) IS
	'have a function called when something becomes of a tenant';
REVOKE ALL ON FUNCTION tenant.add_hook(text, regprocedure, int) FROM PUBLIC;

CREATE FUNCTION tenant.drop_hook(
	event pg_catalog.text,
	function pg_catalog.regprocedure) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_drop_hook'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.drop_hook(text, regprocedure) IS
	'do not have a function called any more';
REVOKE ALL ON FUNCTION tenant.drop_hook(text, regprocedure) FROM PUBLIC;

-- Whoever owns a function sees its hooks, whoever may read the table sees all.
CREATE VIEW tenant.hooks WITH (security_barrier) AS
	SELECT h.event,
		p.oid::pg_catalog.regprocedure AS function,
		h.priority,
		pg_catalog.format('%I.%I'::pg_catalog.text,
			h.function_schema, h.function_name) AS function_name,
		h.function_owner
	FROM tenant.hook h
		LEFT JOIN pg_catalog.pg_namespace n
		ON n.nspname OPERATOR(pg_catalog.=) h.function_schema
		LEFT JOIN pg_catalog.pg_proc p
		ON p.pronamespace OPERATOR(pg_catalog.=) n.oid
		AND p.proname OPERATOR(pg_catalog.=) h.function_name
		AND p.pronargs OPERATOR(pg_catalog.=) 1::pg_catalog.int2
		AND p.proargtypes[0] OPERATOR(pg_catalog.=)
			'pg_catalog.jsonb'::pg_catalog.regtype::pg_catalog.oid
	WHERE pg_catalog.has_table_privilege(
			'tenant.hook'::pg_catalog.regclass::pg_catalog.oid,
			'SELECT'::pg_catalog.text)
		OR pg_catalog.pg_has_role(p.proowner, 'USAGE'::pg_catalog.text);
COMMENT ON VIEW tenant.hooks IS
	'functions that are called when something becomes of a tenant';
COMMENT ON COLUMN tenant.hooks.function IS
	'the function; null if there is none of that name';
GRANT SELECT ON TABLE tenant.hooks TO PUBLIC;

CREATE FUNCTION tenant.forget_hooks() RETURNS event_trigger
	AS 'MODULE_PATHNAME', 'tenant_forget_hooks'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.forget_hooks() IS
	'event trigger: forget hooks whose function has been dropped';
REVOKE ALL ON FUNCTION tenant.forget_hooks() FROM PUBLIC;
CREATE EVENT TRIGGER tenant_mgr_forget_hooks ON sql_drop
	WHEN TAG IN ('DROP FUNCTION', 'DROP ROUTINE', 'DROP SCHEMA', 'DROP OWNED',
		'DROP EXTENSION')
	EXECUTE FUNCTION tenant.forget_hooks();
COMMENT ON EVENT TRIGGER tenant_mgr_forget_hooks IS
	'forgets hooks whose function has been dropped';
ALTER EVENT TRIGGER tenant_mgr_forget_hooks ENABLE ALWAYS;

--
-- All tenants at once
--

CREATE FUNCTION tenant.exec(
	sql pg_catalog.text,
	tenants pg_catalog.text[] DEFAULT NULL,
	jobs pg_catalog.int4 DEFAULT 1,
	OUT tenant pg_catalog.text,
	OUT rows pg_catalog.int8,
	OUT sqlstate pg_catalog.text,
	OUT error pg_catalog.text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_exec'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.exec(text, text[], int) IS
	'execute a statement for many tenants';
REVOKE ALL ON FUNCTION tenant.exec(text, text[], int) FROM PUBLIC;

CREATE FUNCTION tenant.query(
	sql pg_catalog.text,
	tenants pg_catalog.text[] DEFAULT NULL,
	jobs pg_catalog.int4 DEFAULT 1) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_query'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.query(text, text[], int) IS
	'rows of a query over many tenants, with the tenant before each';
REVOKE ALL ON FUNCTION tenant.query(text, text[], int) FROM PUBLIC;

CREATE FUNCTION tenant.query_errors(
	OUT tenant pg_catalog.text,
	OUT sqlstate pg_catalog.text,
	OUT error pg_catalog.text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_query_errors'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.query_errors() IS
	'errors of the latest query over many tenants in this session';
GRANT EXECUTE ON FUNCTION tenant.query_errors() TO PUBLIC;
CREATE VIEW tenant.query_error AS
	SELECT e.tenant, e.sqlstate, e.error FROM tenant.query_errors() e;
COMMENT ON VIEW tenant.query_error IS
	'errors of the latest query over many tenants in this session';
GRANT SELECT ON TABLE tenant.query_error TO PUBLIC;

CREATE TABLE tenant.united_table (
	table_name pg_catalog.text COLLATE pg_catalog."C"
		CONSTRAINT united_table_pkey PRIMARY KEY
);
COMMENT ON TABLE tenant.united_table IS
	'tables of which there is a view of all tenants; tenant.union_view() changes them';
REVOKE ALL ON TABLE tenant.united_table FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.united_table'::pg_catalog.regclass, ''::pg_catalog.text);

CREATE FUNCTION tenant.union_view(table_name pg_catalog.text)
	RETURNS pg_catalog.regclass
	AS 'MODULE_PATHNAME', 'tenant_union_view'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.union_view(text) IS
	'make a view of a table of all tenants';
REVOKE ALL ON FUNCTION tenant.union_view(text) FROM PUBLIC;

CREATE FUNCTION tenant.drop_union_view(table_name pg_catalog.text)
	RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_drop_union_view'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.drop_union_view(text) IS
	'drop a view of a table of all tenants';
REVOKE ALL ON FUNCTION tenant.drop_union_view(text) FROM PUBLIC;

--
-- Privileges that ALTER DEFAULT PRIVILEGES has given away
--
-- What this script grants, to PUBLIC and pg_monitor, is all that is granted.
-- This comes last.
--

DO $$
DECLARE
	command pg_catalog.text;
BEGIN
	FOR command IN
		WITH made AS (
			SELECT d.classid, d.objid
			FROM pg_catalog.pg_depend d
				JOIN pg_catalog.pg_extension e
				ON e.oid OPERATOR(pg_catalog.=) d.refobjid
			WHERE d.refclassid OPERATOR(pg_catalog.=)
					'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid
				AND e.extname OPERATOR(pg_catalog.=) 'tenant_mgr'::pg_catalog.name
				AND pg_catalog.age(d.xmin) OPERATOR(pg_catalog.<=)
					pg_catalog.age(pg_catalog.xid(pg_catalog.pg_current_xact_id()))
		), object (kind, name, owner, acl) AS (
			SELECT CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'S' THEN 'SEQUENCE'
					ELSE 'VIEW' END,
				pg_catalog.format('tenant.%I', c.relname), c.relowner, c.relacl
			FROM made m JOIN pg_catalog.pg_class c
				ON c.oid OPERATOR(pg_catalog.=) m.objid
			WHERE m.classid OPERATOR(pg_catalog.=)
				'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
			UNION ALL
			SELECT 'ROUTINE', pg_catalog.format('tenant.%I(%s)', p.proname,
					pg_catalog.pg_get_function_identity_arguments(p.oid)),
				p.proowner, p.proacl
			FROM made m JOIN pg_catalog.pg_proc p
				ON p.oid OPERATOR(pg_catalog.=) m.objid
			WHERE m.classid OPERATOR(pg_catalog.=)
				'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
			UNION ALL
			SELECT 'TYPE', pg_catalog.format('tenant.%I', t.typname),
				t.typowner, t.typacl
			FROM made m JOIN pg_catalog.pg_type t
				ON t.oid OPERATOR(pg_catalog.=) m.objid
			WHERE m.classid OPERATOR(pg_catalog.=)
				'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
		)
		SELECT pg_catalog.format('REVOKE %s ON %s %s FROM %s CASCADE',
			a.privilege_type,
			CASE o.kind WHEN 'VIEW' THEN 'TABLE' ELSE o.kind END, o.name,
			CASE a.grantee WHEN 0::pg_catalog.oid THEN 'PUBLIC' ELSE
				pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
		FROM object o, LATERAL pg_catalog.aclexplode(o.acl) a
		WHERE a.grantee OPERATOR(pg_catalog.<>) o.owner
			AND NOT (a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid
				AND (o.kind OPERATOR(pg_catalog.=) ANY
						(ARRAY['ROUTINE', 'TYPE']::pg_catalog.text[])
					OR (o.kind OPERATOR(pg_catalog.=) ANY
						(ARRAY['VIEW', 'SEQUENCE']::pg_catalog.text[])
						AND a.privilege_type OPERATOR(pg_catalog.=)
							'SELECT'::pg_catalog.text)
					OR (o.kind OPERATOR(pg_catalog.=) 'SCHEMA'::pg_catalog.text
						AND a.privilege_type OPERATOR(pg_catalog.=)
							'USAGE'::pg_catalog.text)))
			AND NOT (a.grantee OPERATOR(pg_catalog.=)
					'pg_monitor'::pg_catalog.regrole::pg_catalog.oid
				AND (o.kind OPERATOR(pg_catalog.=) 'ROUTINE'::pg_catalog.text
					OR (o.kind OPERATOR(pg_catalog.=) 'VIEW'::pg_catalog.text
						AND a.privilege_type OPERATOR(pg_catalog.=)
							'SELECT'::pg_catalog.text)))
	LOOP
		EXECUTE command;
	END LOOP;
END
$$;
