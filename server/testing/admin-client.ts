// What an admin asks over HTTP, for tests.
import request from 'supertest';
import { auditPageSchema, issuedKeySchema } from '../dialects/admin.js';

export const as = (key: string) => ({ 'X-API-Key': key });

/** Makes a key; fails when that is refused. */
export async function makeKey(url: string, key: string, body: object) {
  const { body: made } = await request(url).post('/admin/keys').set(as(key)).send(body).expect(201);
  return issuedKeySchema.parse(made);
}

/** @param query such as ?limit=2 */
export async function readAudit(url: string, key: string, query: string) {
  const { body } = await request(url).get(`/admin/audit${query}`).set(as(key)).expect(200);
  return auditPageSchema.parse(body);
}
