// @ts-check
// All that a view may do. What fails is thrown as an ApiError: {status, code, detail, fields?: [{loc, msg}], retry_after_ms?}.

/** @param {{username: string, email: string, password: string}} account */
export async function register(account) {}
/** @param {{username: string, password: string}} login */
export async function logIn(login) {}
export async function logOut() {}

/** @param {number} server_id */
export async function openServer(server_id) {}
/** @param {number} channel_id @param {number} [message_id] */
export async function openChannel(channel_id, message_id) {}

/**
 * Never throws: what fails is shown in `pending`.
 * @param {number} channel_id @param {string} content @param {number} [reply_to]
 * @returns {boolean} whether it was taken; where not (too many wait), a notice says so and the text stays where it is
 */
export function say(channel_id, content, reply_to) { return true; }
/** @param {string} nonce */
export function tryAgain(nonce) {}
/** @param {string} nonce */
export function discard(nonce) {}

/** @param {number} channel_id @param {number} id @param {string} content */
export async function edit(channel_id, id, content) {}
/** @param {number} channel_id @param {number} id */
export async function remove(channel_id, id) {}
/** @param {number} channel_id @param {number} id @param {string} emoji */
export async function react(channel_id, id, emoji) {}
/** @param {number} channel_id @param {number} id @param {string} emoji */
export async function unreact(channel_id, id, emoji) {}
/** @param {number} channel_id @param {number} id */
export async function pin(channel_id, id) {}
/** @param {number} channel_id @param {number} id */
export async function unpin(channel_id, id) {}
/** Into `logOf(channel_id).value.pins`. @param {number} channel_id */
export async function loadPins(channel_id) {}
/** @param {number} channel_id @param {number} id @param {string} emoji @returns {Promise<{user_id: number, username: string}[]>} at most 100 */
export async function loadReactors(channel_id, id, emoji) { return []; }

/** @param {number} channel_id */
export async function loadOlder(channel_id) {}
/** @param {number} channel_id */
export async function loadNewer(channel_id) {}
/** @param {number} channel_id @param {number} message_id */
export async function jumpTo(channel_id, message_id) {}
/** @param {number} channel_id */
export async function jumpToNewest(channel_id) {}
/** @param {number} channel_id */
export async function jumpToFirst(channel_id) {}

/** @param {number} channel_id */
export function markRead(channel_id) {}
/** @param {number} channel_id @param {string} text */
export function setDraft(channel_id, text) {}

/** @param {{name: string, description?: string}} wanted @returns {Promise<import('./store.js').Server>} with its channel `general` opened */
export async function createServer(wanted) { throw new Error('not built'); }
/** @param {number} id */
export async function joinServer(id) {}
/** @param {number} id @param {{name?: string, description?: string|null, icon_url?: string|null}} patch */
export async function updateServer(id, patch) {}
/** @param {number} id */
export async function leaveServer(id) {}
/** @param {number} id */
export async function deleteServer(id) {}
/** @param {number} id @param {number} user_id */
export async function handOver(id, user_id) {}

/** @param {{server_id: number, name: string, description?: string}} wanted @returns {Promise<import('./store.js').Channel>} */
export async function createChannel(wanted) { throw new Error('not built'); }
/** @param {number} id @param {{name?: string, description?: string|null}} patch */
export async function updateChannel(id, patch) {}
/** @param {number} id */
export async function deleteChannel(id) {}

/** Into `members` and `people`. @param {number} server_id */
export async function loadMembers(server_id) {}
/** Into `people`. @param {number[]} user_ids */
export async function lookUp(user_ids) {}

/** @param {{display_name?: string|null, bio?: string|null, avatar_url?: string|null, email?: string, password?: string, current_password?: string}} patch */
export async function updateProfile(patch) {}
/** @returns {Promise<{id: string, created_at: string, last_used_at: string, expires_at: string, address: string|null, user_agent: string|null, is_current: boolean}[]>} */
export async function listSessions() { return []; }
/** @param {string} id */
export async function endSession(id) {}
export async function endOtherSessions() {}
/** @param {{password: string}} proof */
export async function deleteAccount(proof) {}
/** Downloads a file. */
export async function exportData() {}

/** @param {'en'|'ko'} language */
export function setLanguage(language) {}
/** @param {'system'|'light'|'dark'} theme */
export function setTheme(theme) {}
/** @param {string} key */
export function dismiss(key) {}
export function retryNow() {}
