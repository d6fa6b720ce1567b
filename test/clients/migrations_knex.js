// An application with many migrations of knex; its knexfile.
//
// Used by migrations.sh in a directory of its own.  There is nothing about tenants
// in it: PGOPTIONS says which one.
const fs = require('fs');

const MIGRATIONS = {
  before: {
    create_customers: `await knex.schema.createTable('customers', (t) => {
      t.bigIncrements();
      t.text('name');
      t.integer('number');
    });`,
  },
  first: {
    create_products: `await knex.schema.createTable('products', (t) => {
      t.increments();
      t.string('title').notNullable().index();
      t.decimal('price', 10, 2);
      t.timestamps(true, true);
    });`,
    create_orders: `await knex.schema.createTable('orders', (t) => {
      t.bigIncrements();
      t.bigInteger('customer_id').notNullable().references('customers.id').onDelete('CASCADE').deferrable('deferred');
      t.timestamp('placed');
    });
    await knex.schema.createTable('order_products', (t) => {
      t.bigInteger('order_id').references('orders.id');
      t.integer('product_id').references('products.id');
      t.primary(['order_id', 'product_id']);
    });`,
    add_columns: `await knex.schema.alterTable('customers', (t) => {
      t.boolean('active').notNullable().defaultTo(true);
      t.date('joined');
      t.enu('kind', ['a', 'b'], {useNative: true, enumName: 'kind_of_customer'});
      t.bigInteger('number').alter();
    });`,
    add_indexes: `await knex.schema.alterTable('orders', (t) => t.index(['customer_id', 'placed'], 'order_of_customer'));
    await knex.schema.alterTable('products', (t) => t.unique(['title', 'price']));
    await knex.raw('ALTER TABLE products ADD CONSTRAINT price_is_positive CHECK (price >= 0)');`,
    create_plans: `await knex.schema.createTable('plans', (t) => {
      t.increments();
      t.string('code', 30).notNullable().unique().comment("it's what is ordered");
      t.decimal('price', 10, 2);
      t.jsonb('options').defaultTo('{}');
      t.binary('badge');
      t.timestamp('since', {precision: 6});
      t.date('day');
      t.uuid('key');
      t.double('ratio');
      t.bigInteger('many');
      t.boolean('active');
      t.text('note');
      t.specificType('tags', 'text[]').defaultTo('{}');
    });`,
    fill_plans: `await knex('plans').insert({code: "it's \\\\ 100%", price: '12.50', options: {a: [1, null, '\\u00e4\\u20ac']},
      badge: Buffer.from([0, 255, 39, 92]), since: new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 789)), day: '2026-02-03',
      key: '00000000-0000-0000-0000-00000000004d', ratio: 0.1, many: 2 ** 40, active: true, tags: ['x', 'y,z', 'q"']});
    for (let i = 0; i < 20; i++) await knex('plans').insert({code: 'plan ' + i, price: i}).returning('id');
    await knex('plans').insert([{code: 'free', price: 0}, {code: 'more', price: 1}]);
    await knex('plans').where({code: 'plan 3'}).del();
    await knex('plans').insert({code: 'free', price: 0, note: 'chosen'}).onConflict('code').merge(['note']);`,
    add_plan: `await knex.schema.alterTable('customers', (t) => t.integer('plan_id').references('plans.id'));`,
    choose_plans: `const [free] = await knex('plans').where({code: 'free'});
    await knex('customers').update({plan_id: free.id, name: knex.raw('upper(name)')});
    await knex('customers').whereNull('number').update({number: knex.raw('id * 10')});`,
    demand_plans: `await knex.schema.alterTable('customers', (t) => t.dropNullable('plan_id'));`,
    execute_sql: `await knex.raw(\`CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.note := coalesce(NEW.note, 'none; noted'); RETURN NEW; END $$;
      CREATE TRIGGER noted BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION note_change();
      CREATE VIEW cheap AS SELECT code, price FROM plans WHERE price < 5;\`);
    await knex.raw('UPDATE plans SET ratio = ? WHERE price > ?', [1.5, 10]);
    await knex.raw("DO $$ BEGIN FOR i IN 1 .. 3 LOOP UPDATE plans SET price = price + i WHERE code = 'free'; END LOOP; END $$");`,
    catch_error: `try {
      await knex.transaction(async (savepoint) => {
        // its own numbers, for those of a sequence would not come back
        await savepoint('plans').insert({id: 1000, code: 'lost', price: 1});
        await savepoint('plans').insert({id: 1001, code: 'free', price: 1});
      });
    } catch (error) {
      await knex('plans').insert({code: 'kept', price: 1});
    }`,
    rename: `await knex.schema.renameTable('orders', 'purchases');
    await knex.schema.alterTable('products', (t) => t.renameColumn('title', 'name'));`,
  },
  second: {
    index_concurrently: `await knex.raw('CREATE INDEX CONCURRENTLY purchase_placed ON purchases (placed)');
    await knex.raw('DROP INDEX CONCURRENTLY order_of_customer');`,
    after: `await knex.schema.alterTable('purchases', (t) => t.decimal('paid', 8, 2).defaultTo(0));
    await knex('plans').where('price', '>', 15).update({note: 'dear'});
    await knex.schema.alterTable('customers', (t) => t.dropColumn('joined'));`,
  },
};

let number = 0;
for (const [step, files] of Object.entries(MIGRATIONS)) {
  fs.mkdirSync(step, {recursive: true});
  for (const [name, body] of Object.entries(files)) {
    const path = `${step}/202601010000${String(++number).padStart(2, '0')}_${name}.js`;
    fs.writeFileSync(path, `exports.up = async (knex) => {\n    ${body}\n};\nexports.down = async () => {};
exports.config = {transaction: ${!body.includes('CONCURRENTLY')}};\n`);
  }
}

// The command "knex" leaves without a goodbye, so what it records is not complete.  As a
// program, this does the same as its migrate:latest.
const steps = Object.keys(MIGRATIONS);
module.exports = {
  client: 'pg',
  connection: {host: process.env.TM_DIRECT, port: process.env.TM_DIRECT_PORT, user: 'mgr', database: process.env.TM_DATABASE},
  // up to the step that is asked for
  migrations: {directory: steps.slice(0, steps.indexOf(process.env.TM_STEP || 'second') + 1).map((step) => `${process.cwd()}/${step}`)},
};

if (require.main === module) {
  const knex = require('knex')(module.exports);
  knex.migrate.latest().finally(() => knex.destroy());
}
