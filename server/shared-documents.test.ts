// Documents belong to nobody in particular: whoever has the scope reads what anybody added.
import { expect, it } from 'vitest';
import { askAs } from './testing/ask-as.js';
import { startApp } from './testing/start-app.js';

it('documents are everybody’s who may read them', async () => {
  const app = await startApp({ vault: true });
  await app.ready();
  const author = { actor: null, address: null, requestId: null };
  const { managedKeys } = app.parts.admin;
  await managedKeys.create({ name: 'root', role: 'admin' }, author);
  const bob = await managedKeys.create({ name: 'bob', scopes: ['documents:write'] }, author);
  const alice = await managedKeys.create({ name: 'alice', scopes: ['documents:read'] }, author);
  const asked = { documents: ['Whales sing.'] };
  expect((await askAs(app.url, alice.secret, 'POST /api/v1/documents/add', asked)).status).toBe(403);
  expect((await askAs(app.url, bob.secret, 'POST /api/v1/documents/add', asked)).status).toBe(200);
  expect((await askAs(app.url, bob.secret, 'GET /api/v1/documents')).status).toBe(403);
  expect((await askAs(app.url, alice.secret, 'GET /api/v1/documents')).body.total).toBe(1);
  await app.close();
});
