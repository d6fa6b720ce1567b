# tenant_mgr/Makefile

EXTENSION = tenant_mgr

MODULE_big = tenant_mgr
OBJS = \
	$(WIN32RES) \
	src/base/argument.o \
	src/base/attempt.o \
	src/base/crypto.o \
	src/base/database_list.o \
	src/base/dependency.o \
	src/base/generation_cache.o \
	src/base/list_setting.o \
	src/base/log_limit.o \
	src/base/maintained.o \
	src/base/name_escape.o \
	src/base/name_scan.o \
	src/base/own_schema.o \
	src/base/own_table.o \
	src/base/own_table_ddl.o \
	src/base/own_table_write.o \
	src/base/preload.o \
	src/base/progress.o \
	src/base/relation_news.o \
	src/base/setting.o \
	src/base/sql_token.o \
	src/base/wipe.o \
	src/base/worker.o \
	src/tenants/event.o \
	src/tenants/notification.o \
	src/tenants/persistent_schemas.o \
	src/tenants/registry.o \
	src/tenants/registry_cache.o \
	src/tenants/registry_generation.o \
	src/tenants/schema_lock.o \
	src/tenants/schema_owner.o \
	src/tenants/snapshot_registry.o \
	src/tenants/structure_change.o \
	src/tenants/tenant_follower.o \
	src/tenants/tenant_lock.o \
	src/tenants/tenant_name.o \
	src/tenants/touched_objects.o \
	src/stats/guard_stats.o \
	src/binding/access.o \
	src/binding/assigned_role.o \
	src/binding/authorization.o \
	src/binding/binding.o \
	src/binding/binding_in_force.o \
	src/binding/binding_path.o \
	src/binding/binding_refusals.o \
	src/binding/binding_setting.o \
	src/binding/binding_settle.o \
	src/binding/change.o \
	src/binding/deferred.o \
	src/binding/domain.o \
	src/binding/guard_mode.o \
	src/binding/jwt.o \
	src/binding/lock.o \
	src/binding/object_schema.o \
	src/binding/open_plan.o \
	src/binding/origin.o \
	src/binding/ownership.o \
	src/binding/policy.o \
	src/binding/prepared.o \
	src/binding/prepared_lock.o \
	src/binding/prepared_xact.o \
	src/binding/protective.o \
	src/binding/punycode.o \
	src/binding/running_code.o \
	src/binding/session_lock.o \
	src/binding/session_wakeup.o \
	src/binding/set_policy.o \
	src/binding/standby_catchup.o \
	src/binding/statement_tag.o \
	src/binding/switch.o \
	src/binding/temp_object.o \
	src/binding/token.o \
	src/binding/token_holder.o \
	src/binding/token_key.o \
	src/binding/used_token.o \
	src/binding/wall.o \
	src/binding/watch.o \
	src/guard/computing_function.o \
	src/guard/function_answer.o \
	src/guard/guard.o \
	src/guard/guard_access.o \
	src/guard/guard_closure.o \
	src/guard/guard_grant.o \
	src/guard/guard_hooks.o \
	src/guard/guard_name.o \
	src/guard/guard_query.o \
	src/guard/guard_raw.o \
	src/guard/guard_reach.o \
	src/guard/guard_statistics.o \
	src/guard/guard_utility.o \
	src/guard/plpgsql_types.o \
	src/guard/reached_code.o \
	src/guard/run_as.o \
	src/guard/shared_ddl.o \
	src/guard/stored_call.o \
	src/guard/tenant_code.o \
	src/clone/blockcopy.o \
	src/clone/btree_batch.o \
	src/clone/catalog_insert.o \
	src/clone/catalog_reader.o \
	src/clone/catalog_rules.o \
	src/clone/clone.o \
	src/clone/clone_lock.o \
	src/clone/closure.o \
	src/clone/copy_parallel.o \
	src/clone/copy_plan.o \
	src/clone/copy_task.o \
	src/clone/derived_check.o \
	src/clone/derived_value.o \
	src/clone/exclusion.o \
	src/clone/file_writer.o \
	src/clone/free_oid.o \
	src/clone/function_settings.o \
	src/clone/function_text.o \
	src/clone/handover.o \
	src/clone/nodetree.o \
	src/clone/oidmap.o \
	src/clone/outside_link.o \
	src/clone/page_copy.o \
	src/clone/plpgsql_part.o \
	src/clone/reference_check.o \
	src/clone/remap.o \
	src/clone/remap_labels.o \
	src/clone/remap_roles.o \
	src/clone/remap_row.o \
	src/clone/remap_statistics.o \
	src/clone/remap_texts.o \
	src/clone/replication.o \
	src/clone/rowcopy.o \
	src/clone/schema_mention.o \
	src/clone/schema_place.o \
	src/clone/sql_name.o \
	src/clone/storage.o \
	src/clone/unclonable.o \
	src/clone/valuemap.o \
	src/compare/canonical_bytes.o \
	src/compare/canonical_row.o \
	src/compare/column_form.o \
	src/compare/command_reach.o \
	src/compare/compared_schema.o \
	src/compare/definition.o \
	src/compare/definition_column.o \
	src/compare/definition_function.o \
	src/compare/definition_operator.o \
	src/compare/definition_part.o \
	src/compare/definition_relation.o \
	src/compare/definition_text_search.o \
	src/compare/definition_type.o \
	src/compare/diff_sql.o \
	src/compare/expression_text.o \
	src/compare/fingerprint.o \
	src/compare/fingerprint_sql.o \
	src/compare/item_map.o \
	src/compare/kept_fingerprint.o \
	src/compare/known_change.o \
	src/compare/object_label.o \
	src/compare/object_name.o \
	src/compare/object_part.o \
	src/compare/object_remark.o \
	src/compare/outside_names.o \
	src/compare/repair_item.o \
	src/compare/repair_obstacle.o \
	src/compare/repair_order.o \
	src/compare/repair_plan.o \
	src/compare/repair_statement.o \
	src/compare/schema_diff.o \
	src/compare/schema_reading.o \
	src/compare/schema_view.o \
	src/compare/structure_event.o \
	src/secrets/column_users.o \
	src/secrets/data_key.o \
	src/secrets/encrypt_column.o \
	src/secrets/envelope.o \
	src/secrets/fernet.o \
	src/secrets/import.o \
	src/secrets/key_admin.o \
	src/secrets/key_cache.o \
	src/secrets/key_check.o \
	src/secrets/key_lock.o \
	src/secrets/key_worker.o \
	src/secrets/keyring.o \
	src/secrets/keyring_text.o \
	src/secrets/sealed_column.o \
	src/secrets/secret.o \
	src/secrets/shared_ring.o \
	src/connections/assignment.o \
	src/connections/breaker.o \
	src/connections/checkout.o \
	src/connections/connection.o \
	src/connections/connection_admin.o \
	src/connections/connection_host.o \
	src/connections/connection_option.o \
	src/connections/conninfo.o \
	src/connections/dblink.o \
	src/connections/health.o \
	src/connections/health_check.o \
	src/connections/health_launcher.o \
	src/connections/health_memory.o \
	src/connections/health_policy.o \
	src/connections/health_record.o \
	src/connections/health_schedule.o \
	src/connections/health_worker.o \
	src/connections/pgbouncer.o \
	src/connections/pool.o \
	src/connections/probe.o \
	src/connections/probe_text.o \
	src/connections/route.o \
	src/lifecycle/adopt_all.o \
	src/lifecycle/hook_table.o \
	src/lifecycle/lifecycle.o \
	src/lifecycle/purge.o \
	src/lifecycle/purge_batch.o \
	src/lifecycle/retarget.o \
	src/lifecycle/schema_acl.o \
	src/lifecycle/schema_drop.o \
	src/lifecycle/snapshot.o \
	src/lifecycle/superuser_schema.o \
	src/lifecycle/tenant_hook.o \
	src/lifecycle/tenant_work.o \
	src/lifecycle/trash.o \
	src/lifecycle/union_view.o \
	src/fleet/alone_code.o \
	src/fleet/drift.o \
	src/fleet/fleet_exec.o \
	src/fleet/fleet_jobs.o \
	src/fleet/fleet_query.o \
	src/fleet/fleet_rows.o \
	src/fleet/fleet_work.o \
	src/fleet/migrate.o \
	src/fleet/migrate_alone.o \
	src/fleet/migrate_choice.o \
	src/fleet/migrate_lock.o \
	src/fleet/migrate_options.o \
	src/fleet/migrate_queue.o \
	src/fleet/migrate_report.o \
	src/fleet/migrate_statement.o \
	src/fleet/migrate_statements.o \
	src/fleet/migrate_tenant.o \
	src/fleet/migrate_trial.o \
	src/fleet/migrate_verify.o \
	src/fleet/migrate_worker.o \
	src/fleet/migration.o \
	src/fleet/migration_admin.o \
	src/fleet/migration_ledger.o \
	src/fleet/migration_run.o \
	src/fleet/recorded_statement.o \
	src/fleet/recording.o \
	src/fleet/refused_command.o \
	src/fleet/statement_refusal.o \
	src/fleet/statement_settings.o \
	src/fleet/statement_text.o \
	src/fleet/version_form.o \
	src/fleet/version_place.o \
	src/doctor.o \
	src/doctor_catalog.o \
	src/doctor_fleet.o \
	src/doctor_hooks.o \
	src/doctor_installation.o \
	src/doctor_registry.o \
	src/doctor_report.o \
	src/doctor_settings.o \
	src/guc.o \
	src/hooks.o \
	src/orphan_files.o \
	src/pooler_check.o \
	src/prepared_commit.o \
	src/registry_events.o \
	src/shmem.o \
	src/tenant_mgr.o
PGFILEDESC = "tenant_mgr - tenants as schemas"

DATA = \
	sql/tenant_mgr--0.1.0.sql \
	sql/tenant_mgr--0.1.0--0.2.0.sql \
	sql/tenant_mgr--0.2.0.sql
DOCS = README.md
SCRIPTS = bin/tenant-migrate

# Functions of the server are called by their addresses, which are there from the
# start, and not by way of a stub for each.
CALL_DIRECTLY_linux = -fno-plt
PG_CFLAGS = -std=gnu99 $(CALL_DIRECTLY_$(PORTNAME))
PG_CPPFLAGS = -I$(patsubst %/,%,$(srcdir))/src -I$(libpq_srcdir)
# What one of our files calls in another is bound when the library is linked, not
# looked up by name when each session loads it.
LINK_OWN_linux = -Wl,-Bsymbolic
SHLIB_LINK += -lsodium $(libpq) $(LINK_OWN_$(PORTNAME))

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
	retarget \
	schema_names \
	outside_links \
	kept_links \
	snapshots \
	migrate \
	migrate_rights \
	migrations \
	recording \
	hooks \
	all_tenants \
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
	clone-index \
	clone-races \
	clone-roles \
	compare-drop \
	connection-races \
	create-create \
	create-drop \
	drop-index \
	drop-switch \
	fingerprint-races \
	migrate-races \
	migrate-twice \
	rename-rename \
	rename-switch \
	rollback-write \
	suspend-bound \
	suspend-raw
ISOLATION_OPTS = --inputdir=test/isolation

# PGXS finds out by itself that it builds outside of the source tree, unless the
# server was built within its own: its configure drops lines that set VPATH then.
ifndef VPATH
SOURCE_DIR := $(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST))))
ifneq ($(realpath $(SOURCE_DIR)),$(realpath $(CURDIR)))
VPATH := $(SOURCE_DIR)
endif
endif

PG_CONFIG = pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# What talks to strangers is a program of its own.
PROBE_PROGRAM = tenant_mgr_probe$(X)

all: $(PROBE_PROGRAM)

$(PROBE_PROGRAM): src/connections/tenant_mgr_probe.o
	$(CC) $(CFLAGS) $< $(libpq) $(LDFLAGS) $(LDFLAGS_EX) -o $@

install: install-probe

install-probe: $(PROBE_PROGRAM)
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_PROGRAM) $(PROBE_PROGRAM) '$(DESTDIR)$(pkglibdir)/$(PROBE_PROGRAM)'

uninstall: uninstall-probe uninstall-scripts

uninstall-probe:
	rm -f '$(DESTDIR)$(pkglibdir)/$(PROBE_PROGRAM)'

# PGXS looks for them where they are in the source tree.
uninstall-scripts:
	rm -f $(addprefix '$(DESTDIR)$(bindir)'/, $(notdir $(SCRIPTS)))

clean: clean-probe

clean-probe:
	rm -f $(PROBE_PROGRAM) src/connections/tenant_mgr_probe.o

.PHONY: install-probe uninstall-probe uninstall-scripts clean-probe

src/connections/tenant_mgr_probe.o: src/connections/probe_protocol.h

# Servers are seldom built with --enable-depend, so each file depends on them all.
$(OBJS) $(OBJS:.o=.bc): $(wildcard $(srcdir)/src/*.h $(srcdir)/src/*/*.h)

# A build outside of the source tree begins in an empty folder.
ifdef VPATH
$(shell $(MKDIR_P) $(sort $(dir $(OBJS))))
endif
