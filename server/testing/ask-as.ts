// A request with somebody's key, for tests.

export const bearer = (secret: string): Record<string, string> => ({ Authorization: `Bearer ${secret}` });

/** @param route such as `GET /history` */
export async function askAs(url: string, secret: string, route: string, body?: object) {
  const [method = '', path = ''] = route.split(' ');
  const answer = await fetch(url + path, {
    method,
    headers: { ...bearer(secret), ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') && text !== '';
  return { status: answer.status, text, body: isJson ? JSON.parse(text) : null, headers: answer.headers };
}
