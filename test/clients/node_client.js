// Node's pg and knex with the code of docs/from-node.md, behind PgBouncer.
//
// Started by run, which says where everything is in the environment.
'use strict';

const fs = require('fs');
const http = require('http');
const path = require('path');
const { Pool } = require('pg');
const Knex = require('knex');

const env = process.env;
const pages = env.TM_PAGES;
process.env.MIGRATION_HOST = env.TM_DIRECT;
process.env.MIGRATION_PORT = env.TM_DIRECT_PORT;
process.env.MIGRATION_USER = 'mgr';
process.env.MIGRATION_DATABASE = env.TM_DATABASE;

const inTenant = require(path.join(pages, 'in_tenant.js'));
const knexInTenant = require(path.join(pages, 'knex_in_tenant.js'));
const migrations = require(path.join(pages, 'migrations.js'));
const tenantByHost = new Function('inTenant',
  `${fs.readFileSync(path.join(pages, 'tenant_by_host.js'), 'utf8')}; return tenantByHost;`)(inTenant);

const direct = { host: env.TM_DIRECT, port: Number(env.TM_DIRECT_PORT), user: 'mgr', database: env.TM_DATABASE };
const pooled = { host: env.TM_POOL, port: Number(env.TM_POOL_PORT), user: 'app', database: env.TM_DATABASE };

function check(good, text) {
  console.log(`${good ? 'ok' : 'not ok'} - node: ${text}`);
}

// What a promise is refused with: its SQLSTATE or its message.
async function refusal(promise) {
  try {
    await promise;
    return '';
  } catch (error) {
    return error.code || error.message;
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What two tenants are asked for is never another's.
async function load(pool) {
  const wrong = [];
  async function client(number) {
    for (let i = 0; i < 50; i += 1) {
      const tenant = `t${1 + ((number + i) % 3)}`;
      if (i % 6 === 2) {
        await refusal(inTenant(pool, tenant, async (c) => {
          await c.query("INSERT INTO customer (name) VALUES ('not kept')");
          throw new Error('as asked for');
        }));
      }
      const name = await inTenant(pool, tenant, async (c) => {
        const first = (await c.query('SELECT name FROM customer')).rows;
        await sleep(Math.random() * 3);
        const second = (await c.query('SELECT string_agg(name, $1) AS name FROM customer', [','])).rows[0].name;
        return first.length === 1 && first[0].name === second ? second : `${JSON.stringify(first)} ${second}`;
      });
      if (name !== `I am ${tenant}`) wrong.push([tenant, name]);
    }
  }
  await Promise.all([...Array(8).keys()].map(client));
  return wrong;
}

async function migrate() {
  fs.mkdirSync('migrations', { recursive: true });
  fs.writeFileSync('migrations/001_customer.js', `
    exports.up = (knex) => knex.schema.createTable('customer', (t) => {
      t.increments('id'); t.text('name');
    });
    exports.down = (knex) => knex.schema.dropTable('customer');`);
  const template = Knex({ ...migrations, migrations: { directory: './migrations' } });
  await template.migrate.latest();
  await template.destroy();
  const unbound = Knex({ ...migrations, connection: direct, migrations: { directory: './migrations' } });
  const problem = await refusal(unbound.migrate.latest());
  await unbound.destroy();
  return problem;
}

async function main() {
  const manager = new Pool(direct);
  const pool = new Pool({ ...pooled, max: 4 });

  check(/not bound/.test(await migrate()), 'an unbound migration is refused');
  const { rows: tables } = await manager.query(
    "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename ~ '^(customer|knex)'");
  check(tables.length === 1 && tables[0].schemaname === 'template_app', 'knex migrates the template only');
  for (const name of ['t1', 't2', 't3']) {
    await manager.query("SELECT tenant.create($1, template => 'template_app')", [name]);
    await inTenant(pool, name, (c) => c.query('INSERT INTO customer (name) VALUES ($1)', [`I am ${name}`]));
  }

  const wrong = await load(pool);
  check(wrong.length === 0, `400 blocks of 8 clients on two server connections see their tenant ${JSON.stringify(wrong.slice(0, 3))}`);
  check(await refusal(pool.query('SELECT * FROM customer')) === '42P01', 'a query outside of a block finds no table');
  check(await refusal(pool.query("SELECT tenant.switch('t1')")) === '42501', 'a switch for the session is refused');

  const knex = Knex({ client: 'pg', connection: pooled, pool: { min: 0, max: 2 } });
  const found = await knexInTenant(knex, 't2', (trx) => trx('customer').pluck('name'));
  check(found.join() === 'I am t2', 'a transaction of knex sees its tenant');
  await refusal(knexInTenant(knex, 't2', async (trx) => {
    await trx('customer').insert({ name: 'not kept' });
    throw new Error('as asked for');
  }));
  check((await knexInTenant(knex, 't2', (trx) => trx('customer').pluck('name'))).join() === 'I am t2',
    'and one that fails keeps nothing');
  await knex.destroy();

  // a handler that forgets to roll back
  const root = new Pool({ ...direct, user: 'postgres' });
  await root.query("ALTER ROLE app SET tenant_mgr.nested_switch = 'error'");
  const careful = new Pool({ ...pooled, max: 1 });
  await root.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
  const server = http.createServer(tenantByHost(pool, async (request, client) => {
    if (request.url === '/fail') {
      await client.query("INSERT INTO customer (name) VALUES ('not kept')");
      throw Object.assign(new Error(), { status: 409 });
    }
    return (await client.query('SELECT name FROM customer')).rows[0].name;
  }));
  await new Promise((resolve) => server.listen('http.sock', resolve));
  const get = (host, url) => new Promise((resolve, reject) => {
    http.get({ socketPath: 'http.sock', path: url, headers: { host } }, (response) => {
      let body = '';
      response.on('data', (part) => { body += part; });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    }).on('error', reject);
  });
  check(await get('t3.app.example', '/') === '200 I am t3', 'a request is answered for the tenant of its host');
  check(await get('nobody.app.example', '/') === '404 ', 'a host of nobody is not found');
  check(await get('t3.app.example', '/fail') === '409 '
    && await get('t3.app.example', '/') === '200 I am t3', 'a request that fails keeps nothing');
  server.close();

  const client = await careful.connect();
  await client.query('BEGIN');
  await client.query("SELECT tenant.switch_local('t1')");
  client.release();
  check(await refusal(inTenant(careful, 't2', (c) => c.query('SELECT 1'))) !== '',
    'with nested_switch = error, a forgotten ROLLBACK is found by the next switch');
  await careful.end();
  await root.query('ALTER ROLE app RESET tenant_mgr.nested_switch');
  await root.end();
  await pool.end();
  await manager.end();
}

main().catch((error) => {
  console.log(`not ok - node: ${error.stack}`);
}).finally(() => process.exit());
