// @ts-check
// Calls to the node. Every path is relative to the document. What fails is an ApiError; without an answer its status
// is 0 and its code `unreachable`. A call that is refused for its token is made once more with the next one; where a
// limit or a lack of room says when to come back, what may be repeated is repeated then.

const TIMEOUT_MS = 20_000;
const TRIES_MAX = 4;
/** The longest wait that one call keeps a person waiting. */
const WAIT_MAX_MS = 10_000;
const REPEATABLE = new Set(['GET', 'PUT', 'PATCH', 'DELETE']);
const PASSING = new Set(['rate_limited', 'busy', 'unavailable', 'unconfirmed']);

export class ApiError extends Error {
  /**
   * @param {number} status @param {string} code @param {string} detail
   * @param {{fields?: {loc: (string|number)[], msg: string}[], retry_after_ms?: number}} [more]
   */
  constructor(status, code, detail, more = {}) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.fields = more.fields;
    this.retry_after_ms = more.retry_after_ms;
  }
}

/**
 * The session: who gives the token, and the next one.
 * @type {{token: () => string|null, renew: (used: string|null) => Promise<void>}}
 */
let session = { token: () => null, renew: async () => {} };

/** @param {typeof session} next */
export function useSession(next) {
  session = next;
}

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param {string} method @param {string} path relative to the document, without a slash in front
 * @param {{body?: unknown, is_guest?: boolean, tries?: number, by?: string|null}} [options] `by`: this token and no
 *   next one
 * @returns {Promise<any>}
 */
export async function call(method, path, { body, is_guest = false, tries = TRIES_MAX, by = null } = {}) {
  let isRenewed = false;
  for (let turn = 1; ; turn++) {
    if (!is_guest && !by && !session.token()) await session.renew(null);
    const token = is_guest ? null : (by ?? session.token());
    try {
      return await once(method, path, body, token);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401 && !is_guest && token && !by && !isRenewed) {
        isRenewed = true;
        await session.renew(token);
        continue;
      }
      const wait = error.retry_after_ms ?? 0;
      const isPassing = REPEATABLE.has(method) && PASSING.has(error.code) && wait <= WAIT_MAX_MS;
      if (!isPassing || turn >= tries) throw error;
      await sleep(wait + Math.random() * 250);
    }
  }
}

/** @param {string} method @param {string} path @param {unknown} body @param {string|null} token */
async function once(method, path, body, token) {
  const url = new URL(path, document.baseURI);
  const headers = {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(token && { authorization: `Bearer ${token}` }),
  };
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: ending.signal,
      cache: 'no-store',
    });
    const text = await answer.text();
    if (!answer.ok) throw errorOf(answer, text);
    return text ? JSON.parse(text) : undefined;
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, 'unreachable', 'The server cannot be reached');
  } finally {
    clearTimeout(timer);
  }
}

/** @param {Response} answer @param {string} text @returns {ApiError} */
function errorOf(answer, text) {
  const seconds = Number(answer.headers.get('retry-after') ?? NaN);
  const retry_after_ms = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  /** @type {any} */
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    // Something in between has answered, a proxy whose node is away.
    const isAway = answer.status >= 500;
    return new ApiError(answer.status, isAway ? 'unreachable' : 'internal_error', `HTTP ${answer.status}`, {
      retry_after_ms,
    });
  }
  const fields = Array.isArray(said?.detail) ? said.detail : undefined;
  const detail = fields
    ? fields.map((/** @type {any} */ { msg }) => msg).join('; ')
    : String(said?.detail ?? `HTTP ${answer.status}`);
  return new ApiError(answer.status, String(said?.code ?? 'internal_error'), detail, { fields, retry_after_ms });
}

/** Whether an error says that nobody answered. @param {unknown} error */
export const isUnreachable = (error) =>
  error instanceof ApiError && (error.status === 0 || error.code === 'unreachable');

/** The socket's address. */
export function gatewayUrl() {
  const url = new URL('gateway', document.baseURI);
  url.protocol = url.protocol.replace('http', 'ws');
  url.hash = '';
  return url;
}
