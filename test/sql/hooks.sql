--
-- Functions that are called when something becomes of a tenant
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS tenant_mgr;
RESET client_min_messages;
CREATE ROLE regress_tm_owner;
CREATE SCHEMA tm_hooks;
GRANT USAGE ON SCHEMA tm_hooks TO PUBLIC;

CREATE FUNCTION tm_hooks.tell(what jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE '% of % as %, bound to %: %', what->>'event', what->>'tenant',
		current_user, tenant.current(), what - '{event,tenant,id,user,owner}'::text[];
END
$$;
CREATE FUNCTION tm_hooks.refuse(what jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'tenant % stays', what->>'tenant';
END
$$;

-- before and after, as the owner, bound while there is something to be bound to
SELECT tenant.add_hook('before_create', 'tm_hooks.tell(jsonb)');
SELECT tenant.add_hook('after_create', 'tm_hooks.tell(jsonb)');
SELECT tenant.add_hook('after_rename', 'tm_hooks.tell(jsonb)');
SELECT tenant.add_hook('before_drop', 'tm_hooks.refuse(jsonb)', 5);
SELECT event, function, priority, function_name FROM tenant.hooks ORDER BY event;
SELECT tenant.create('tm_hook_a', owner => 'regress_tm_owner');
SELECT tenant.create('tm Hook b');  -- fails
SELECT tenant.rename('tm_hook_a', 'tm-hook-b');

-- an error stops the operation
SELECT tenant.drop('tm-hook-b');  -- fails
SELECT name, state FROM tenant.tenants ORDER BY name;
SELECT tenant.drop_hook('before_drop', 'tm_hooks.refuse(jsonb)');
SELECT tenant.drop('tm-hook-b', true);

-- what is refused
SELECT tenant.add_hook('after_create', 'tm_hooks.tell(jsonb)');  -- fails
SELECT tenant.add_hook('after_never', 'tm_hooks.tell(jsonb)');  -- fails
SELECT tenant.add_hook('after_drop', 'pg_catalog.lower(text)');  -- fails
SELECT tenant.drop_hook('after_drop', 'tm_hooks.tell(jsonb)');  -- fails
ALTER FUNCTION tm_hooks.tell(jsonb) SECURITY DEFINER;
SELECT tenant.add_hook('after_drop', 'tm_hooks.tell(jsonb)');  -- fails

-- the doctor knows what would keep an operation from being done
CREATE VIEW public.tm_said AS SELECT severity, object, problem, hint FROM tenant.doctor() WHERE object LIKE 'hook of %' ORDER BY object;
SELECT object, problem FROM public.tm_said;
ALTER FUNCTION tm_hooks.tell(jsonb) SECURITY INVOKER;
SELECT count(*) FROM public.tm_said;
SELECT tenant.create('tm_hook_c', owner => 'regress_tm_owner');
REVOKE EXECUTE ON FUNCTION tm_hooks.tell(jsonb) FROM PUBLIC;
SELECT * FROM public.tm_said;
GRANT EXECUTE ON FUNCTION tm_hooks.tell(jsonb) TO PUBLIC;
ALTER FUNCTION tm_hooks.tell(jsonb) OWNER TO regress_tm_owner;
SELECT problem, hint FROM public.tm_said;
ALTER FUNCTION tm_hooks.tell(jsonb) OWNER TO CURRENT_USER;
INSERT INTO tenant.hook VALUES ('after_drop', 'tm_hooks', 'gone', 100, 'nobody');
SELECT problem, hint FROM public.tm_said;
DELETE FROM tenant.hook WHERE function_name = 'gone';
DROP VIEW public.tm_said;
SELECT tenant.drop('tm_hook_c', true);

-- a function that is dropped takes its hooks along
DROP FUNCTION tm_hooks.tell(jsonb);
SELECT * FROM tenant.hooks;

DROP FUNCTION tm_hooks.refuse(jsonb);
DROP SCHEMA tm_hooks;
DROP ROLE regress_tm_owner;
