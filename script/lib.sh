# shellcheck shell=bash
# lib.sh: what script/*, bench/* and test/fixtures/* share.  Sourced, not run.
#
# Nothing here touches the installed server or a running cluster.  PostgreSQL
# finds its libraries and its share directory relative to its own binary, so
# private_server copies the installation (50 MB) into a workspace under the
# temporary directory, and the extension is installed into that copy.  This is
# why no script needs root, and why root drops to an unprivileged user: the
# server refuses to run as root.
#
# The order of calls is find_pg_config, make_workspace, private_server,
# build_extension, start_cluster.  The workspace and every cluster started here
# are gone when the script ends, however it ends; TM_KEEP=1 keeps the files.

# shellcheck disable=SC2155
readonly TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

PG_CONFIG=${PG_CONFIG:-}	# the server that is installed
WORK=						# the workspace, set by make_workspace
BIN=						# bindir of the private copy, set by private_server
RUN_AS=						# user that runs the server when we are root
CLUSTERS=()					# data directories to stop at exit

say() { printf '%s\n' "$*"; }
step() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# A log is worth reading only when its command failed.
quietly()
{
	local log=$1
	shift
	"$@" >"$log" 2>&1 || { cat "$log" >&2; die "failed: $*"; }
}

# PG_CONFIG if given, else the newest of Debian's servers, else the one on PATH.
# Debian's /usr/bin/pg_config is a wrapper for client builds, hence the order.
find_pg_config()
{
	local candidate
	if [ -n "$PG_CONFIG" ]; then
		have "$PG_CONFIG" || die "PG_CONFIG=$PG_CONFIG is not there"
		PG_CONFIG=$(command -v "$PG_CONFIG")
		return
	fi
	for candidate in /usr/lib/postgresql/{15,17,18}/bin/pg_config; do
		if [ -x "$candidate" ] && [ -e "$("$candidate" --pgxs)" ]; then
			PG_CONFIG=$candidate
			return
		fi
	done
	PG_CONFIG=$(command -v pg_config) || return 1
}

# make_workspace: a directory that the unprivileged user can read, removed at exit.
make_workspace()
{
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/tenant_mgr.XXXXXX")
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	if [ "$(id -u)" = 0 ]; then
		RUN_AS=nobody
		if id postgres >/dev/null 2>&1; then
			RUN_AS=postgres
		fi
		chown "$RUN_AS:" "$WORK"
	fi
	export LC_ALL=C.UTF-8
	unset PGDATA PGDATABASE PGHOST PGOPTIONS PGPASSFILE PGPORT PGSERVICE PGUSER
}

clean_up()
{
	local status=$? dir
	trap - EXIT INT TERM HUP
	for dir in ${CLUSTERS[@]+"${CLUSTERS[@]}"}; do
		if [ -s "$dir/postmaster.pid" ]; then
			as_user "$BIN/pg_ctl" -D "$dir" -m immediate -w stop >/dev/null 2>&1 || true
		fi
	done
	# Clusters of the TAP tests, if a test was killed before it stopped its own.
	if [ -n "$BIN" ]; then
		while read -r dir; do
			as_user "$BIN/pg_ctl" -D "${dir%/postmaster.pid}" -m immediate -w stop >/dev/null 2>&1 || true
		done < <(find "$WORK" -name postmaster.pid 2>/dev/null)
	fi
	if [ -n "${TM_KEEP:-}" ]; then
		say "kept $WORK"
	else
		cd / && rm -rf "$WORK"
	fi
	exit "$status"
}

# as_user COMMAND...: the command as the user who owns the workspace.
as_user()
{
	if [ -n "$RUN_AS" ]; then
		setpriv --reuid="$RUN_AS" --regid="$(id -g "$RUN_AS")" --init-groups \
			env HOME="$WORK" TMPDIR="$WORK" USER="$RUN_AS" LOGNAME="$RUN_AS" "$@"
	else
		"$@"
	fi
}

# private_server: copy the installed server, keeping its absolute paths below
# $WORK/pg, for that keeps all of them right relative to each other.  Modules of
# the server need the libpq of the same version, and the system's may be older.
private_server()
{
	local key dir
	dir=$("$PG_CONFIG" --libdir)
	if [ -e "$dir/libpq.so.5" ]; then
		export LD_LIBRARY_PATH=$dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	fi
	for key in bindir pkglibdir sharedir; do
		dir=$("$PG_CONFIG" "--$key")
		mkdir -p "$WORK/pg$dir"
		cp -a "$dir/." "$WORK/pg$dir/"
	done
	for key in includedir includedir-server pkgincludedir; do
		dir=$("$PG_CONFIG" "--$key")
		if [ -e "$dir" ] && [ ! -e "$WORK/pg$dir" ]; then
			mkdir -p "$(dirname "$WORK/pg$dir")"
			ln -s "$dir" "$WORK/pg$dir"
		fi
	done
	BIN=$WORK/pg$("$PG_CONFIG" --bindir)
	[ -z "$RUN_AS" ] || chown -R "$RUN_AS:" "$WORK/pg"
}

# build_extension [make arguments]: compile a copy of this tree in $WORK/src and
# install it into the private server.
build_extension()
{
	mkdir -p "$WORK/src"
	tar -C "$TOP" --exclude=./.git --exclude='*.o' --exclude='*.so' --exclude='*.bc' \
		--exclude=./results --exclude=./output_iso --exclude=./tmp_check -cf - . |
		tar -C "$WORK/src" --no-same-owner -xf -
	[ -z "$RUN_AS" ] || chown -R "$RUN_AS:" "$WORK/src"
	quietly "$WORK/build.log" as_user make -s -j"$(nproc)" -C "$WORK/src" \
		PG_CONFIG="$BIN/pg_config" "$@" all
	quietly "$WORK/install.log" as_user make -s -C "$WORK/src" \
		PG_CONFIG="$BIN/pg_config" install
}

# start_cluster NAME [setting...]: a new cluster, reachable through a unix socket
# only; PGHOST, PGPORT, PGUSER and PGDATABASE point to it afterwards.
start_cluster()
{
	local dir=$WORK/$1
	shift
	quietly "$WORK/initdb.log" as_user "$BIN/initdb" -D "$dir" -U postgres -A trust \
		-E UTF8 --locale=C.UTF-8 --no-sync
	{
		printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$WORK'" \
			"port = ${TM_PORT:-5503}" "fsync = off" "log_line_prefix = '%m [%p] %q%a '"
		[ $# = 0 ] || printf '%s\n' "$@"
	} | as_user tee -a "$dir/postgresql.conf" >/dev/null
	CLUSTERS+=("$dir")
	quietly "$WORK/start.log" as_user "$BIN/pg_ctl" -D "$dir" -l "$dir.log" -w start
	export PGHOST=$WORK PGPORT=${TM_PORT:-5503} PGUSER=postgres PGDATABASE=postgres
}

stop_cluster()
{
	as_user "$BIN/pg_ctl" -D "$WORK/$1" -m fast -w stop >/dev/null
}

# sql [psql arguments]: stops at the first error, prints bare values.
sql() { "$BIN/psql" -X -q -v ON_ERROR_STOP=1 -A -t "$@"; }

# load_schema SCHEMA FILE: a fixture into a schema of its own.
load_schema()
{
	PGOPTIONS='-c client_min_messages=warning' \
		sql -o /dev/null -v schema="$1" -c "CREATE SCHEMA \"$1\"" \
		-c "SET search_path = \"$1\", public" -f "$2"
}

# fetch_fixtures [NAME...]: real schemas; prints the directory they are in.  Where
# the user has no cache directory they live as long as the workspace.
fetch_fixtures()
{
	if ! mkdir -p "${TM_FIXTURES:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/tenant_mgr}" 2>/dev/null; then
		export TM_FIXTURES=$WORK/fetched
	fi
	"$TOP/test/fixtures/fetch" "$@" | tail -n 1
}

# median FILE: of the numbers in it, one a line.
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'; }

# script_us NAME [STATEMENTS]: microseconds that a script in the workspace takes, or
# each of so many statements in it, when pgbench repeats it for DURATION seconds.
script_us()
{
	"$BIN/pgbench" -n -M prepared -c 1 -T "$DURATION" -f "$WORK/$1.sql" 2>/dev/null |
		awk -v n="${2:-1}" '/^tps/ { printf "%.2f\n", 1e6 / $3 / n }'
}

now() { date +%s%N; }

# timed FILE COMMAND...: append the milliseconds a command takes to a file.
timed()
{
	local file=$1 from
	shift
	from=$(now)
	"$@" >/dev/null
	awk -v ns=$(($(now) - from)) 'BEGIN { printf "%.1f\n", ns / 1e6 }' >>"$file"
}
