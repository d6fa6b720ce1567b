# An application of Rails with many migrations; its rake.
#
# Started by migrations.sh in a directory of its own, with a task as argument.  There
# is nothing about tenants in it: PGOPTIONS says which one.
ENV["RAILS_ENV"] = "test"
require "rails"
require "active_record/railtie"
require "rake"
require "fileutils"

MIGRATIONS = {
  "create_customers" => <<~RUBY,
    def change
      create_table(:customers) do |t|
        t.text :name
        t.integer :number
      end
    end
  RUBY
  "create_orders" => <<~RUBY,
    def change
      create_table :products do |t|
        t.string :title, null: false, index: true
        t.decimal :price, precision: 10, scale: 2
        t.timestamps
      end
      create_table :orders do |t|
        t.references :customer, foreign_key: true
        t.datetime :placed
      end
      create_join_table :orders, :products
    end
  RUBY
  "add_columns" => <<~RUBY,
    def change
      add_column :customers, :active, :boolean, default: true, null: false
      add_column :customers, :joined, :date
      reversible { |d| d.up { change_column :customers, :number, :bigint } }
    end
  RUBY
  "add_indexes" => <<~RUBY,
    def change
      add_index :orders, [:customer_id, :placed], name: "order_of_customer", order: {placed: :desc}
      add_index :products, [:title, :price], unique: true
      add_index :customers, "lower(name)", name: "customer_by_name", where: "active"
      add_check_constraint :products, "price >= 0", name: "price_is_positive"
    end
  RUBY
  "create_plans" => <<~RUBY,
    def change
      create_table :plans do |t|
        t.string :code, limit: 30, null: false, index: {unique: true}
        t.decimal :price, precision: 10, scale: 2
        t.jsonb :options, default: {}
        t.binary :badge
        t.datetime :since
        t.date :day
        t.time :at
        t.uuid :key
        t.float :ratio
        t.bigint :many
        t.boolean :active
        t.text :note
        t.text :tags, array: true, default: []
        t.inet :address
        t.int4range :span
        t.interval :term
      end
    end
  RUBY
  "fill_plans" => <<~'RUBY',
    class Plan < ActiveRecord::Base; end

    def up
      Plan.create!(code: "it's \\ 100%", price: BigDecimal("12.50"), options: {"a" => [1, nil, "ä€"]},
                   badge: "\x00\xff'\\".b, since: Time.utc(2026, 2, 3, 4, 5, 6.789r), day: Date.new(2026, 2, 3),
                   at: "04:05", key: "00000000-0000-0000-0000-00000000004d", ratio: 0.1, many: 2**40, active: true,
                   tags: ["x", "y,z", 'q"'], address: "10.1.2.0/24", span: 1...5, term: 3.days)
      20.times { |i| Plan.create!(code: "plan #{i}", price: i) }
      Plan.insert_all([{code: "free", price: 0}, {code: "more", price: 1}])
      Plan.where(code: "plan 3").delete_all
      Plan.find_by!(code: "plan 4").destroy
      Plan.find_by!(code: "free").update!(note: "chosen", active: false)
    end
  RUBY
  "add_plan_to_customers" => <<~RUBY,
    def change
      add_reference :customers, :plan, foreign_key: {deferrable: :deferred}
    end
  RUBY
  "choose_plans" => <<~'RUBY',
    class Plan < ActiveRecord::Base; end
    class Customer < ActiveRecord::Base; end

    def up
      Customer.update_all(["plan_id = ?, name = upper(name)", Plan.find_by!(code: "free").id])
      Customer.where(number: nil).update_all("number = id * 10")
    end
  RUBY
  # what has just been written to has events that wait for the end
  "demand_plans" => <<~RUBY,
    def up
      change_column_null :customers, :plan_id, false
      change_column_default :customers, :number, 0
      add_index :customers, :number, unique: true
    end
  RUBY
  "execute_sql" => <<~'RUBY',
    def up
      execute <<~SQL
        CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN NEW.note := coalesce(NEW.note, 'none; noted'); RETURN NEW; END $$;
        CREATE TRIGGER noted BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION note_change();
        CREATE VIEW cheap AS SELECT code, price FROM plans WHERE price < 5;
      SQL
      exec_update("UPDATE plans SET ratio = $1 WHERE price > $2", "dear",
                  [ActiveRecord::Relation::QueryAttribute.new("ratio", 1.5, ActiveRecord::Type::Float.new),
                   ActiveRecord::Relation::QueryAttribute.new("price", 10, ActiveRecord::Type::Integer.new)])
      execute "DO $$ BEGIN FOR i IN 1 .. 3 LOOP UPDATE plans SET price = price + i WHERE code = 'free'; END LOOP; END $$"
    end
  RUBY
  "catch_error" => <<~RUBY,
    class Plan < ActiveRecord::Base; end

    def up
      Plan.transaction(requires_new: true) do
        # its own numbers, for those of a sequence would not come back
        Plan.create!(id: 1000, code: "lost", price: 1)
        Plan.create!(id: 1001, code: "free", price: 1)
      end
    rescue ActiveRecord::RecordNotUnique
      Plan.create!(code: "kept", price: 1)
    end
  RUBY
  "rename" => <<~RUBY,
    def change
      rename_column :products, :title, :name
      rename_table :orders, :purchases
      change_column_comment :plans, :code, from: nil, to: "it's what is ordered"
    end
  RUBY
  "index_concurrently" => <<~RUBY,
    disable_ddl_transaction!

    def change
      add_index :purchases, :placed, algorithm: :concurrently
      add_index :plans, :tags, using: :gin, algorithm: :concurrently
      remove_index :purchases, name: "order_of_customer", column: [:customer_id, :placed], algorithm: :concurrently
    end
  RUBY
  "after" => <<~RUBY
    class Plan < ActiveRecord::Base; end

    def up
      add_column :purchases, :paid, :decimal, precision: 8, scale: 2, default: 0
      add_foreign_key :orders_products, :products
      Plan.where("price > ?", 15).update_all(note: "dear")
      remove_column :customers, :joined
    end
  RUBY
}.freeze

FileUtils.mkdir_p(["config", "db/migrate", "log"])
MIGRATIONS.each_with_index do |(name, body), i|
  path = format("db/migrate/202601010000%02d_%s.rb", i + 1, name)
  next if File.exist?(path)
  File.write(path, "class #{name.camelize} < ActiveRecord::Migration[6.1]\n#{body}end\n")
end
File.write("config/database.yml", {"test" => {
  "adapter" => "postgresql", "host" => ENV.fetch("TM_DIRECT"), "port" => ENV.fetch("TM_DIRECT_PORT"),
  "username" => "mgr", "database" => ENV.fetch("TM_DATABASE")
}}.to_yaml)

class Shop < Rails::Application
  config.root = Dir.pwd
  config.eager_load = false
  config.logger = Logger.new(nil)
  config.secret_key_base = "x" * 64
  config.active_record.dump_schema_after_migration = false
end

Shop.initialize!
Rails.application.load_tasks
Rake::Task[ARGV.fetch(0)].invoke
