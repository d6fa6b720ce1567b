# shellcheck shell=bash
# migrations.sh: migrations of a framework, recorded once and replayed.  Sourced by run.
#
# The application begins with one migration in a template, of which 100 tenants are
# made, with rows of their own.  Then its other migrations are run against the template
# with tenant_mgr.record, and CALL tenant.migrate() gives them to all tenants.  A dump
# of each tenant, structure and rows, must be that of the template, and so must be
# that of a tenant that the framework itself has migrated; and the framework must
# find nothing that is left to do.
#
# What is measured: the framework's own loop, a process for each of 100 tenants of a
# second database, beside recording once, in two processes, and tenant.migrate() for 100
# tenants with the two workers of its default.  TM_TENANTS and TM_LOOP are other numbers.
#
# Each framework has:
#	NAME_migrate STEP	its own command for the migrations "before", "first", "second"
#						or "all" that come after the one before
#	NAME_pending		its own command that prints a line for each that is left
# with TM_DATABASE in the environment, and the tenant in PGOPTIONS.

readonly TENANTS=${TM_TENANTS:-100} LOOP=${TM_LOOP:-100}
readonly STEPS='first second'

tenant_of() { printf 'tenant_%03d' "$1"; }

# verdict NAME TEXT STATUS
verdict()
{
	if [ "$3" = 0 ]; then
		echo "ok - $1: $2"
	else
		echo "not ok - $1: $2"
	fi
}

# as_tenant TENANT COMMAND...: with the options that a client needs.
as_tenant()
{
	local tenant=$1
	shift
	(cd "$WORK/$name" && PGOPTIONS="-c tenant_mgr.tenant=$tenant" "$@") </dev/null
}

# recorded VERSION COMMAND...: the same for the template, as a migration.
recorded()
{
	local version=$1
	shift
	(cd "$WORK/$name" && PGOPTIONS="-c tenant_mgr.tenant=template_app -c tenant_mgr.record=$version" "$@") </dev/null
}

# make_fleet DATABASE COUNT: as the application is when it begins to record.
make_fleet()
{
	make_database "$1"
	mkdir -p "$WORK/$name"
	as_tenant template_app "${name}_migrate" before >"$WORK/$name.log" 2>&1 || { cat "$WORK/$name.log"; return 1; }
	sql -o /dev/null -d "$1" <<-SQL
		GRANT EXECUTE ON ALL ROUTINES IN SCHEMA tenant TO mgr;
		GRANT INSERT ON tenant.migration TO mgr;
		SET SESSION AUTHORIZATION mgr;
		SELECT tenant.create(format('tenant_%s', to_char(i, 'FM000')), template => 'template_app')
		FROM generate_series(1, $2) AS i;
		SELECT tenant.exec('INSERT INTO $customers (name) VALUES (''one''), (''two'')',
		                   ARRAY(SELECT name FROM tenant.tenants WHERE NOT is_template));
	SQL
}

# dump_of DATABASE TENANT: what it is made of, and its rows, whatever its name; the
# customers are its own.
dump_of()
{
	"$BIN/pg_dump" -d "$1" -n "$2" --exclude-table-data="$2.$customers" \
		--exclude-table-data="$2.${customers}_id_seq" |
		sed -e "s/\b$2\b/template_app/g" -e '/^\\\(un\)\?restrict /d' "${ignored[@]}"
}

# same_dumps DATABASE TENANT...: tenants that differ from the template, and how.
same_dumps()
{
	local tenant differ=0 database=$1
	shift
	for tenant in "$@"; do
		dump_of "$database" "$tenant" >"$WORK/$name.tenant"
		if ! diff -U2 "$WORK/$name.template" "$WORK/$name.tenant" >"$WORK/$name.diff"; then
			differ=$((differ + 1))
			[ "$differ" -gt 1 ] || { echo "# $tenant"; head -n 40 "$WORK/$name.diff"; } | sed 's/^/# /'
		fi
	done
	return $((differ > 0))
}

seconds() { awk -v ns=$(($(now) - $1)) 'BEGIN { printf "%.2f", ns / 1e9 }'; }

# is_complete VERSION: a session ends some time after its client.
is_complete()
{
	for _ in $(seq 100); do
		[ "$(sql -d "$name" -c "SELECT complete FROM tenant.migration WHERE version = '$1'")" != t ] || return 0
		sleep 0.1
	done
	return 1
}

# record_and_migrate: the heart of it; RECORDED, REPLAYED and WHOLE are seconds, the last
# for all tenants.
record_and_migrate()
{
	local step status=0 from some
	from=$(now)
	for step in $STEPS; do
		recorded "20261129_$step" "${name}_migrate" "$step" >"$WORK/$name.log" 2>&1 || status=$?
		[ "$status" = 0 ] || sed 's/^/# /' "$WORK/$name.log"
		is_complete "20261129_$step" || status=1
		verdict "$name" "the $step migrations are recorded" "$status"
		[ "$status" = 0 ] || return 1
	done
	RECORDED=$(seconds "$from")
	sql -d "$name" -c "SELECT '# ' || version || ': ' || (SELECT count(*) FROM tenant.migration_statement s WHERE s.version = m.version)
		|| ' statements, ' || CASE WHEN transactional THEN 'in one transaction' ELSE 'one at a time' END FROM tenant.migration m ORDER BY version"
	some=$(for i in $(seq "$LOOP"); do tenant_of "$i"; echo; done | paste -sd,)
	from=$(now)
	sql -U mgr -d "$name" -c "CALL tenant.migrate(tenants => '{$some}')" >"$WORK/$name.log" 2>&1 || status=$?
	REPLAYED=$(seconds "$from")
	sql -U mgr -d "$name" -c "CALL tenant.migrate()" >>"$WORK/$name.log" 2>&1 || status=$?
	WHOLE=$(seconds "$from")
	[ "$status" = 0 ] || sed 's/^/# /' "$WORK/$name.log"
	sql -d "$name" -c "SELECT DISTINCT '# ' || version || ' ' || message FROM tenant.applied_migration WHERE message IS NOT NULL"
	[ "$(sql -d "$name" -c 'SELECT count(*) FROM tenant.pending')" = 0 ] || status=1
	verdict "$name" "tenant.migrate() gives them to $TENANTS tenants" "$status"
}

# The framework's own loop, in the database NAME_loop.
loop()
{
	local from i status=0
	from=$(now)
	for i in $(seq "$LOOP"); do
		TM_DATABASE=${name}_loop as_tenant "$(tenant_of "$i")" "${name}_migrate" all >"$WORK/$name.log" 2>&1 || status=$?
	done
	LOOPED=$(seconds "$from")
	[ "$status" = 0 ] || sed 's/^/# /' "$WORK/$name.log"
	verdict "$name" "the framework migrates $LOOP tenants by itself" "$status"
}

# migrations NAME CUSTOMERS QUERY [SED...]: the customers are the table with tenants'
# own rows; the query tells whether it is as it should be; SED takes away from dumps
# what the framework itself writes differently each time, the time of day.
migrations()
{
	local name=$1 customers=$2 query=$3 status=0 i left all step
	local RECORDED REPLAYED WHOLE LOOPED
	shift 3
	local ignored=()
	export TM_DIRECT="$WORK" TM_DIRECT_PORT="$PGPORT" TM_DATABASE="$name"
	make_fleet "$name" "$TENANTS"
	TM_DATABASE=${name}_loop make_fleet "${name}_loop" $((LOOP + 1))
	record_and_migrate || return 0

	dump_of "$name" template_app >"$WORK/$name.template"
	all=$(for i in $(seq "$TENANTS"); do tenant_of "$i"; echo; done)
	# shellcheck disable=SC2086
	same_dumps "$name" $all || status=1
	verdict "$name" "pg_dump of each of $TENANTS tenants is that of the template, rows as well" "$status"
	status=0
	for i in $all; do
		[ "$(sql -d "$name" -c "SET search_path = $i" -c "$query")" = t ] || status=1
	done
	verdict "$name" "each tenant's own rows are changed as they should be" "$status"
	status=0
	for i in 1 $((TENANTS / 2)) "$TENANTS"; do
		left=$(as_tenant "$(tenant_of "$i")" "${name}_pending" 2>&1) || status=1
		[ -z "$left" ] || { status=1; sed 's/^/# /' <<<"$left" | head -n 20; }
	done
	verdict "$name" "the framework itself finds nothing pending" "$status"

	loop
	status=0
	for step in $STEPS; do
		TM_DATABASE=${name}_loop as_tenant "$(tenant_of $((LOOP + 1)))" "${name}_migrate" "$step" >"$WORK/$name.log" 2>&1 || status=$?
	done
	ignored=("$@")
	dump_of "$name" template_app >"$WORK/$name.template"
	same_dumps "${name}_loop" "$(tenant_of $((LOOP + 1)))" || status=1
	verdict "$name" "a tenant that it has migrated is the same as those of tenant.migrate()" "$status"
	awk -v name="$name" -v loop="$LOOPED" -v rec="$RECORDED" -v rep="$REPLAYED" -v n="$LOOP" -v all="$WHOLE" -v tenants="$TENANTS" 'BEGIN {
		printf "# %s, %d tenants: own loop %.2f s; recorded once %.2f s, tenant.migrate() %.2f s; ratio %.1f, without recording %.1f\n",
			name, n, loop, rec, rep, loop / (rec + rep), loop / rep
		if (tenants > n)
			printf "# %s, %d tenants: own loop as long as %.0f s; recorded once and tenant.migrate() %.2f s; ratio %.1f\n",
				name, tenants, loop * tenants / n, rec + all, loop * tenants / n / (rec + all) }'
}
