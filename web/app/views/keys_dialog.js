// @ts-check
// The list of keys.
import { t } from '../words.js';
import { html } from './kit.js';
import { isApple } from './keys.js';
import { Modal } from './modal.js';
import { closeDialog } from './screen.js';

const CONTROL = isApple ? '⌘' : 'Ctrl';
const ALT = isApple ? '⌥' : 'Alt';
const SHIFT = 'Shift';

/** What each key does: the keys, and the name of its words. */
const KEYS = [
  { title: 'keys.moving', rows: [
    [[CONTROL, 'K'], 'keys.find'],
    [[ALT, '↑'], 'keys.channel_before'],
    [[ALT, '↓'], 'keys.channel_after'],
    [[ALT, SHIFT, '↑'], 'keys.unread_before'],
    [[ALT, SHIFT, '↓'], 'keys.unread_after'],
    [[CONTROL, 'Home'], 'keys.first'],
    [[CONTROL, 'End'], 'keys.newest'],
    [['Esc'], 'keys.mark_read'],
    [['?'], 'keys.list'],
  ] },
  { title: 'keys.writing', rows: [
    [['Enter'], 'keys.send'],
    [[SHIFT, 'Enter'], 'keys.line'],
    [['↑'], 'keys.edit_last'],
    [['Esc'], 'keys.cancel'],
  ] },
  { title: 'keys.at_message', rows: [
    [['↑'], 'keys.message_before'],
    [['↓'], 'keys.message_after'],
    [['R'], 'message.reply'],
    [['L'], 'message.copy_link'],
    [['E'], 'message.edit'],
    [['+'], 'message.react'],
    [['P'], 'keys.pin'],
    [['Delete'], 'message.delete'],
    [[SHIFT, 'Delete'], 'keys.delete_at_once'],
  ] },
];

export function KeysDialog() {
  return html`<${Modal} title=${t('keys.title')} class="is-wide" onClose=${closeDialog}>
    <div class="keys">
      ${KEYS.map(({ title, rows }) => html`<section key=${title}>
        <h3>${t(title)}</h3>
        <dl>${rows.map(([keys, word]) => html`<div key=${word}>
          <dt>${/** @type {string[]} */ (keys).map((key) => html`<kbd key=${key}>${key}</kbd>`)}</dt><dd>
            ${t(/** @type {string} */ (word))}</dd>
        </div>`)}</dl>
      </section>`)}
    </div>
  <//>`;
}
