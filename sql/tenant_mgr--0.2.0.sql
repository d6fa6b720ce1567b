/* tenant_mgr--0.2.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION tenant_mgr" to load this file. \quit

-- A schema of our name that was there before must be empty and must belong to
-- somebody who could have installed the extension: what others have put, or
-- might put, there could be taken for ours.
DO $$
DECLARE
	our_schema pg_catalog.oid;
	our_owner pg_catalog.oid;
BEGIN
	SELECT n.oid, n.nspowner INTO our_schema, our_owner
		FROM pg_catalog.pg_namespace n
		WHERE n.nspname OPERATOR(pg_catalog.=) 'tenant'::pg_catalog.name;

	IF NOT (EXISTS (
		SELECT FROM pg_catalog.pg_roles r
			WHERE r.oid OPERATOR(pg_catalog.=) our_owner
			AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER)))
	THEN
		RAISE EXCEPTION 'schema "tenant" belongs to another role'
			USING ERRCODE = 'insufficient_privilege',
				HINT = 'Drop the schema, or make a superuser its owner once you have looked at what is in it.';
	END IF;

	IF EXISTS (
		SELECT FROM pg_catalog.pg_namespace n,
			LATERAL pg_catalog.aclexplode(n.nspacl) a
			WHERE n.oid OPERATOR(pg_catalog.=) our_schema
			AND a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'::pg_catalog.text
			AND a.grantee OPERATOR(pg_catalog.<>) our_owner)
	THEN
		RAISE EXCEPTION 'others than its owner can create objects in schema "tenant"'
			USING ERRCODE = 'insufficient_privilege',
				HINT = 'Revoke the privilege CREATE on the schema.';
	END IF;

	IF EXISTS (
		SELECT FROM pg_catalog.pg_depend d
			WHERE d.refclassid OPERATOR(pg_catalog.=)
				'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
			AND d.refobjid OPERATOR(pg_catalog.=) our_schema
			AND d.classid OPERATOR(pg_catalog.<>)
				'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid)
	THEN
		RAISE EXCEPTION 'schema "tenant" is not empty'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Drop or move what is in it.';
	END IF;
END
$$;

GRANT USAGE ON SCHEMA tenant TO PUBLIC;

--
-- Registry
--
-- The library finds columns by their number and indexes by their name, and
-- writes rows itself: no foreign keys, no indexes on expressions, and no OIDs
-- in it, for they would not survive a dump.
--

CREATE TABLE tenant.registry (
	id pg_catalog.uuid
		CONSTRAINT registry_pkey PRIMARY KEY,
	name pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	name_key pg_catalog.text COLLATE pg_catalog."C"
		CONSTRAINT registry_name_key_key UNIQUE,
	schema_name pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		CONSTRAINT registry_schema_name_key UNIQUE,
	state pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		CONSTRAINT registry_state_check CHECK
		(state OPERATOR(pg_catalog.=) ANY
			(ARRAY['active', 'suspended', 'trashed']::pg_catalog.text[])),
	is_template pg_catalog.bool NOT NULL,
	purging pg_catalog.bool NOT NULL DEFAULT false,
	metadata pg_catalog.jsonb NOT NULL,
	created_at pg_catalog.timestamptz NOT NULL,
	created_by pg_catalog.text NOT NULL,
	cloned_from pg_catalog.text,
	suspended_at pg_catalog.timestamptz,
	suspend_reason pg_catalog.text,
	trashed_at pg_catalog.timestamptz,
	purge_after pg_catalog.timestamptz,
	saved_schema pg_catalog.text,
	saved_acl pg_catalog.jsonb,
	template_id pg_catalog.uuid,
	CONSTRAINT registry_name_check CHECK
		(pg_catalog.octet_length(name) OPERATOR(pg_catalog.>) 0
			AND pg_catalog.octet_length(name) OPERATOR(pg_catalog.<) 64
			AND name OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text),
	CONSTRAINT registry_schema_name_check CHECK
		(pg_catalog.octet_length(schema_name) OPERATOR(pg_catalog.>) 0
			AND pg_catalog.octet_length(schema_name) OPERATOR(pg_catalog.<) 64
			AND schema_name OPERATOR(pg_catalog.!~) '^pg_'::pg_catalog.text
			AND schema_name OPERATOR(pg_catalog.<>) ALL
				(ARRAY['information_schema', 'public', 'tenant']::pg_catalog.text[]))
);
COMMENT ON TABLE tenant.registry IS
	'tenants, one row each; changed by the functions of tenant_mgr only';
COMMENT ON COLUMN tenant.registry.name_key IS
	'folded name, in which tenants must differ; null in the trash';
COMMENT ON COLUMN tenant.registry.purging IS
	'partly gone, cannot be restored';
COMMENT ON COLUMN tenant.registry.saved_schema IS
	'name of the schema before it went to the trash';
COMMENT ON COLUMN tenant.registry.saved_acl IS
	'privileges on the schema before it went to the trash';
COMMENT ON COLUMN tenant.registry.template_id IS
	'tenant that this one is to be like, if it is a template';
REVOKE ALL ON TABLE tenant.registry FROM PUBLIC;

CREATE INDEX registry_name_idx ON tenant.registry (name);
CREATE INDEX registry_purge_after_idx ON tenant.registry (purge_after);

SELECT pg_catalog.pg_extension_config_dump('tenant.registry', '');

CREATE FUNCTION tenant.registry_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'tenant_registry_changed'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.registry_changed() IS
	'trigger: tell all sessions that a table of the library has changed';
REVOKE ALL ON FUNCTION tenant.registry_changed() FROM PUBLIC;

CREATE TRIGGER registry_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenant.registry
	FOR EACH STATEMENT EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER registry_changed ON tenant.registry IS
	'tells all sessions about rows edited or restored';
-- Whatever session_replication_role says; and a subscription fires triggers
-- for rows only.
ALTER TABLE tenant.registry ENABLE ALWAYS TRIGGER registry_changed;
CREATE TRIGGER registry_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.registry
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER registry_row_changed ON tenant.registry IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.registry ENABLE REPLICA TRIGGER registry_row_changed;

--
-- Events
--
-- As with the registry, the library writes rows itself; it finds the sequence
-- by its name.
--

CREATE TABLE tenant.event (
	event_id pg_catalog.int8 GENERATED ALWAYS AS IDENTITY
		CONSTRAINT event_pkey PRIMARY KEY,
	happened_at pg_catalog.timestamptz NOT NULL,
	event pg_catalog.text NOT NULL,
	tenant_id pg_catalog.uuid,
	tenant pg_catalog.text,
	object pg_catalog.text,
	actor pg_catalog.text,
	session_actor pg_catalog.text,
	detail pg_catalog.jsonb
);
COMMENT ON TABLE tenant.event IS
	'what was done with tenants, by whom and when';
COMMENT ON COLUMN tenant.event.tenant IS
	'name of the tenant before it happened';
COMMENT ON COLUMN tenant.event.object IS
	'what it was done with: a schema, a new name, a snapshot''s label';
COMMENT ON COLUMN tenant.event.actor IS 'current user';
COMMENT ON COLUMN tenant.event.session_actor IS 'user of the session';
COMMENT ON SEQUENCE tenant.event_event_id_seq IS 'numbers of events';
CREATE INDEX event_happened_at_idx ON tenant.event (happened_at);
REVOKE ALL ON TABLE tenant.event FROM PUBLIC;
REVOKE ALL ON SEQUENCE tenant.event_event_id_seq FROM PUBLIC;
-- pg_dump --schema-only reads it, whoever calls it.
GRANT SELECT ON SEQUENCE tenant.event_event_id_seq TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.event'::pg_catalog.regclass,
	''::pg_catalog.text);
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.event_event_id_seq'::pg_catalog.regclass,
	''::pg_catalog.text);

--
-- Lifecycle
--
-- Functions whose arguments can be null for a purpose are not STRICT; they
-- refuse the nulls that have none.
--

CREATE FUNCTION tenant.create(
	name pg_catalog.text,
	template pg_catalog.text DEFAULT NULL,
	owner pg_catalog.text DEFAULT NULL,
	metadata pg_catalog.jsonb DEFAULT '{}',
	if_not_exists pg_catalog.bool DEFAULT false) RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_create'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.create(text, text, text, jsonb, boolean) IS
	'create a tenant and its schema, empty or cloned from a template';
REVOKE ALL ON FUNCTION tenant.create(text, text, text, jsonb, boolean)
	FROM PUBLIC;

CREATE FUNCTION tenant.adopt(
	schema pg_catalog.text,
	name pg_catalog.text DEFAULT NULL,
	metadata pg_catalog.jsonb DEFAULT '{}',
	is_template pg_catalog.bool DEFAULT false) RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_adopt'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.adopt(text, text, jsonb, boolean) IS
	'register an existing schema as a tenant';
REVOKE ALL ON FUNCTION tenant.adopt(text, text, jsonb, boolean) FROM PUBLIC;

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

CREATE FUNCTION tenant.clone(
	source pg_catalog.text,
	target pg_catalog.text,
	data pg_catalog.bool DEFAULT true,
	exclude pg_catalog.text[] DEFAULT '{}',
	metadata pg_catalog.jsonb DEFAULT '{}') RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_clone'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.clone(text, text, boolean, text[], jsonb) IS
	'copy a tenant or a schema as a new tenant';
REVOKE ALL ON FUNCTION tenant.clone(text, text, boolean, text[], jsonb)
	FROM PUBLIC;

CREATE FUNCTION tenant.clone_plan(
	source text,
	OUT relation text,
	OUT method text,
	OUT reason text,
	OUT bytes bigint
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_clone_plan'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.clone_plan(text) IS
	'how a clone of a tenant or schema would copy each of its relations';
REVOKE ALL ON FUNCTION tenant.clone_plan(text) FROM PUBLIC;

CREATE FUNCTION tenant.rename(
	name pg_catalog.text,
	new_name pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_rename'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.rename(text, text) IS
	'rename a tenant and its schema';
REVOKE ALL ON FUNCTION tenant.rename(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.suspend(
	name pg_catalog.text,
	reason pg_catalog.text DEFAULT NULL) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_suspend'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.suspend(text, text) IS
	'stop sessions from working for a tenant';
REVOKE ALL ON FUNCTION tenant.suspend(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.resume(name pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_resume'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.resume(text) IS
	'end the suspension of a tenant';
REVOKE ALL ON FUNCTION tenant.resume(text) FROM PUBLIC;

CREATE FUNCTION tenant.set_template(
	name pg_catalog.text,
	is_template pg_catalog.bool) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_set_template'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.set_template(text, boolean) IS
	'say whether a tenant exists to be cloned';
REVOKE ALL ON FUNCTION tenant.set_template(text, boolean) FROM PUBLIC;

CREATE FUNCTION tenant.assign_template(
	name pg_catalog.text,
	template pg_catalog.text DEFAULT NULL) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_assign_template'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.assign_template(text, text) IS
	'say which template a tenant is to be like, or none';
REVOKE ALL ON FUNCTION tenant.assign_template(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.set_metadata(
	name pg_catalog.text,
	metadata pg_catalog.jsonb) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_set_metadata'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.set_metadata(text, jsonb) IS
	'replace the metadata of a tenant';
REVOKE ALL ON FUNCTION tenant.set_metadata(text, jsonb) FROM PUBLIC;

CREATE FUNCTION tenant.drop(
	name pg_catalog.text,
	purge pg_catalog.bool DEFAULT false) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_drop'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.drop(text, boolean) IS
	'move a tenant to the trash, or drop it for good';
REVOKE ALL ON FUNCTION tenant.drop(text, boolean) FROM PUBLIC;

CREATE FUNCTION tenant.restore(
	name pg_catalog.text,
	new_name pg_catalog.text DEFAULT NULL) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_restore'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.restore(text, text) IS
	'take a tenant out of the trash';
REVOKE ALL ON FUNCTION tenant.restore(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.restore_from(
	name pg_catalog.text,
	schema pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_restore_from'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.restore_from(text, text) IS
	'take a tenant out of the trash with a schema that a dump brought back';
REVOKE ALL ON FUNCTION tenant.restore_from(text, text) FROM PUBLIC;

CREATE PROCEDURE tenant.purge(name pg_catalog.text DEFAULT NULL)
	AS 'MODULE_PATHNAME', 'tenant_purge'
	LANGUAGE C;
COMMENT ON PROCEDURE tenant.purge(text) IS
	'drop what is due in the trash, or one tenant there, for good';
REVOKE ALL ON PROCEDURE tenant.purge(text) FROM PUBLIC;

CREATE FUNCTION tenant.exists(name pg_catalog.text) RETURNS pg_catalog.bool
	AS 'MODULE_PATHNAME', 'tenant_exists'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant.exists(text) IS
	'is there a tenant of this name';
GRANT EXECUTE ON FUNCTION tenant.exists(text) TO PUBLIC;

--
-- Views
--

-- Whoever may use a tenant's schema sees the tenant; whoever may read the
-- registry sees them all.
CREATE VIEW tenant.tenants WITH (security_barrier) AS
	SELECT r.name,
		r.schema_name,
		CASE WHEN n.oid IS NULL THEN 'missing'::pg_catalog.text
			ELSE r.state END AS state,
		r.is_template,
		pg_catalog.pg_get_userbyid(n.nspowner) AS owner,
		r.created_at,
		r.created_by,
		r.metadata,
		r.cloned_from,
		r.suspended_at,
		r.suspend_reason,
		r.trashed_at,
		r.purge_after,
		r.purging
	FROM tenant.registry r
		LEFT JOIN pg_catalog.pg_namespace n
		ON n.nspname OPERATOR(pg_catalog.=) r.schema_name
	WHERE pg_catalog.has_table_privilege(
			'tenant.registry'::pg_catalog.regclass::pg_catalog.oid,
			'SELECT'::pg_catalog.text)
		OR pg_catalog.has_schema_privilege(n.oid, 'USAGE'::pg_catalog.text)
		OR pg_catalog.pg_has_role(n.nspowner, 'USAGE'::pg_catalog.text);
COMMENT ON VIEW tenant.tenants IS
	'tenants that the current user has to do with';
GRANT SELECT ON TABLE tenant.tenants TO PUBLIC;

--
-- Binding
--
-- The functions that bind are not STRICT: a missing name must not leave the
-- session where it was.
--

CREATE FUNCTION tenant.switch(name pg_catalog.text) RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_switch'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.switch(text) IS
	'bind the session to a tenant, and return its name';
GRANT EXECUTE ON FUNCTION tenant.switch(text) TO PUBLIC;

CREATE FUNCTION tenant.switch_local(name pg_catalog.text)
	RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_switch_local'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.switch_local(text) IS
	'bind the rest of the transaction to a tenant, and return its name';
GRANT EXECUTE ON FUNCTION tenant.switch_local(text) TO PUBLIC;

CREATE FUNCTION tenant.reset() RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_reset'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.reset() IS
	'unbind the session, and put its search path back';
GRANT EXECUTE ON FUNCTION tenant.reset() TO PUBLIC;

CREATE FUNCTION tenant.current() RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_current'
	LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION tenant.current() IS
	'name of the tenant that the session is bound to';
GRANT EXECUTE ON FUNCTION tenant.current() TO PUBLIC;

CREATE FUNCTION tenant.search_path(name pg_catalog.text)
	RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_search_path'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant.search_path(text) IS
	'search path that a session gets when it is bound to a tenant';
GRANT EXECUTE ON FUNCTION tenant.search_path(text) TO PUBLIC;

CREATE FUNCTION tenant.lock(key pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_lock'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.lock(text) IS
	'keep the session bound to its tenant until it is unlocked';
GRANT EXECUTE ON FUNCTION tenant.lock(text) TO PUBLIC;

CREATE FUNCTION tenant.unlock(key pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_unlock'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.unlock(text) IS
	'end what tenant.lock() has begun';
GRANT EXECUTE ON FUNCTION tenant.unlock(text) TO PUBLIC;

CREATE FUNCTION tenant.is_locked() RETURNS pg_catalog.bool
	AS 'MODULE_PATHNAME', 'tenant_is_locked'
	LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION tenant.is_locked() IS
	'is the session locked to its tenant';
GRANT EXECUTE ON FUNCTION tenant.is_locked() TO PUBLIC;

--
-- Guard
--

-- The planner puts it round the argument of nextval() and its like.  Volatile,
-- because its answer depends on the session's tenant.
CREATE FUNCTION tenant.own_relation(relation pg_catalog.regclass)
	RETURNS pg_catalog.regclass
	AS 'MODULE_PATHNAME', 'tenant_own_relation'
	LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant.own_relation(regclass) IS
	'the relation itself; an error if the guard keeps the session away from it';
GRANT EXECUTE ON FUNCTION tenant.own_relation(regclass) TO PUBLIC;

-- There are rows only if the library is in shared_preload_libraries.
CREATE FUNCTION tenant.guard_stats(
	OUT tenant_id pg_catalog.uuid,
	OUT tenant pg_catalog.text,
	OUT refused pg_catalog.int8,
	OUT logged pg_catalog.int8,
	OUT last_at pg_catalog.timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_guard_stats'
	LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION tenant.guard_stats() IS
	'how often sessions of each tenant have tried to reach another, for the view';
REVOKE ALL ON FUNCTION tenant.guard_stats() FROM PUBLIC;

CREATE VIEW tenant.guard_stats AS
	SELECT tenant_id, tenant, refused, logged, last_at
	FROM tenant.guard_stats();
COMMENT ON VIEW tenant.guard_stats IS
	'how often sessions of each tenant have tried to reach another';

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
-- Tokens
--

-- Not STRICT, for the reason above.
CREATE FUNCTION tenant.switch_token(
	token pg_catalog.text,
	local pg_catalog.bool DEFAULT false) RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_switch_token'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.switch_token(text, boolean) IS
	'bind the session, or the transaction, to the tenant of a signed token';
GRANT EXECUTE ON FUNCTION tenant.switch_token(text, boolean) TO PUBLIC;

CREATE FUNCTION tenant.pooler_check(
	OUT "check" pg_catalog.text,
	OUT ok pg_catalog.bool,
	OUT detail pg_catalog.text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_pooler_check'
	LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tenant.pooler_check() IS
	'is this session fit to be shared by clients of a pool, and why not';
GRANT EXECUTE ON FUNCTION tenant.pooler_check() TO PUBLIC;

--
-- Roles of one tenant
--
-- As with the registry, the library reads and writes the table itself.
--

CREATE TABLE tenant.assigned_role (
	role_name pg_catalog.text COLLATE pg_catalog."C"
		CONSTRAINT assigned_role_pkey PRIMARY KEY,
	tenant_id pg_catalog.uuid NOT NULL
);
COMMENT ON TABLE tenant.assigned_role IS 'roles that work for one tenant only';
COMMENT ON COLUMN tenant.assigned_role.role_name IS 'name of the role';
COMMENT ON COLUMN tenant.assigned_role.tenant_id IS 'id of the tenant';
CREATE INDEX assigned_role_tenant_id_idx ON tenant.assigned_role (tenant_id);
REVOKE ALL ON TABLE tenant.assigned_role FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.assigned_role'::pg_catalog.regclass, ''::pg_catalog.text);
CREATE TRIGGER assigned_role_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenant.assigned_role
	FOR EACH STATEMENT EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER assigned_role_changed ON tenant.assigned_role IS
	'tells all sessions about rows edited or restored';
ALTER TABLE tenant.assigned_role ENABLE ALWAYS TRIGGER assigned_role_changed;
CREATE TRIGGER assigned_role_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.assigned_role
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER assigned_role_row_changed ON tenant.assigned_role IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.assigned_role ENABLE REPLICA TRIGGER assigned_role_row_changed;

CREATE FUNCTION tenant.assign_role(
	name pg_catalog.text,
	role pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_assign_role'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.assign_role(text, text) IS
	'bind all sessions of a role to a tenant, and to no other';
REVOKE ALL ON FUNCTION tenant.assign_role(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.unassign_role(role pg_catalog.text)
	RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_unassign_role'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.unassign_role(text) IS
	'let sessions of a role be bound to any tenant again';
REVOKE ALL ON FUNCTION tenant.unassign_role(text) FROM PUBLIC;

-- Shows the roles of those tenants that tenant.tenants shows.
CREATE VIEW tenant.assigned_roles WITH (security_barrier) AS
	SELECT a.role_name AS role,
		r.name AS tenant
	FROM tenant.assigned_role a
		JOIN tenant.registry r ON r.id OPERATOR(pg_catalog.=) a.tenant_id
		LEFT JOIN pg_catalog.pg_namespace n
		ON n.nspname OPERATOR(pg_catalog.=) r.schema_name
	WHERE pg_catalog.has_table_privilege(
			'tenant.registry'::pg_catalog.regclass::pg_catalog.oid,
			'SELECT'::pg_catalog.text)
		OR pg_catalog.has_schema_privilege(n.oid, 'USAGE'::pg_catalog.text)
		OR pg_catalog.pg_has_role(n.nspowner, 'USAGE'::pg_catalog.text);
COMMENT ON VIEW tenant.assigned_roles IS
	'roles that work for one tenant only';
GRANT SELECT ON TABLE tenant.assigned_roles TO PUBLIC;

--
-- Domains
--
-- As with the registry, the library reads and writes the table itself.
--

CREATE TABLE tenant.domain (
	host pg_catalog.text COLLATE pg_catalog."C"
		CONSTRAINT domain_pkey PRIMARY KEY,
	tenant_id pg_catalog.uuid NOT NULL
);
COMMENT ON TABLE tenant.domain IS 'hosts of tenants';
COMMENT ON COLUMN tenant.domain.host IS
	'name of the host in lower case, without port or trailing dot';
COMMENT ON COLUMN tenant.domain.tenant_id IS 'id of the tenant';
CREATE INDEX domain_tenant_id_idx ON tenant.domain (tenant_id);
REVOKE ALL ON TABLE tenant.domain FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('tenant.domain'::pg_catalog.regclass,
										   ''::pg_catalog.text);

CREATE FUNCTION tenant.add_domain(host pg_catalog.text, name pg_catalog.text)
	RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_add_domain'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.add_domain(text, text) IS 'give a host to a tenant';
REVOKE ALL ON FUNCTION tenant.add_domain(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.drop_domain(host pg_catalog.text)
	RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_drop_domain'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.drop_domain(text) IS 'take a host from its tenant';
REVOKE ALL ON FUNCTION tenant.drop_domain(text) FROM PUBLIC;

CREATE FUNCTION tenant.resolve(host pg_catalog.text) RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_resolve'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant.resolve(text) IS
	'name of the tenant that a host belongs to';
GRANT EXECUTE ON FUNCTION tenant.resolve(text) TO PUBLIC;

-- Shows the hosts of those tenants that tenant.tenants shows.
CREATE VIEW tenant.domains WITH (security_barrier) AS
	SELECT d.host,
		r.name AS tenant
	FROM tenant.domain d
		JOIN tenant.registry r ON r.id OPERATOR(pg_catalog.=) d.tenant_id
		LEFT JOIN pg_catalog.pg_namespace n
		ON n.nspname OPERATOR(pg_catalog.=) r.schema_name
	WHERE pg_catalog.has_table_privilege(
			'tenant.registry'::pg_catalog.regclass::pg_catalog.oid,
			'SELECT'::pg_catalog.text)
		OR pg_catalog.has_schema_privilege(n.oid, 'USAGE'::pg_catalog.text)
		OR pg_catalog.pg_has_role(n.nspowner, 'USAGE'::pg_catalog.text);
COMMENT ON VIEW tenant.domains IS
	'hosts of tenants that the current user has to do with';
GRANT SELECT ON TABLE tenant.domains TO PUBLIC;

--
-- Snapshots
--
-- As with the registry, the library reads and writes the table itself.
--

CREATE TABLE tenant.snapshot_registry (
	tenant_id pg_catalog.uuid NOT NULL,
	label pg_catalog.text COLLATE pg_catalog."C" NOT NULL,
	schema_name pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		CONSTRAINT snapshot_registry_schema_name_key UNIQUE,
	created_at pg_catalog.timestamptz NOT NULL,
	created_by pg_catalog.text NOT NULL,
	purging pg_catalog.bool NOT NULL DEFAULT false,
	CONSTRAINT snapshot_registry_pkey PRIMARY KEY (tenant_id, label)
);
COMMENT ON TABLE tenant.snapshot_registry IS
	'snapshots, one row each; changed by the functions of tenant_mgr only';
COMMENT ON COLUMN tenant.snapshot_registry.tenant_id IS 'id of the tenant';
COMMENT ON COLUMN tenant.snapshot_registry.purging IS
	'partly gone or to go, cannot be gone back to';
REVOKE ALL ON TABLE tenant.snapshot_registry FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.snapshot_registry'::pg_catalog.regclass,
	''::pg_catalog.text);

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

CREATE FUNCTION tenant.snapshot(name pg_catalog.text, label pg_catalog.text)
	RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_snapshot'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.snapshot(text, text) IS
	'remember the state of a tenant under a label';
REVOKE ALL ON FUNCTION tenant.snapshot(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.rollback_to(name pg_catalog.text, label pg_catalog.text)
	RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_rollback_to'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.rollback_to(text, text) IS
	'bring back a state of a tenant, and move the present one to the trash';
REVOKE ALL ON FUNCTION tenant.rollback_to(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.drop_snapshot(
	name pg_catalog.text,
	label pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_drop_snapshot'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.drop_snapshot(text, text) IS
	'drop a remembered state of a tenant';
REVOKE ALL ON FUNCTION tenant.drop_snapshot(text, text) FROM PUBLIC;

-- Shows the snapshots of those tenants that tenant.tenants shows.
CREATE VIEW tenant.snapshots WITH (security_barrier) AS
	SELECT r.name AS tenant,
		s.label,
		s.schema_name,
		s.created_at,
		s.created_by,
		s.purging
	FROM tenant.snapshot_registry s
		LEFT JOIN tenant.registry r
		ON r.id OPERATOR(pg_catalog.=) s.tenant_id
		LEFT JOIN pg_catalog.pg_namespace n
		ON n.nspname OPERATOR(pg_catalog.=) r.schema_name
	WHERE pg_catalog.has_table_privilege(
			'tenant.registry'::pg_catalog.regclass::pg_catalog.oid,
			'SELECT'::pg_catalog.text)
		OR pg_catalog.has_schema_privilege(n.oid, 'USAGE'::pg_catalog.text)
		OR pg_catalog.pg_has_role(n.nspowner, 'USAGE'::pg_catalog.text);
COMMENT ON VIEW tenant.snapshots IS
	'snapshots of tenants that the current user has to do with';
GRANT SELECT ON TABLE tenant.snapshots TO PUBLIC;

--
-- Secrets
--
-- As with the registry, the library reads and writes the table itself.
--

CREATE TABLE tenant.data_key (
	scope pg_catalog.uuid NOT NULL,
	version pg_catalog.int4 NOT NULL,
	wrapped pg_catalog.bytea,
	root_version pg_catalog.int4 NOT NULL,
	root_check pg_catalog.bytea NOT NULL,
	created_at pg_catalog.timestamptz NOT NULL,
	shredded_at pg_catalog.timestamptz,
	CONSTRAINT data_key_pkey PRIMARY KEY (scope, version)
);
COMMENT ON TABLE tenant.data_key IS
	'keys of secrets, themselves encrypted; changed by the functions of tenant_mgr only';
COMMENT ON COLUMN tenant.data_key.scope IS
	'id of the tenant; zeros for the database';
COMMENT ON COLUMN tenant.data_key.wrapped IS
	'the key, sealed with a root key; null when shredded';
COMMENT ON COLUMN tenant.data_key.root_version IS
	'version of the root key, which is outside of the database';
COMMENT ON COLUMN tenant.data_key.root_check IS
	'what the root key is recognized by';
REVOKE ALL ON TABLE tenant.data_key FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.data_key'::pg_catalog.regclass,
	''::pg_catalog.text);

CREATE TRIGGER data_key_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenant.data_key
	FOR EACH STATEMENT EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER data_key_changed ON tenant.data_key IS
	'tells all sessions about rows edited or restored';
ALTER TABLE tenant.data_key ENABLE ALWAYS TRIGGER data_key_changed;
CREATE TRIGGER data_key_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.data_key
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER data_key_row_changed ON tenant.data_key IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.data_key ENABLE REPLICA TRIGGER data_key_row_changed;

CREATE TYPE tenant.secret;

CREATE FUNCTION tenant.secret_in(pg_catalog.cstring) RETURNS tenant.secret
	AS 'MODULE_PATHNAME', 'tenant_secret_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant.secret_in(cstring) IS 'I/O';
GRANT EXECUTE ON FUNCTION tenant.secret_in(cstring) TO PUBLIC;

CREATE FUNCTION tenant.secret_out(tenant.secret) RETURNS pg_catalog.cstring
	AS 'MODULE_PATHNAME', 'tenant_secret_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant.secret_out(tenant.secret) IS 'I/O';
GRANT EXECUTE ON FUNCTION tenant.secret_out(tenant.secret) TO PUBLIC;

CREATE FUNCTION tenant.secret_recv(pg_catalog.internal) RETURNS tenant.secret
	AS 'MODULE_PATHNAME', 'tenant_secret_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant.secret_recv(internal) IS 'I/O';
GRANT EXECUTE ON FUNCTION tenant.secret_recv(internal) TO PUBLIC;

CREATE FUNCTION tenant.secret_send(tenant.secret) RETURNS pg_catalog.bytea
	AS 'MODULE_PATHNAME', 'tenant_secret_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant.secret_send(tenant.secret) IS 'I/O';
GRANT EXECUTE ON FUNCTION tenant.secret_send(tenant.secret) TO PUBLIC;

CREATE TYPE tenant.secret (
	INPUT = tenant.secret_in,
	OUTPUT = tenant.secret_out,
	RECEIVE = tenant.secret_recv,
	SEND = tenant.secret_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = external
);
COMMENT ON TYPE tenant.secret IS 'encrypted text';

-- Not STRICT: of a secret with a null context one could not tell later what
-- it had been sealed with.
CREATE FUNCTION tenant.encrypt(
	plaintext pg_catalog.text,
	context pg_catalog.text DEFAULT '',
	aad pg_catalog.text DEFAULT '') RETURNS tenant.secret
	AS 'MODULE_PATHNAME', 'tenant_encrypt'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.encrypt(text, text, text) IS
	'encrypt a text with the key of the bound tenant, or of the database';
REVOKE ALL ON FUNCTION tenant.encrypt(text, text, text) FROM PUBLIC;

CREATE FUNCTION tenant.decrypt(
	secret tenant.secret,
	context pg_catalog.text DEFAULT '',
	aad pg_catalog.text DEFAULT '') RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_decrypt'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.decrypt(tenant.secret, text, text) IS
	'the text that was encrypted';
REVOKE ALL ON FUNCTION tenant.decrypt(tenant.secret, text, text) FROM PUBLIC;

CREATE FUNCTION tenant.import_fernet(
	token pg_catalog.text,
	key pg_catalog.text,
	context pg_catalog.text DEFAULT '',
	aad pg_catalog.text DEFAULT '') RETURNS tenant.secret
	AS 'MODULE_PATHNAME', 'tenant_import_fernet'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.import_fernet(text, text, text, text) IS
	'a secret from a Fernet token';
REVOKE ALL ON FUNCTION tenant.import_fernet(text, text, text, text)
	FROM PUBLIC;

CREATE FUNCTION tenant.seal_column() RETURNS trigger
	AS 'MODULE_PATHNAME', 'tenant_seal_column'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.seal_column() IS
	'trigger: seal a column that is being encrypted';
REVOKE ALL ON FUNCTION tenant.seal_column() FROM PUBLIC;

CREATE PROCEDURE tenant.encrypt_column(
	relation pg_catalog.text,
	"column" pg_catalog.text,
	batch_size pg_catalog.int4 DEFAULT 1000)
	AS 'MODULE_PATHNAME', 'tenant_encrypt_column'
	LANGUAGE C;
COMMENT ON PROCEDURE tenant.encrypt_column(text, text, integer) IS
	'turn a column of texts into one of secrets, in every tenant';
REVOKE ALL ON PROCEDURE tenant.encrypt_column(text, text, integer)
	FROM PUBLIC;

CREATE FUNCTION tenant.generate_key() RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_generate_key'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.generate_key() IS
	'a new line for the ring of root keys';
REVOKE ALL ON FUNCTION tenant.generate_key() FROM PUBLIC;

CREATE PROCEDURE tenant.rotate_keys()
	AS 'MODULE_PATHNAME', 'tenant_rotate_keys'
	LANGUAGE C;
COMMENT ON PROCEDURE tenant.rotate_keys() IS
	'wrap all data keys with the current root key';
REVOKE ALL ON PROCEDURE tenant.rotate_keys() FROM PUBLIC;

CREATE FUNCTION tenant.shred(name pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_shred'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.shred(text) IS
	'destroy the keys of all secrets of a tenant';
REVOKE ALL ON FUNCTION tenant.shred(text) FROM PUBLIC;

CREATE FUNCTION tenant.crypto_status() RETURNS pg_catalog.jsonb
	AS 'MODULE_PATHNAME', 'tenant_crypto_status'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.crypto_status() IS
	'algorithms, and which keys there are';
REVOKE ALL ON FUNCTION tenant.crypto_status() FROM PUBLIC;

CREATE FUNCTION tenant.crypto_benchmark(
	iterations pg_catalog.int4 DEFAULT 1000,
	OUT algorithm pg_catalog.text,
	OUT operation pg_catalog.text,
	OUT bytes pg_catalog.int4,
	OUT microseconds pg_catalog.float8,
	OUT library_microseconds pg_catalog.float8
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_crypto_benchmark'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.crypto_benchmark(integer) IS
	'how long encryption takes, and the bare library for the same';
REVOKE ALL ON FUNCTION tenant.crypto_benchmark(integer) FROM PUBLIC;

--
-- Connections
--
-- As with the registry, the library reads and writes the tables itself, and
-- finds columns by their number.  Connections may be written by SQL as well,
-- by whoever has been granted that; constraints, not the library, say what a
-- row looks like.
--

-- Public, for a constraint is checked as whoever writes the row.
CREATE FUNCTION tenant.valid_connection_options(options pg_catalog.jsonb)
	RETURNS pg_catalog.bool
	AS 'MODULE_PATHNAME', 'tenant_valid_connection_options'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tenant.valid_connection_options(jsonb) IS
	'constraint: parameters of libpq that a connection can have';
GRANT EXECUTE ON FUNCTION tenant.valid_connection_options(jsonb) TO PUBLIC;

CREATE TABLE tenant.connection (
	connection_id pg_catalog.uuid DEFAULT pg_catalog.gen_random_uuid()
		CONSTRAINT connection_pkey PRIMARY KEY,
	connection_name pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		CONSTRAINT connection_connection_name_key UNIQUE
		CONSTRAINT connection_name_check CHECK
		(pg_catalog.octet_length(connection_name) OPERATOR(pg_catalog.>=) 1
		AND pg_catalog.octet_length(connection_name) OPERATOR(pg_catalog.<=) 63
		AND connection_name OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text),
	connection_type pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		DEFAULT 'shared'
		CONSTRAINT connection_type_check CHECK
		(connection_type OPERATOR(pg_catalog.=) ANY
			(ARRAY['admin', 'shared', 'analytics', 'dedicated']::pg_catalog.text[])),
	region pg_catalog.text COLLATE pg_catalog."C"
		CONSTRAINT connection_region_check CHECK
		(pg_catalog.octet_length(region) OPERATOR(pg_catalog.<=) 1024
		AND region OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text),
	host pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		CONSTRAINT connection_host_check CHECK
		(host OPERATOR(pg_catalog.<>) ''::pg_catalog.text
		AND pg_catalog.octet_length(host) OPERATOR(pg_catalog.<=) 1024
		AND host OPERATOR(pg_catalog.!~) '[,[:cntrl:][:space:]]'::pg_catalog.text),
	port pg_catalog.int4 NOT NULL DEFAULT 5432
		CONSTRAINT connection_port_check CHECK
		(port OPERATOR(pg_catalog.>=) 1 AND port OPERATOR(pg_catalog.<=) 65535),
	database_name pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		CONSTRAINT connection_database_name_check CHECK
		(database_name OPERATOR(pg_catalog.<>) ''::pg_catalog.text
		AND pg_catalog.octet_length(database_name) OPERATOR(pg_catalog.<=) 1024
		AND database_name OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text),
	username pg_catalog.text COLLATE pg_catalog."C" NOT NULL
		CONSTRAINT connection_username_check CHECK
		(username OPERATOR(pg_catalog.<>) ''::pg_catalog.text
		AND pg_catalog.octet_length(username) OPERATOR(pg_catalog.<=) 1024
		AND username OPERATOR(pg_catalog.!~) '[[:cntrl:]]'::pg_catalog.text),
	password tenant.secret,
	ssl_mode pg_catalog.text COLLATE pg_catalog."C" NOT NULL DEFAULT 'prefer'
		CONSTRAINT connection_ssl_mode_check CHECK
		(ssl_mode OPERATOR(pg_catalog.=) ANY
			(ARRAY['disable', 'allow', 'prefer', 'require', 'verify-ca',
				'verify-full']::pg_catalog.text[])),
	pool_min_size pg_catalog.int4 NOT NULL DEFAULT 0
		CONSTRAINT connection_pool_min_size_check CHECK
		(pool_min_size OPERATOR(pg_catalog.>=) 0),
	pool_max_size pg_catalog.int4 NOT NULL DEFAULT 10
		CONSTRAINT connection_pool_max_size_check CHECK
		(pool_max_size OPERATOR(pg_catalog.>=) 1
		AND pool_max_size OPERATOR(pg_catalog.>=) pool_min_size),
	pool_timeout_seconds pg_catalog.int4 NOT NULL DEFAULT 30
		CONSTRAINT connection_pool_timeout_seconds_check CHECK
		(pool_timeout_seconds OPERATOR(pg_catalog.>=) 0
		AND pool_timeout_seconds OPERATOR(pg_catalog.<=) 86400),
	pool_recycle_seconds pg_catalog.int4 NOT NULL DEFAULT 3600
		CONSTRAINT connection_pool_recycle_seconds_check CHECK
		(pool_recycle_seconds OPERATOR(pg_catalog.>=) '-1'::pg_catalog.int4),
	pool_pre_ping pg_catalog.bool NOT NULL DEFAULT true,
	role pg_catalog.text COLLATE pg_catalog."C" NOT NULL DEFAULT 'primary'
		CONSTRAINT connection_role_check CHECK
		(role OPERATOR(pg_catalog.=) ANY
			(ARRAY['primary', 'replica']::pg_catalog.text[])),
	weight pg_catalog.int4 NOT NULL DEFAULT 100
		CONSTRAINT connection_weight_check CHECK
		(weight OPERATOR(pg_catalog.>=) 0
		AND weight OPERATOR(pg_catalog.<=) 1000000),
	is_active pg_catalog.bool NOT NULL DEFAULT true,
	options pg_catalog.jsonb DEFAULT '{}'
		CONSTRAINT connection_options_check CHECK
		(tenant.valid_connection_options(options)),
	created_at pg_catalog.timestamptz NOT NULL
		DEFAULT pg_catalog.transaction_timestamp(),
	created_by pg_catalog.text NOT NULL DEFAULT CURRENT_USER,
	by_superuser pg_catalog.bool
);
COMMENT ON TABLE tenant.connection IS
	'databases that tenants live in, and how to get there';
COMMENT ON COLUMN tenant.connection.password IS
	'sealed with the key of the database, bound to connection_id; see tenant.set_password()';
COMMENT ON COLUMN tenant.connection.pool_recycle_seconds IS
	'age at which a connection is opened anew; 0 or -1 for never';
COMMENT ON COLUMN tenant.connection.weight IS
	'share of a replica in what is read; the heavier primary is preferred';
COMMENT ON COLUMN tenant.connection.options IS
	'further parameters of libpq, from a list of those that are allowed';
COMMENT ON COLUMN tenant.connection.by_superuser IS
	'has a superuser written where it leads to; then it may be a socket, or have no password';
REVOKE ALL ON TABLE tenant.connection FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.connection'::pg_catalog.regclass,
	''::pg_catalog.text);

CREATE TRIGGER connection_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenant.connection
	FOR EACH STATEMENT EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER connection_changed ON tenant.connection IS
	'tells all sessions about rows edited or restored';
ALTER TABLE tenant.connection ENABLE ALWAYS TRIGGER connection_changed;
CREATE TRIGGER connection_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.connection
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER connection_row_changed ON tenant.connection IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.connection ENABLE REPLICA TRIGGER connection_row_changed;

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

CREATE TABLE tenant.assignment (
	tenant_id pg_catalog.uuid NOT NULL,
	connection_id pg_catalog.uuid NOT NULL,
	assigned_at pg_catalog.timestamptz NOT NULL,
	assigned_by pg_catalog.text NOT NULL,
	CONSTRAINT assignment_pkey PRIMARY KEY (tenant_id, connection_id)
);
COMMENT ON TABLE tenant.assignment IS 'connections of tenants';
COMMENT ON COLUMN tenant.assignment.tenant_id IS
	'id of the tenant; zeros for tenants that have no connection of their own';
COMMENT ON COLUMN tenant.assignment.connection_id IS 'id of the connection';
CREATE INDEX assignment_connection_id_idx
	ON tenant.assignment (connection_id);
REVOKE ALL ON TABLE tenant.assignment FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump(
	'tenant.assignment'::pg_catalog.regclass,
	''::pg_catalog.text);

CREATE TRIGGER assignment_changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON tenant.assignment
	FOR EACH STATEMENT EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER assignment_changed ON tenant.assignment IS
	'tells all sessions about rows edited or restored';
ALTER TABLE tenant.assignment ENABLE ALWAYS TRIGGER assignment_changed;
CREATE TRIGGER assignment_row_changed
	AFTER INSERT OR UPDATE OR DELETE ON tenant.assignment
	FOR EACH ROW EXECUTE FUNCTION tenant.registry_changed();
COMMENT ON TRIGGER assignment_row_changed ON tenant.assignment IS
	'tells all sessions about rows that are replicated';
ALTER TABLE tenant.assignment ENABLE REPLICA TRIGGER assignment_row_changed;

CREATE FUNCTION tenant.add_connection(
	connection_name pg_catalog.text,
	connection_type pg_catalog.text DEFAULT 'shared',
	region pg_catalog.text DEFAULT NULL,
	host pg_catalog.text DEFAULT NULL,
	port pg_catalog.int4 DEFAULT 5432,
	database_name pg_catalog.text DEFAULT NULL,
	username pg_catalog.text DEFAULT NULL,
	password pg_catalog.text DEFAULT NULL,
	ssl_mode pg_catalog.text DEFAULT 'prefer',
	pool_min_size pg_catalog.int4 DEFAULT 0,
	pool_max_size pg_catalog.int4 DEFAULT 10,
	pool_timeout_seconds pg_catalog.int4 DEFAULT 30,
	pool_recycle_seconds pg_catalog.int4 DEFAULT 3600,
	pool_pre_ping pg_catalog.bool DEFAULT true,
	role pg_catalog.text DEFAULT 'primary',
	weight pg_catalog.int4 DEFAULT 100,
	is_active pg_catalog.bool DEFAULT true,
	options pg_catalog.jsonb DEFAULT '{}') RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_add_connection'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.add_connection(
	text, text, text, text, integer, text, text, text, text, integer, integer,
	integer, integer, boolean, text, integer, boolean, jsonb) IS
	'add a database that tenants can live in';
REVOKE ALL ON FUNCTION tenant.add_connection(
	text, text, text, text, integer, text, text, text, text, integer, integer,
	integer, integer, boolean, text, integer, boolean, jsonb)
	FROM PUBLIC;

CREATE FUNCTION tenant.drop_connection(
	connection_name pg_catalog.text,
	unassign pg_catalog.bool DEFAULT false) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_drop_connection'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.drop_connection(text, boolean) IS
	'drop a connection that is assigned to no tenant';
REVOKE ALL ON FUNCTION tenant.drop_connection(text, boolean) FROM PUBLIC;

CREATE FUNCTION tenant.set_password(
	connection_name pg_catalog.text,
	password pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_set_password'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.set_password(text, text) IS
	'set the password of a connection, encrypted';
REVOKE ALL ON FUNCTION tenant.set_password(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.conninfo(
	connection_name pg_catalog.text,
	reveal pg_catalog.bool DEFAULT false) RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_conninfo'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.conninfo(text, boolean) IS
	'connection string for libpq, with the password on request';
REVOKE ALL ON FUNCTION tenant.conninfo(text, boolean) FROM PUBLIC;

CREATE FUNCTION tenant.password(connection_name pg_catalog.text)
	RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_password'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.password(text) IS
	'password of a connection; whoever may call this may see passwords';
REVOKE ALL ON FUNCTION tenant.password(text) FROM PUBLIC;

CREATE FUNCTION tenant.assign(
	name pg_catalog.text,
	connection_name pg_catalog.text) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_assign'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.assign(text, text) IS
	'give a connection to a tenant, or to all that have none of their own';
REVOKE ALL ON FUNCTION tenant.assign(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.unassign(
	name pg_catalog.text,
	connection_name pg_catalog.text DEFAULT NULL) RETURNS pg_catalog.void
	AS 'MODULE_PATHNAME', 'tenant_unassign'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.unassign(text, text) IS
	'take a connection, or all of them, from a tenant';
REVOKE ALL ON FUNCTION tenant.unassign(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.route(
	name pg_catalog.text,
	intent pg_catalog.text DEFAULT 'write') RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_route'
	LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION tenant.route(text, text) IS
	'name of the connection to use for a tenant';
REVOKE ALL ON FUNCTION tenant.route(text, text) FROM PUBLIC;

CREATE FUNCTION tenant.connect(connection_name pg_catalog.text)
	RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_connect'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.connect(text) IS
	'open a connection without showing its password; returns a handle for dblink';
REVOKE ALL ON FUNCTION tenant.connect(text) FROM PUBLIC;

CREATE FUNCTION tenant.disconnect(name pg_catalog.text DEFAULT NULL)
	RETURNS pg_catalog.int4
	AS 'MODULE_PATHNAME', 'tenant_disconnect'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.disconnect(text) IS
	'close a connection of this session, or all that tenant.connect() has opened';
REVOKE ALL ON FUNCTION tenant.disconnect(text) FROM PUBLIC;

-- There are rows only if the library is in shared_preload_libraries.
CREATE FUNCTION tenant.pool_stats(
	OUT connection_name pg_catalog.text,
	OUT max_size pg_catalog.int4,
	OUT active pg_catalog.int4,
	OUT waiting pg_catalog.int4,
	OUT opened pg_catalog.int8,
	OUT checkouts pg_catalog.int8,
	OUT timeouts pg_catalog.int8,
	OUT total_wait_ms pg_catalog.float8,
	OUT utilisation pg_catalog.float8
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_pool_stats'
	LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION tenant.pool_stats() IS
	'how connections are used, for the view';
REVOKE ALL ON FUNCTION tenant.pool_stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant.pool_stats() TO pg_monitor;

CREATE VIEW tenant.pool_stats AS
	SELECT connection_name, max_size, active, waiting, opened, checkouts,
		timeouts, total_wait_ms, utilisation
	FROM tenant.pool_stats();
COMMENT ON VIEW tenant.pool_stats IS
	'how connections are used that tenant.connect() opens';
REVOKE ALL ON TABLE tenant.pool_stats FROM PUBLIC;
GRANT SELECT ON TABLE tenant.pool_stats TO pg_monitor;

CREATE FUNCTION tenant.pgbouncer_ini(
	auth_user pg_catalog.text DEFAULT NULL,
	bind pg_catalog.bool DEFAULT true) RETURNS pg_catalog.text
	AS 'MODULE_PATHNAME', 'tenant_pgbouncer_ini'
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.pgbouncer_ini(text, boolean) IS
	'connections and tenants as databases in the configuration of PgBouncer';
REVOKE ALL ON FUNCTION tenant.pgbouncer_ini(text, boolean) FROM PUBLIC;

CREATE FUNCTION tenant.pgbouncer_auth(
	username pg_catalog.text,
	OUT usename pg_catalog.text,
	OUT passwd pg_catalog.text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_pgbouncer_auth'
	LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 1;
COMMENT ON FUNCTION tenant.pgbouncer_auth(text) IS
	'password verifier of an ordinary role, for the auth_query of PgBouncer';
REVOKE ALL ON FUNCTION tenant.pgbouncer_auth(text) FROM PUBLIC;

-- Shows the connections of those tenants that tenant.tenants shows.
CREATE VIEW tenant.assignments WITH (security_barrier) AS
	SELECT r.name AS tenant,
		c.connection_name,
		c.connection_type,
		c.region,
		c.role,
		c.weight,
		c.is_active,
		a.assigned_at,
		a.assigned_by
	FROM tenant.assignment a
		JOIN tenant.connection c
		ON c.connection_id OPERATOR(pg_catalog.=) a.connection_id
		LEFT JOIN tenant.registry r
		ON r.id OPERATOR(pg_catalog.=) a.tenant_id
		LEFT JOIN pg_catalog.pg_namespace n
		ON n.nspname OPERATOR(pg_catalog.=) r.schema_name
	WHERE pg_catalog.has_table_privilege(
			'tenant.registry'::pg_catalog.regclass::pg_catalog.oid,
			'SELECT'::pg_catalog.text)
		OR pg_catalog.has_schema_privilege(n.oid, 'USAGE'::pg_catalog.text)
		OR pg_catalog.pg_has_role(n.nspowner, 'USAGE'::pg_catalog.text);
COMMENT ON VIEW tenant.assignments IS
	'connections of tenants that the current user has to do with';
GRANT SELECT ON TABLE tenant.assignments TO PUBLIC;

--
-- Health of connections
--
-- Something is known only if the library is in shared_preload_libraries.
--

CREATE FUNCTION tenant.check_connection(
	connection_name pg_catalog.text,
	OUT status pg_catalog.text,
	OUT latency_ms pg_catalog.float8,
	OUT server_version pg_catalog.text,
	OUT in_recovery pg_catalog.bool,
	OUT error pg_catalog.text
) RETURNS record
	AS 'MODULE_PATHNAME', 'tenant_check_connection'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.check_connection(text) IS
	'try whether a connection''s server answers';
REVOKE ALL ON FUNCTION tenant.check_connection(text) FROM PUBLIC;

CREATE FUNCTION tenant.connection_health(
	OUT connection_id pg_catalog.uuid,
	OUT status pg_catalog.text,
	OUT breaker pg_catalog.text,
	OUT latency_avg_ms pg_catalog.float8,
	OUT latency_p95_ms pg_catalog.float8,
	OUT success_rate pg_catalog.float8,
	OUT probes pg_catalog.int4,
	OUT consecutive_failures pg_catalog.int4,
	OUT last_checked pg_catalog.timestamptz,
	OUT last_success pg_catalog.timestamptz,
	OUT last_change pg_catalog.timestamptz,
	OUT next_check pg_catalog.timestamptz,
	OUT last_error pg_catalog.text,
	OUT server_version pg_catalog.text,
	OUT in_recovery pg_catalog.bool
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_connection_health'
	LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION tenant.connection_health() IS
	'what is known of the health of connections, for the view';
REVOKE ALL ON FUNCTION tenant.connection_health() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenant.connection_health() TO pg_monitor;

CREATE VIEW tenant.connection_health AS
	SELECT c.connection_name,
		COALESCE(h.status, 'unknown') AS status,
		COALESCE(h.breaker, 'closed') AS breaker,
		h.latency_avg_ms, h.latency_p95_ms, h.success_rate,
		COALESCE(h.probes, 0) AS probes,
		COALESCE(h.consecutive_failures, 0) AS consecutive_failures,
		h.last_checked, h.last_success, h.last_change, h.next_check,
		h.last_error, h.server_version, h.in_recovery
	FROM tenant.connection c
		LEFT JOIN tenant.connection_health() h
			ON h.connection_id OPERATOR(pg_catalog.=) c.connection_id;
COMMENT ON VIEW tenant.connection_health IS
	'which connections work, as far as that is known';
REVOKE ALL ON TABLE tenant.connection_health FROM PUBLIC;
GRANT SELECT ON TABLE tenant.connection_health TO pg_monitor;

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

--
-- Comparing schemas
--
-- What a schema is made of is told to its owner only.
--

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

--
-- Progress
--
-- There are rows only if the library is in shared_preload_libraries.  What
-- others are doing is for those who may read all statistics.
--

CREATE FUNCTION tenant.progress(
	OUT operation pg_catalog.text,
	OUT tenant pg_catalog.text,
	OUT phase pg_catalog.text,
	OUT done pg_catalog.int8,
	OUT total pg_catalog.int8,
	OUT percent pg_catalog.float8,
	OUT pid pg_catalog.int4,
	OUT relations_done pg_catalog.int8,
	OUT relations_total pg_catalog.int8,
	OUT bytes_done pg_catalog.int8,
	OUT bytes_total pg_catalog.int8,
	OUT started_at pg_catalog.timestamptz
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_progress'
	LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION tenant.progress() IS
	'operations under way in this database, for the view';
GRANT EXECUTE ON FUNCTION tenant.progress() TO PUBLIC;

CREATE VIEW tenant.progress AS
	SELECT operation, tenant, phase, done, total, percent, pid,
		relations_done, relations_total, bytes_done, bytes_total, started_at
	FROM tenant.progress();
COMMENT ON VIEW tenant.progress IS
	'how far clones and purges in this database have got';
GRANT SELECT ON TABLE tenant.progress TO PUBLIC;

--
-- Doctor
--

CREATE FUNCTION tenant.doctor(
	OUT severity pg_catalog.text,
	OUT object pg_catalog.text,
	OUT problem pg_catalog.text,
	OUT hint pg_catalog.text
) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'tenant_doctor'
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.doctor() IS
	'what is wrong with the tenants, if anything; takes its time';
REVOKE ALL ON FUNCTION tenant.doctor() FROM PUBLIC;

--
-- Event triggers
--
-- Last, so that nothing above fires them.
--

CREATE FUNCTION tenant.follow_drop() RETURNS event_trigger
	AS 'MODULE_PATHNAME', 'tenant_follow_drop'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.follow_drop() IS
	'event trigger: forget tenants whose schemas have been dropped';
REVOKE ALL ON FUNCTION tenant.follow_drop() FROM PUBLIC;

CREATE FUNCTION tenant.follow_rename() RETURNS event_trigger
	AS 'MODULE_PATHNAME', 'tenant_follow_rename'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tenant.follow_rename() IS
	'event trigger: keep track of tenants whose schemas have been renamed';
REVOKE ALL ON FUNCTION tenant.follow_rename() FROM PUBLIC;

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

CREATE EVENT TRIGGER tenant_mgr_follow_drop ON sql_drop
	WHEN TAG IN ('DROP SCHEMA', 'DROP OWNED', 'DROP EXTENSION')
	EXECUTE FUNCTION tenant.follow_drop();
COMMENT ON EVENT TRIGGER tenant_mgr_follow_drop IS
	'keeps the registry of tenants true after DROP SCHEMA';

CREATE EVENT TRIGGER tenant_mgr_follow_rename ON ddl_command_end
	WHEN TAG IN ('ALTER SCHEMA')
	EXECUTE FUNCTION tenant.follow_rename();
COMMENT ON EVENT TRIGGER tenant_mgr_follow_rename IS
	'keeps the registry of tenants true after ALTER SCHEMA';
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
			UNION ALL
			SELECT 'SCHEMA', 'tenant', n.nspowner, n.nspacl
			FROM pg_catalog.pg_namespace n
			WHERE n.nspname OPERATOR(pg_catalog.=) 'tenant'::pg_catalog.name
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
