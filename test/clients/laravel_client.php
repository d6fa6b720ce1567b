<?php
// Laravel with the code of docs/from-laravel.md, behind PgBouncer.
//
// Started by run, which says where everything is in the environment.

require '/usr/share/php/Illuminate/autoload.php';

$pages = getenv('TM_PAGES');
foreach (['TenantByHost', 'InTenant', 'BindMigrations'] as $class) {
    require "$pages/$class.php";
}

use Illuminate\Console\Events\CommandStarting;
use Illuminate\Contracts\Console\Kernel as Artisan;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Http\Kernel as Http;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Facade;
use Illuminate\Support\Facades\Route;

function check(bool $good, string $text)
{
    echo($good ? 'ok' : 'not ok') . " - laravel: $text\n";
}

foreach (['bootstrap/cache', 'config', 'database/migrations', 'storage/logs', 'storage/framework/cache/data', 'storage/framework/views'] as $dir) {
    @mkdir($dir, 0755, true);
}
$connection = ['driver' => 'pgsql', 'database' => getenv('TM_DATABASE'), 'charset' => 'utf8', 'prefix' => ''];
$direct = ['host' => getenv('TM_DIRECT'), 'port' => getenv('TM_DIRECT_PORT'), 'username' => 'mgr'] + $connection;
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
    'database' => ['default' => 'pool', 'migrations' => 'migrations', 'connections' => [
        'pool' => ['host' => getenv('TM_POOL'), 'port' => getenv('TM_POOL_PORT'), 'username' => 'app',
            'options' => [PDO::ATTR_EMULATE_PREPARES => true]] + $connection,
        'manager' => $direct,
        'template' => ['schema' => 'template_app'] + $direct,
    ]],
];
foreach ($configuration as $name => $values) {
    file_put_contents("config/$name.php", '<?php return ' . var_export($values, true) . ';');
}
file_put_contents('database/migrations/2026_01_01_000000_create_customers.php', <<<'PHP'
<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

class CreateCustomers extends Migration
{
    public function up()
    {
        Schema::create('customers', function (Blueprint $table) {
            $table->id();
            $table->text('name');
        });
    }
}
PHP);
file_put_contents('composer.json', '{"autoload": {"psr-4": {"App\\\\": "app/"}}}');

class HttpKernel extends Illuminate\Foundation\Http\Kernel
{
    protected $middleware = [TenantByHost::class];
}

class ConsoleKernel extends Illuminate\Foundation\Console\Kernel
{
}

$app = new Illuminate\Foundation\Application(getcwd());
$app->singleton(Http::class, HttpKernel::class);
$app->singleton(Artisan::class, ConsoleKernel::class);
$app->singleton(ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);
$artisan = $app->make(Artisan::class);
$artisan->bootstrap();
$app['events']->listen(CommandStarting::class, BindMigrations::class);

// What an artisan command ends with: its exit status or the message.
function artisan(string $command)
{
    global $artisan;
    try {
        $output = new Symfony\Component\Console\Output\BufferedOutput();
        $status = $artisan->handle(new Symfony\Component\Console\Input\StringInput($command), $output);

        return $status === 0 ? 0 : $output->fetch();
    } catch (Throwable $e) {
        return $e->getMessage();
    }
}

function names(string $tenant): array
{
    return InTenant::run($tenant, function () {
        return DB::table('customers')->orderBy('id')->pluck('name')->all();
    });
}

function current_tenant()
{
    return DB::selectOne('SELECT tenant.current() AS name')->name;
}

check(strpos((string) artisan('migrate --force'), 'with --database=template only') !== false, 'a migrate that is not bound is refused');
$status = artisan('migrate --force --database=template');
$schemas = DB::connection('manager')->select("SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('customers', 'migrations')");
check($status === 0 && count($schemas) === 1 && $schemas[0]->schemaname === 'template_app', "migrate makes tables in the template only: $status");
check(artisan('migrate --force --database=template') === 0, 'and finds nothing to do the second time');
foreach (['t1', 't2', 't3'] as $name) {
    DB::connection('manager')->select("SELECT tenant.create(?, template => 'template_app')", [$name]);
    InTenant::run($name, function () use ($name) {
        DB::table('customers')->insert(['name' => "I am $name"]);
    });
}

// nested blocks
InTenant::run('t1', function () use (&$inner, &$outer) {
    InTenant::run('t2', function () use (&$inner) {
        $inner = current_tenant();
    });
    $outer = current_tenant();
});
check([$inner, $outer] === ['t2', 't1'], 'after an inner block the outer tenant is back');
InTenant::run('t1', function () use (&$outer) {
    try {
        InTenant::run('t2', function () {
            DB::table('customers')->insert(['name' => 'not kept']);
            throw new RuntimeException();
        });
    } catch (RuntimeException $e) {
        $outer = DB::table('customers')->value('name');
    }
});
check($outer === 'I am t1' && names('t2') === ['I am t2'], 'and after one that throws');
check(current_tenant() === null, 'nothing remains after the outermost block');

// requests
Route::get('/write', function (Request $request) {
    DB::table('customers')->insert(['name' => $request->query('how', 'kept')]);
    if ($request->query('how') === 'raise') {
        throw new RuntimeException('as asked for');
    }
    if ($request->query('how') !== null) {
        abort((int) $request->query('how'));
    }

    return 'written';
});
Route::get('/who', function () {
    return DB::table('customers')->where('name', 'like', 'I am%')->value('name');
});
function answer(string $tenant, string $path)
{
    global $app;
    Facade::clearResolvedInstance('request');

    return $app->make(Http::class)->handle(Request::create("http://$tenant.app.example$path"));
}

check(answer('t1', '/write')->getStatusCode() === 200 && in_array('kept', names('t1')), 'a request that succeeds is committed');
$statuses = array_map(function ($how) {
    return answer('t1', "/write?how=$how")->getStatusCode();
}, ['raise', '404', '403']);
check($statuses === [500, 404, 403] && names('t1') === ['I am t1', 'kept'], 'those that fail are not: ' . implode(' ', $statuses));
check(answer('nobody', '/who')->getStatusCode() === 404, 'a host of nobody is not found');

// two processes on two server connections
$wrong = 0;
$pid = function_exists('pcntl_fork') ? pcntl_fork() : -1;
DB::purge('pool');
for ($i = 0; $i < 90; $i++) {
    $tenant = 't' . (1 + ($i + ($pid === 0 ? 1 : 0)) % 3);
    if ($i % 7 === 3) {
        answer($tenant, '/write?how=raise');
    }
    $wrong += answer($tenant, '/who')->getContent() === "I am $tenant" ? 0 : 1;
}
if ($pid === 0) {
    exit($wrong === 0 ? 0 : 1);
}
$status = 0;
if ($pid > 0) {
    pcntl_waitpid($pid, $status);
}
check($wrong === 0 && $status === 0, '180 requests of two processes get their tenant\'s answer');
