# Rails with the code of docs/from-apartment.md, behind PgBouncer.
#
# Started by run, which says where everything is in the environment.
ENV["RAILS_ENV"] = "test"
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "rake"
require "rack/mock"
require "fileutils"

PAGES = ENV.fetch("TM_PAGES")
$stdout.sync = true

def check(good, text)
  puts "#{good ? 'ok' : 'not ok'} - rails: #{text}"
end

def database(host, port, user, more = {})
  {"adapter" => "postgresql", "host" => host, "port" => port, "username" => user,
   "database" => ENV.fetch("TM_DATABASE"), "prepared_statements" => false, "pool" => 8}.merge(more)
end

direct = [ENV.fetch("TM_DIRECT"), ENV.fetch("TM_DIRECT_PORT"), "mgr"]
CONFIGURATIONS = {
  "test" => database(ENV.fetch("TM_POOL"), ENV.fetch("TM_POOL_PORT"), "app", "advisory_locks" => false),
  "unbound" => database(*direct),
  "template" => database(*direct, "variables" => {"tenant_mgr.tenant" => "template_app"}),
  "fresh" => database(*direct, "variables" => {"tenant_mgr.tenant" => "fresh"}),
  "leaking" => database(ENV.fetch("TM_POOL"), ENV.fetch("TM_POOL_PORT"), "app",
                        "variables" => {"tenant_mgr.tenant" => "t1"})
}.freeze

FileUtils.mkdir_p(["config", "db/migrate", "log", "lib/tasks"])
File.write("config/database.yml", CONFIGURATIONS.to_yaml)
File.write("db/migrate/20260101000000_create_customers.rb", <<~RUBY)
  class CreateCustomers < ActiveRecord::Migration[6.1]
    def change
      create_table(:customers) { |t| t.text :name }
      create_table(:orders) { |t| t.references :customer, foreign_key: {deferrable: :deferred} }
    end
  end
RUBY
FileUtils.cp(File.join(PAGES, "bound.rake"), "lib/tasks/bound.rake")

require File.join(PAGES, "in_tenant.rb")
require File.join(PAGES, "tenant_by_host.rb")

class Shop < Rails::Application
  config.root = Dir.pwd
  config.eager_load = false
  config.logger = Logger.new(nil)
  config.secret_key_base = "x" * 64
  config.hosts.clear
  config.consider_all_requests_local = false
  config.active_record.dump_schema_after_migration = false
  config.middleware.use TenantByHost
end

class Customer < ActiveRecord::Base; end
class Order < ActiveRecord::Base; end

class ShopController < ActionController::Base
  def write
    Customer.create!(name: params[:how])
    raise "as asked for" if params[:how] == "raise"
    head({"404" => 404, "422" => 422}.fetch(params[:how], 200))
  end

  def who
    render plain: Customer.where("name LIKE 'I am%'").pluck(:name).join(",")
  end
end

Shop.initialize!
Rails.application.routes.draw do
  get "write", to: "shop#write"
  get "who", to: "shop#who"
end
Rails.application.load_tasks

# A rake task as another process runs it, with the configuration of that name.
def rake(task, configuration)
  pid = fork do
    $stdout.reopen(File::NULL)
    $stderr.reopen("rake.err", "w")
    $stderr.sync = true
    ActiveRecord::Base.configurations = {"test" => CONFIGURATIONS.fetch(configuration)}
    ActiveRecord::Base.establish_connection(:test)
    begin
      Rake::Task[task].invoke
    rescue SystemExit => e
      exit!(e.status)
    rescue StandardError => e
      warn e.message
      exit!(1)
    end
    exit!(0)
  end
  Process.wait(pid)
  [$?.exitstatus, File.read("rake.err")]
end

class Manager < ActiveRecord::Base
  self.abstract_class = true
end

def manager
  Manager.connection
end

def names(tenant)
  InTenant.with(tenant) { Customer.order(:name).pluck(:name) }
end

def current
  ActiveRecord::Base.connection.select_value("SELECT tenant.current()")
end

# no connection is shared with the processes of rake
ActiveRecord::Base.remove_connection
status, problem = rake("db:migrate", "unbound")
check(status == 1 && problem.include?("not bound"), "an unbound db:migrate is refused")
status, problem = rake("db:migrate", "template")
Manager.establish_connection(CONFIGURATIONS["unbound"])
tables = manager.select_rows("SELECT schemaname, count(*) FROM pg_tables WHERE tablename ~ '^(customers|orders|schema_mig|ar_)' GROUP BY 1")
check(status.zero? && tables == [["template_app", 4]], "db:migrate of the template makes tables there only #{tables} #{problem[0, 300]}")
%w[t1 t2 t3].each do |name|
  manager.execute("SELECT tenant.create('#{name}', template => 'template_app')")
  manager.execute("INSERT INTO #{name}.customers (name) VALUES ('I am #{name}')")
end

status, problem = rake("db:migrate:status", "leaking")
check(status != 0, "variables: through a pool are refused: #{problem.lines.first}")
ActiveRecord::Base.establish_connection(:test)
check(Array.new(6) { current }.compact.empty?, "and leave nobody bound")

# a schema.rb with a shared table, loaded while bound
manager.execute("CREATE TABLE public.hosts (name text); INSERT INTO public.hosts VALUES ('shared')")
manager.execute("SELECT tenant.create('fresh')")
# under another name, for Rails reloads itself when schema.rb changes
ENV["SCHEMA"] = "db/with_shared.rb"
File.write(ENV["SCHEMA"], <<~RUBY)
  ActiveRecord::Schema.define(version: 1) do
    create_table("hosts", force: :cascade) { |t| t.text :name }
  end
RUBY
status, problem = rake("db:schema:load", "fresh")
ENV.delete("SCHEMA")
check(status != 0 && problem.include?("hosts"), "db:schema:load of a shared table is refused: #{problem.lines.first}")
check(manager.select_values("SELECT name FROM public.hosts") == ["shared"], "and the table stays")

# nested blocks
inner = outer = nil
InTenant.with("t1") do
  InTenant.with("t2") { inner = Customer.pluck(:name) }
  outer = Customer.pluck(:name)
end
check([inner, outer] == [["I am t2"], ["I am t1"]], "after an inner block the outer tenant is back")
InTenant.with("t1") do
  begin
    InTenant.with("t2") { Customer.create!(name: "not kept"); raise ArgumentError }
  rescue ArgumentError
    outer = Customer.pluck(:name)
  end
end
check(outer == ["I am t1"] && names("t2") == ["I am t2"], "and after one that raises")
check(current.nil?, "nothing remains after the outermost block")

# the query cache
ActiveRecord::Base.cache do
  found = %w[t1 t2 t1].map { |name| InTenant.with(name) { [Customer.pluck(:name), Customer.pluck(:name)] } }
  check(found == %w[t1 t2 t1].map { |name| [["I am #{name}"]] * 2 }, "the query cache serves each tenant its own rows")
end

# deferred keys
begin
  ActiveRecord::Base.transaction do
    InTenant.with("t1") { Order.create!(customer_id: Customer.create!(name: "one").id) }
    InTenant.with("t2") { Order.create!(customer_id: Customer.create!(name: "two").id) }
  end
  problem = nil
rescue StandardError => e
  problem = e.message
end
check(problem.nil? && names("t2").include?("two"), "two tenants in one transaction, with deferred keys #{problem}")
%w[t1 t2].each { |name| InTenant.with(name) { Order.delete_all; Customer.where.not("name LIKE 'I am%'").delete_all } }

# requests
REQUEST = Rack::MockRequest.new(Rails.application)
def answer(tenant, path)
  REQUEST.get(path, "HTTP_HOST" => "#{tenant}.app.example")
end

check(answer("t1", "/write?how=kept").status == 200 && names("t1").include?("kept"), "a request that succeeds is committed")
statuses = %w[raise 404 422].map { |how| answer("t1", "/write?how=#{how}").status }
check(statuses == [500, 404, 422] && (names("t1") & %w[raise 404 422]).empty?, "those that fail are not: #{statuses}")
check(answer("nobody", "/who").status == 404, "a host of nobody is not found")

wrong = Queue.new
threads = Array.new(6) do |number|
  Thread.new do
    40.times do |i|
      tenant = "t#{1 + (number + i) % 3}"
      answer(tenant, "/write?how=raise") if i % 7 == 3
      response = answer(tenant, "/who")
      wrong << [tenant, response.status, response.body[0, 60]] unless response.body == "I am #{tenant}"
    end
  ensure
    ActiveRecord::Base.clear_active_connections!
  end
end
threads.each(&:join)
check(wrong.empty?, "240 requests of 6 threads on two server connections get their tenant's answer #{wrong.size.positive? ? wrong.pop : ''}")
