<?php
// An application of Laravel with many migrations; its artisan.
//
// Started by migrations.sh in a directory of its own, with a command as arguments.
// PGOPTIONS says which tenant; its name is the schema of the connection as well, for
// Laravel looks there for its table.

require '/usr/share/php/Illuminate/autoload.php';

use Illuminate\Contracts\Console\Kernel as Artisan;
use Illuminate\Contracts\Debug\ExceptionHandler;

$migrations = [
    'before' => [
        'create_customers' => <<<'PHP'
            Schema::create('customers', function (Blueprint $table) {
                $table->id();
                $table->text('name');
                $table->integer('number')->nullable();
            });
PHP,
    ],
    'first' => [
        'create_orders' => <<<'PHP'
            Schema::create('products', function (Blueprint $table) {
                $table->id();
                $table->string('title')->index();
                $table->decimal('price', 10, 2);
                $table->timestamps();
            });
            Schema::create('orders', function (Blueprint $table) {
                $table->id();
                $table->foreignId('customer_id')->constrained()->onDelete('cascade');
                $table->timestampTz('placed')->nullable();
            });
PHP,
        'create_order_product' => <<<'PHP'
            Schema::create('order_product', function (Blueprint $table) {
                $table->foreignId('order_id')->constrained();
                $table->foreignId('product_id')->constrained();
                $table->primary(['order_id', 'product_id']);
            });
PHP,
        'add_columns' => <<<'PHP'
            Schema::table('customers', function (Blueprint $table) {
                $table->boolean('active')->default(true);
                $table->date('joined')->nullable();
                $table->enum('kind', ['a', 'b'])->default('a');
            });
PHP,
        'add_indexes' => <<<'PHP'
            Schema::table('orders', function (Blueprint $table) {
                $table->index(['customer_id', 'placed'], 'order_of_customer');
            });
            Schema::table('products', function (Blueprint $table) {
                $table->unique(['title', 'price']);
            });
            DB::statement('ALTER TABLE products ADD CONSTRAINT price_is_positive CHECK (price >= 0)');
PHP,
        'create_plans' => <<<'PHP'
            Schema::create('plans', function (Blueprint $table) {
                $table->increments('id');
                $table->string('code', 30)->unique()->comment("it's what is ordered");
                $table->decimal('price', 10, 2);
                $table->jsonb('options')->default('{}');
                $table->binary('badge')->nullable();
                $table->timestampTz('since', 6)->nullable();
                $table->date('day')->nullable();
                $table->uuid('key')->nullable();
                $table->float('ratio')->nullable();
                $table->bigInteger('many')->nullable();
                $table->boolean('active')->nullable();
                $table->text('note')->nullable();
                $table->ipAddress('address')->nullable();
            });
PHP,
        'fill_plans' => <<<'PHP'
            DB::table('plans')->insert([
                'code' => "it's \\ 100%", 'price' => '12.50', 'options' => json_encode(['a' => [1, null, "\u{e4}\u{20ac}"]]),
                'badge' => DB::raw("'\\x00ff27'"), 'since' => '2026-02-03 04:05:06.000789+00', 'day' => '2026-02-03',
                'key' => '00000000-0000-0000-0000-00000000004d', 'ratio' => 0.1, 'many' => 2 ** 40, 'active' => true,
                'address' => '10.1.2.3',
            ]);
            for ($i = 0; $i < 20; $i++) {
                DB::table('plans')->insertGetId(['code' => "plan $i", 'price' => $i]);
            }
            DB::table('plans')->insert([['code' => 'free', 'price' => 0], ['code' => 'more', 'price' => 1]]);
            DB::table('plans')->where('code', 'plan 3')->delete();
            DB::table('plans')->updateOrInsert(['code' => 'free'], ['note' => 'chosen', 'active' => false]);
PHP,
        'add_plan' => <<<'PHP'
            Schema::table('customers', function (Blueprint $table) {
                $table->foreignId('plan_id')->nullable();
                $table->foreign('plan_id')->references('id')->on('plans');
            });
PHP,
        'choose_plans' => <<<'PHP'
            DB::table('customers')->update(['plan_id' => DB::table('plans')->where('code', 'free')->value('id'), 'name' => DB::raw('upper(name)')]);
            DB::table('customers')->whereNull('number')->update(['number' => DB::raw('id * 10')]);
            DB::statement('ALTER TABLE customers ALTER plan_id SET NOT NULL');
PHP,
        'execute_sql' => <<<'PHP'
            DB::unprepared(<<<'SQL'
                CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN NEW.note := coalesce(NEW.note, 'none; noted'); RETURN NEW; END $$;
                CREATE TRIGGER noted BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION note_change();
                CREATE VIEW cheap AS SELECT code, price FROM plans WHERE price < 5;
            SQL);
            DB::update('UPDATE plans SET ratio = ? WHERE price > ?', [1.5, 10]);
            DB::statement('DO $$ BEGIN FOR i IN 1 .. 3 LOOP UPDATE plans SET price = price + i WHERE code = \'free\'; END LOOP; END $$');
PHP,
        'catch_error' => <<<'PHP'
            try {
                DB::transaction(function () {
                    // its own numbers, for those of a sequence would not come back
                    DB::table('plans')->insert(['id' => 1000, 'code' => 'lost', 'price' => 1]);
                    DB::table('plans')->insert(['id' => 1001, 'code' => 'free', 'price' => 1]);
                });
            } catch (Illuminate\Database\QueryException $e) {
                DB::table('plans')->insert(['code' => 'kept', 'price' => 1]);
            }
PHP,
        'rename' => <<<'PHP'
            Schema::rename('orders', 'purchases');
            DB::statement('ALTER TABLE products RENAME title TO name');
PHP,
    ],
    'second' => [
        'index_concurrently' => <<<'PHP'
            DB::statement('CREATE INDEX CONCURRENTLY purchase_placed ON purchases (placed)');
            DB::statement('DROP INDEX CONCURRENTLY order_of_customer');
PHP,
        'after' => <<<'PHP'
            Schema::table('purchases', function (Blueprint $table) {
                $table->decimal('paid', 8, 2)->default(0);
            });
            DB::table('plans')->where('price', '>', 15)->update(['note' => 'dear']);
            DB::statement('ALTER TABLE customers DROP joined');
PHP,
    ],
];

foreach (['bootstrap/cache', 'config', 'storage/logs', 'storage/framework/cache/data', 'storage/framework/views',
    'before', 'first', 'second'] as $dir) {
    @mkdir($dir, 0755, true);
}
$number = 0;
foreach ($migrations as $step => $files) {
    foreach ($files as $name => $body) {
        $class = Illuminate\Support\Str::studly($name);
        $within = strpos($body, 'CONCURRENTLY') === false ? 'true' : 'false';
        file_put_contents(sprintf('%s/2026_01_01_0000%02d_%s.php', $step, ++$number, $name), <<<PHP
            <?php
            use Illuminate\\Database\\Migrations\\Migration;
            use Illuminate\\Database\\Schema\\Blueprint;
            use Illuminate\\Support\\Facades\\DB;
            use Illuminate\\Support\\Facades\\Schema;
            class $class extends Migration
            {
                public \$withinTransaction = $within;
                public function up()
                {
            $body
                }
            }
            PHP);
    }
}
preg_match('/tenant_mgr\.tenant=(\w+)/', (string) getenv('PGOPTIONS'), $tenant);
$configuration = [
    'app' => ['name' => 'shop', 'env' => 'testing', 'debug' => false, 'key' => 'base64:' . base64_encode(str_repeat('x', 32)),
        'cipher' => 'AES-256-CBC', 'timezone' => 'UTC', 'locale' => 'en', 'fallback_locale' => 'en', 'url' => 'http://localhost',
        'providers' => [
            Illuminate\Bus\BusServiceProvider::class, Illuminate\Cache\CacheServiceProvider::class,
            Illuminate\Foundation\Providers\ConsoleSupportServiceProvider::class,
            Illuminate\Database\DatabaseServiceProvider::class, Illuminate\Filesystem\FilesystemServiceProvider::class,
            Illuminate\Foundation\Providers\FoundationServiceProvider::class, Illuminate\Queue\QueueServiceProvider::class,
            Illuminate\Translation\TranslationServiceProvider::class, Illuminate\View\ViewServiceProvider::class,
        ], 'aliases' => []],
    'cache' => ['default' => 'array', 'stores' => ['array' => ['driver' => 'array', 'serialize' => false]], 'prefix' => 'x'],
    'logging' => ['default' => 'null', 'channels' => ['null' => ['driver' => 'monolog', 'handler' => Monolog\Handler\NullHandler::class]]],
    'queue' => ['default' => 'sync', 'connections' => ['sync' => ['driver' => 'sync']]],
    'view' => ['paths' => [getcwd() . '/views'], 'compiled' => getcwd() . '/storage/framework/views'],
    'database' => ['default' => 'pgsql', 'migrations' => 'migrations', 'connections' => ['pgsql' => [
        'driver' => 'pgsql', 'host' => getenv('TM_DIRECT'), 'port' => getenv('TM_DIRECT_PORT'), 'username' => 'mgr',
        'database' => getenv('TM_DATABASE'), 'charset' => 'utf8', 'prefix' => '', 'schema' => $tenant[1],
    ]]],
];
foreach ($configuration as $name => $values) {
    file_put_contents("config/$name.php", '<?php return ' . var_export($values, true) . ';');
}
file_put_contents('composer.json', '{"autoload": {"psr-4": {"App\\\\": "app/"}}}');

$app = new Illuminate\Foundation\Application(getcwd());
$app->singleton(Artisan::class, Illuminate\Foundation\Console\Kernel::class);
$app->singleton(ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);
exit($app->make(Artisan::class)->handle(new Symfony\Component\Console\Input\ArgvInput(), new Symfony\Component\Console\Output\ConsoleOutput()));
