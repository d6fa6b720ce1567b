# 071_own_tables.pl: the extension's tables are written as any table is, with
# all that people hang on them: indexes, keys, checks, columns, triggers.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use TenantTest;

my $node = new_node('own_tables', "shared_preload_libraries = 'tenant_mgr'\n");
new_database($node, 'app');

sub sql { return $node->safe_psql('app', @_) }

sub fails
{
	my ($statement, $state, $name) = @_;
	my ($ret, $out, $err) = $node->psql('app', "\\set VERBOSITY sqlstate\n$statement");
	like($err, qr/$state/, $name);
	return;
}

# One of each kind of index, on each of the tables.
sql(q{
	CREATE INDEX ON tenant.registry ((metadata->>'plan'));
	CREATE INDEX suspended ON tenant.registry (schema_name) WHERE state = 'suspended';
	CREATE UNIQUE INDEX ON tenant.registry ((metadata->>'customer'));
	CREATE INDEX ON tenant.registry USING gin (metadata);
	CREATE INDEX ON tenant.event ((detail->>'reason')) WHERE event = 'suspend';
	CREATE INDEX ON tenant.domain (upper(host));
	CREATE INDEX ON tenant.snapshot_registry ((label || 'x'));
	CREATE INDEX ON tenant.assigned_role ((role_name || 'x'));
	CREATE INDEX ON tenant.connection ((host || port)) WHERE is_active;
	CREATE INDEX ON tenant.assignment ((tenant_id::text));
	CREATE INDEX ON tenant.data_key ((scope::text), version);
	CREATE ROLE web;
});
my @steps = (
	q{tenant.create('a', metadata => '{"plan": "gold", "customer": "1"}')},
	q{tenant.suspend('a', 'unpaid')},
	q{tenant.create('b', metadata => '{"plan": "gold", "customer": "2"}')},
	q{tenant.add_domain('a.example', 'a')},
	q{tenant.snapshot('a', 's')},
	q{tenant.add_connection('main', host => 'db.example', database_name => 'd', username => 'u')},
	q{tenant.assign('a', 'main')},
	q{tenant.rename('a', 'aa')},
	q{tenant.assign_role('b', 'web')},
	q{tenant.drop_snapshot('aa', 's')},
	q{tenant.set_metadata('b', '{"plan": "tin"}')},
	q{tenant.unassign('aa')},
	q{tenant.drop_connection('main')},
	q{tenant.drop_domain('a.example')},
	q{tenant.unassign_role('web')},
);
is(join(' ', map { scalar $node->psql(q{app}, "SELECT $_") } @steps), join(' ', map { 0 } @steps),
	'every table with an index on an expression can be written to');
is(sql(q{SET enable_seqscan = off; SELECT name FROM tenant.registry WHERE metadata->>'plan' = 'gold'}),
	'aa', 'an index on an expression is kept');
is(sql(q{SET enable_seqscan = off; SELECT schema_name FROM tenant.registry WHERE state = 'suspended'}),
	'aa', 'an index with a predicate is kept');
is(sql(q{SET enable_seqscan = off; SELECT name FROM tenant.registry WHERE metadata @> '{"plan": "tin"}'}),
	'b', 'and one with many entries a row');
fails(q{SELECT tenant.create('c', metadata => '{"customer": "1"}')}, '23505',
	'a unique index on an expression is unique');
is(sql(q{SELECT to_regnamespace('c') IS NULL}), 't', 'and nothing is left of what it refuses');

# Foreign keys, in both directions and deferred.
sql(q{
	CREATE TABLE plan (name text PRIMARY KEY);
	INSERT INTO plan VALUES ('gold'), ('tin'), ('free');
	CREATE TABLE invoice (tenant uuid REFERENCES tenant.registry (id));
	CREATE TABLE note (tenant uuid REFERENCES tenant.registry (id) ON DELETE CASCADE);
	CREATE TABLE later (tenant uuid REFERENCES tenant.registry (id) DEFERRABLE INITIALLY DEFERRED);
	INSERT INTO invoice SELECT id FROM tenant.registry WHERE name = 'aa';
	INSERT INTO note SELECT id FROM tenant.registry WHERE name = 'b';
	SELECT tenant.resume('aa');
});
fails(q{SELECT tenant.drop('aa', true)}, '23503', 'a tenant that a table refers to stays');
is(sql(q{SELECT to_regnamespace('aa')}), 'aa', 'and so does its schema');
sql(q{SELECT tenant.drop('b', true)});
is(sql('SELECT count(*) FROM note'), '0', 'ON DELETE CASCADE cascades');
sql(q{SELECT tenant.create('d'); INSERT INTO later SELECT id FROM tenant.registry WHERE name = 'd'});
fails(q{BEGIN; SELECT tenant.drop('d', true); COMMIT;}, '23503', 'a deferred key is checked at the end');
sql(q{BEGIN; SELECT tenant.drop('d', true); DELETE FROM later; COMMIT;});
is(sql(q{SELECT tenant.exists('d')}), 'f', 'and not before');

# A purge of many does not stop at one that cannot go.
sql(q{
	SELECT tenant.create('p1'), tenant.create('p2'), tenant.create('p3');
	INSERT INTO invoice SELECT id FROM tenant.registry WHERE name = 'p2';
	SELECT tenant.drop('p1'), tenant.drop('p2'), tenant.drop('p3');
	UPDATE tenant.registry SET purge_after = now() WHERE state = 'trashed';
});
$node->psql('app', 'CALL tenant.purge()');
is(sql(q{SELECT string_agg(name, ' ' ORDER BY name) FROM tenant.registry WHERE name LIKE 'p_'}),
	'p2', 'a purge passes over a tenant that a table refers to');
fails(q{CALL tenant.purge('p2')}, '23503', 'and says so to whoever names it');

# Checks, defaults and generated columns.
sql(q{
	ALTER TABLE tenant.registry ADD CHECK (name <> 'forbidden');
	ALTER TABLE tenant.registry ADD COLUMN shout text GENERATED ALWAYS AS (upper(name)) STORED;
});
fails(q{SELECT tenant.create('forbidden')}, '23514', 'a check is checked');
fails(q{SELECT tenant.rename('aa', 'forbidden')}, '23514', 'also at an update');
sql(q{SELECT tenant.create('e'), tenant.rename('aa', 'a')});
is(sql(q{SELECT string_agg(shout, ' ' ORDER BY name) FROM tenant.registry WHERE state = 'active'}), 'A E',
	'a generated column is computed, and again at an update');

# Triggers of every kind.
sql(q{
	CREATE TABLE fired (n serial, what text);
	CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO public.fired (what) VALUES (concat_ws(' ', tg_when, tg_op, lower(tg_level)));
		IF tg_when = 'BEFORE' AND tg_op <> 'DELETE' AND tg_level = 'ROW' THEN
			NEW.metadata := NEW.metadata || '{"seen": true}';
		END IF;
		RETURN coalesce(NEW, OLD);
	END $$;
	CREATE FUNCTION fire_new() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO public.fired (what) SELECT 'new ' || name FROM n; RETURN NULL; END $$;
	CREATE FUNCTION fire_old() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO public.fired (what) SELECT 'old ' || name FROM o; RETURN NULL; END $$;
	CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON tenant.registry FOR EACH STATEMENT EXECUTE FUNCTION fire();
	CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON tenant.registry FOR EACH ROW EXECUTE FUNCTION fire();
	CREATE TRIGGER c AFTER INSERT OR UPDATE OF name OR DELETE ON tenant.registry FOR EACH ROW EXECUTE FUNCTION fire();
	CREATE TRIGGER d AFTER INSERT ON tenant.registry REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION fire_new();
	CREATE TRIGGER e AFTER UPDATE ON tenant.registry REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION fire_old();
	CREATE TRIGGER f AFTER DELETE ON tenant.registry REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION fire_old();
});
sub fired
{
	my ($statement, $expected, $name) = @_;
	sql("TRUNCATE fired; $statement");
	is(sql(q{SELECT string_agg(what, ', ' ORDER BY n) FROM fired}), $expected, $name);
	return;
}
fired(q{SELECT tenant.create('f')},
	'BEFORE INSERT statement, BEFORE INSERT row, AFTER INSERT row, new f', 'triggers fire at an insert');
fired(q{SELECT tenant.suspend('f')},
	'BEFORE UPDATE statement, BEFORE UPDATE row, old f', 'at an update, with its columns');
fired(q{SELECT tenant.rename('f', 'ff')},
	'BEFORE UPDATE statement, BEFORE UPDATE row, AFTER UPDATE row, old f', 'of which this one has more');
fired(q{SELECT tenant.drop('ff', true)},
	'BEFORE DELETE statement, BEFORE DELETE row, AFTER DELETE row, old ff', 'and at a delete');
sql(q{SELECT tenant.create('g')});
is(sql(q{SELECT metadata FROM tenant.registry WHERE name = 'g'}), '{"seen": true}',
	'what a trigger has changed is what is written');
sql(q{
	CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
	CREATE TRIGGER zz BEFORE INSERT ON tenant.registry FOR EACH ROW WHEN (NEW.name = 'h') EXECUTE FUNCTION swallow();
	CREATE TRIGGER zz BEFORE INSERT ON tenant.event FOR EACH ROW WHEN (NEW.event = 'suspend') EXECUTE FUNCTION swallow();
});
fails(q{SELECT tenant.create('h')}, '09000', 'a trigger that suppresses a tenant suppresses all of it');
is(sql(q{SELECT to_regnamespace('h') IS NULL}), 't', 'its schema, too');
sql(q{SELECT tenant.suspend('g')});
is(sql(q{SELECT count(*) FROM tenant.event WHERE event = 'suspend' AND tenant = 'g'}), '0',
	'a trigger may pick the events that are remembered');
sql(q{SELECT tenant.resume('g')});

# Somebody edits the table by hand at the same time.
my $editor = $node->background_psql('app');
$editor->query_safe(q{BEGIN; UPDATE tenant.registry SET metadata = '{"by": "hand"}' WHERE name = 'g';});
my $writer = $node->background_psql('app');
$writer->query_until(qr/asked/, "\\echo asked\nSELECT tenant.suspend('g', 'late');\n");
$node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'})
	or die 'nobody waits';
$editor->query_safe('COMMIT');
$editor->quit;
$writer->quit;
is(sql(q{SELECT state, suspend_reason, metadata->>'by' FROM tenant.registry WHERE name = 'g'}),
	'suspended|late|hand', 'a change waits for another, and both are kept');

# An index under the name of one of ours is not believed.
sql(q{
	SELECT tenant.create('i1'), tenant.create('i2');
	ALTER TABLE tenant.registry DROP CONSTRAINT registry_name_key_key;
	CREATE INDEX registry_name_key_key ON tenant.registry (name_key) WHERE state = 'suspended';
	DROP INDEX tenant.registry_name_idx;
	CREATE INDEX registry_name_idx ON tenant.registry (purge_after, name);
});
is(sql(q{SELECT tenant.exists('i1'), tenant.switch('i2')}), 't|i2', 'tenants are found without our indexes');

# Who makes them again, as pg_upgrade does, looks for tenants meanwhile.
sql(q{
	DROP INDEX tenant.registry_name_key_key;
	DROP INDEX tenant.registry_name_idx;
	ALTER TABLE tenant.registry ADD CONSTRAINT registry_name_key_key UNIQUE (name_key);
	CREATE UNIQUE INDEX registry_name_idx ON tenant.registry (name);
	ALTER TABLE tenant.registry DROP CONSTRAINT registry_schema_name_key;
	ALTER TABLE tenant.registry ADD CONSTRAINT registry_schema_name_key UNIQUE (schema_name);
	ALTER TABLE tenant.policy DROP CONSTRAINT policy_pkey, ADD CONSTRAINT policy_pkey PRIMARY KEY (setting);
	REINDEX SCHEMA tenant;
	VACUUM FULL tenant.registry;
	CLUSTER tenant.registry USING registry_pkey;
});
is(sql(q{SELECT tenant.exists('i1'), tenant.switch('i2')}), 't|i2', 'indexes are made again');

done_testing();
