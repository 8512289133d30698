// Suites that lean on the store, once more on PostgreSQL: changes, sessions, codes that count once.
process.env.GATEHOUSE_TEST_STORE = 'postgres';
for (const suite of ['api_concurrency', 'api_enforced', 'logout', 'sign_in_pin'])
  await import(`./${suite}.test.mjs`);
