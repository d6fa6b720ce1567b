# tenant_mgr/Makefile

EXTENSION = tenant_mgr
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" tenant_mgr.control)

MODULE_big = tenant_mgr
OBJS = \
	$(WIN32RES) \
	src/adopt_all.o \
	src/assigned_role.o \
	src/assignment.o \
	src/binding.o \
	src/binding_path.o \
	src/binding_refusals.o \
	src/blockcopy.o \
	src/breaker.o \
	src/catalog_reader.o \
	src/catalog_rules.o \
	src/change.o \
	src/checkout.o \
	src/clone.o \
	src/clone_lock.o \
	src/closure.o \
	src/column_users.o \
	src/computing_function.o \
	src/connection.o \
	src/connection_admin.o \
	src/connection_host.o \
	src/connection_option.o \
	src/conninfo.o \
	src/copy_parallel.o \
	src/copy_plan.o \
	src/copy_task.o \
	src/crypto.o \
	src/data_key.o \
	src/database_list.o \
	src/dblink.o \
	src/deferred.o \
	src/derived_check.o \
	src/derived_value.o \
	src/doctor.o \
	src/doctor_installation.o \
	src/doctor_registry.o \
	src/doctor_report.o \
	src/doctor_settings.o \
	src/domain.o \
	src/encrypt_column.o \
	src/entitlement.o \
	src/envelope.o \
	src/event.o \
	src/exclusion.o \
	src/fernet.o \
	src/file_writer.o \
	src/function_answer.o \
	src/function_settings.o \
	src/guard.o \
	src/guard_access.o \
	src/guard_closure.o \
	src/guard_grant.o \
	src/guard_query.o \
	src/guard_raw.o \
	src/guard_reach.o \
	src/guard_statistics.o \
	src/guard_stats.o \
	src/guard_utility.o \
	src/guc.o \
	src/handover.o \
	src/health.o \
	src/health_check.o \
	src/health_launcher.o \
	src/health_record.o \
	src/health_schedule.o \
	src/health_settings.o \
	src/health_worker.o \
	src/hooks.o \
	src/import.o \
	src/jwt.o \
	src/key_admin.o \
	src/key_cache.o \
	src/key_check.o \
	src/key_lock.o \
	src/key_worker.o \
	src/keyring.o \
	src/keyring_text.o \
	src/lifecycle.o \
	src/list_setting.o \
	src/log_limit.o \
	src/maintained.o \
	src/name_escape.o \
	src/name_scan.o \
	src/nodetree.o \
	src/object_schema.o \
	src/oidmap.o \
	src/open_plan.o \
	src/origin.o \
	src/orphan_files.o \
	src/outside_link.o \
	src/own_table.o \
	src/own_table_ddl.o \
	src/own_table_write.o \
	src/page_copy.o \
	src/pgbouncer.o \
	src/plpgsql_types.o \
	src/policy.o \
	src/pool.o \
	src/pooler_check.o \
	src/preload.o \
	src/prepared.o \
	src/prepared_commit.o \
	src/prepared_lock.o \
	src/prepared_xact.o \
	src/probe.o \
	src/probe_text.o \
	src/progress.o \
	src/protective.o \
	src/punycode.o \
	src/purge.o \
	src/purge_batch.o \
	src/reference_check.o \
	src/registry.o \
	src/registry_cache.o \
	src/registry_events.o \
	src/relabel.o \
	src/relabel_labels.o \
	src/relabel_roles.o \
	src/relabel_row.o \
	src/relabel_statistics.o \
	src/relabel_texts.o \
	src/replication.o \
	src/route.o \
	src/rowcopy.o \
	src/run_as.o \
	src/schema_acl.o \
	src/schema_drop.o \
	src/schema_lock.o \
	src/schema_mention.o \
	src/schema_owner.o \
	src/sealed_column.o \
	src/secret.o \
	src/session_lock.o \
	src/setting.o \
	src/shared_ddl.o \
	src/shared_ring.o \
	src/shmem.o \
	src/snapshot.o \
	src/snapshot_registry.o \
	src/standby_catchup.o \
	src/statement_tag.o \
	src/storage.o \
	src/switch.o \
	src/temp_object.o \
	src/tenant_code.o \
	src/tenant_lock.o \
	src/tenant_mgr.o \
	src/tenant_name.o \
	src/token.o \
	src/token_holder.o \
	src/token_key.o \
	src/token_setting.o \
	src/trash.o \
	src/unclonable.o \
	src/used_token.o \
	src/valuemap.o \
	src/wall.o \
	src/warrant.o \
	src/watch.o \
	src/wipe.o \
	src/worker_settings.o
PGFILEDESC = "tenant_mgr - tenants as schemas"

DATA = \
	sql/tenant_mgr--0.1.0.sql \
	sql/tenant_mgr--0.1.0--0.2.0.sql \
	sql/tenant_mgr--0.2.0.sql
DOCS = README.md

PG_CFLAGS = -std=gnu99
PG_CPPFLAGS = -I$(libpq_srcdir)
SHLIB_LINK += -lsodium $(libpq)

REGRESS = \
	install \
	lifecycle \
	events \
	names \
	registry_events \
	binding \
	binding_guc \
	session_lock \
	open_plans \
	statement_tags \
	pooler_check \
	domains \
	statistics \
	clone_derived \
	clone_exclude \
	clone_indexes \
	clone_mentions \
	clone_pending \
	clone_outside \
	clone_values \
	schema_names \
	outside_links \
	kept_links \
	snapshots \
	guard_leaks \
	secrets \
	connection_rights \
	connections \
	tokens \
	connection_health \
	doctor \
	clone_refusals \
	clone_roles \
	functions_acl \
	injection
REGRESS_OPTS = --inputdir=test
ISOLATION = \
	clone-ddl \
	clone-races \
	clone-roles \
	connection-races \
	create-create \
	create-drop \
	drop-switch \
	rename-rename \
	rename-switch \
	rollback-write \
	suspend-bound \
	suspend-raw
ISOLATION_OPTS = --inputdir=test/isolation

PG_CONFIG = pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# What talks to strangers is a program of its own.
PROBE_PROGRAM = tenant_mgr_probe$(X)

all: $(PROBE_PROGRAM)

$(PROBE_PROGRAM): src/tenant_mgr_probe.o
	$(CC) $(CFLAGS) $< $(libpq) $(LDFLAGS) $(LDFLAGS_EX) -o $@

install: install-probe

install-probe: $(PROBE_PROGRAM)
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_PROGRAM) $(PROBE_PROGRAM) '$(DESTDIR)$(pkglibdir)/$(PROBE_PROGRAM)'

uninstall: uninstall-probe

uninstall-probe:
	rm -f '$(DESTDIR)$(pkglibdir)/$(PROBE_PROGRAM)'

clean: clean-probe

clean-probe:
	rm -f $(PROBE_PROGRAM) src/tenant_mgr_probe.o

.PHONY: install-probe uninstall-probe clean-probe

src/tenant_mgr_probe.o: src/probe_protocol.h

# Servers are seldom built with --enable-depend, so each file depends on them all.
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h)
