// @ts-check
// The settings: profile, password, logins, how it looks, what is kept, help, and the way out; and the list of keys.
import { useEffect, useState } from '../../vendor/hooks.js';
import * as administration from '../administration.js';
import { me, servers, storage, t, wordsOfError } from '../store.js';
import {
  Avatar, Field, FormError, FormProblem, Icon, LanguageSelect, Submit, ThemeSelect, Time, classes, demand, html,
  lengthOf, orNull, personName, useForm,
} from './kit.js';
import { Modal } from './modal.js';
import { attempt, closeDialog, isApple, openDialog, tellWord } from './navigation.js';

function ProfileSection() {
  const own = me.value;
  const form = useForm(async (values) => {
    const { display_name, bio, avatar_url } = values;
    const patch = { display_name: orNull(display_name), bio: orNull(bio), avatar_url: orNull(avatar_url) };
    await administration.updateProfile(patch);
    tellWord('settings.saved');
  });
  if (!own) return null;
  return html`<form class="form" onSubmit=${form.onSubmit} novalidate>
    <div class="person-line">
      <${Avatar} id=${own.id} name=${personName(own)} size="large" />
      <div><strong class="cut">${personName(own)}</strong><span class="muted cut">@${own.username}</span></div>
    </div>
    <${Field} name="display_name" label=${t('field.display_name')} hint=${t('rule.display_name')} form=${form}
      defaultValue=${own.display_name ?? ''} maxlength="64" />
    <${Field} name="bio" label=${t('field.bio')} form=${form} rows="3" defaultValue=${own.bio ?? ''} maxlength="500" />
    <${Field} name="avatar_url" type="url" label=${t('field.avatar_url')} hint=${t('rule.picture')} form=${form}
      defaultValue=${own.avatar_url ?? ''} maxlength="2048" />
    <${FormProblem} form=${form} />
    <div class="dialog-foot"><${Submit} form=${form} label=${t('form.save')} /></div>
  </form>`;
}

/** Whose password it is, for what keeps passwords. */
function OwnName() {
  return html`<input type="text" class="hidden-text" name="username" autocomplete="username" value=${me.value?.username}
    tabIndex=${-1} readonly aria-hidden="true" />`;
}

function PasswordForm() {
  const form = useForm(async (values, element) => {
    demand(values, ['password', 'current_password']);
    if (lengthOf(values.password) < 8) throw new FormError({ password: t('rule.password') });
    await administration.updateProfile({ password: values.password, current_password: values.current_password });
    element.reset();
    tellWord('settings.password_changed');
  });
  return html`<form class="form" onSubmit=${form.onSubmit} novalidate>
    <h3>${t('settings.password')}</h3>
    <${OwnName} />
    <${Field} name="current_password" type="password" label=${t('field.current_password')} form=${form}
      autocomplete="current-password" />
    <${Field} name="password" type="password" label=${t('field.new_password')} hint=${t('settings.password_hint')}
      form=${form} autocomplete="new-password" />
    <${FormProblem} form=${form} />
    <div class="dialog-foot"><${Submit} form=${form} label=${t('settings.change_password')} /></div>
  </form>`;
}

function EmailForm() {
  const form = useForm(async (values, element) => {
    demand(values, ['email', 'current_password']);
    if (!/^\S+@\S+$/.test(values.email.trim())) throw new FormError({ email: t('rule.email') });
    await administration.updateProfile({ email: values.email.trim(), current_password: values.current_password });
    element.reset();
    tellWord('settings.saved');
  });
  return html`<form class="form" onSubmit=${form.onSubmit} novalidate>
    <h3>${t('field.email')}</h3>
    <${OwnName} />
    <${Field} name="email" type="email" label=${t('field.email')} form=${form} defaultValue=${me.value?.email ?? ''}
      maxlength="254" autocomplete="email" />
    <${Field} name="current_password" type="password" label=${t('field.current_password')} form=${form}
      autocomplete="current-password" />
    <${FormProblem} form=${form} />
    <div class="dialog-foot"><${Submit} form=${form} label=${t('settings.change_email')} /></div>
  </form>`;
}

/** What a browser calls itself, in a few words. @param {string | null} agent */
function browserOf(agent) {
  if (!agent) return t('sessions.unknown');
  const browser = /(Edg|OPR|Firefox|Chrome|Safari)/.exec(agent)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  const named = /** @type {Record<string, string>} */ ({ Edg: 'Edge', OPR: 'Opera', 'Mac OS X': 'macOS' });
  const known = [browser, system].map((name) => (name ? named[name] ?? name : null)).filter(Boolean);
  return known.length > 0 ? known.join(' · ') : agent;
}

/** The one that is used here first, then the latest. @param {any} a @param {any} b */
const byUse = (a, b) =>
  Number(b.is_current) - Number(a.is_current) || b.last_used_at.localeCompare(a.last_used_at);

function SessionsSection() {
  const [sessions, setSessions] = useState(/** @type {any[] | null} */ (null));
  const [failure, setFailure] = useState(/** @type {any} */ (null));
  const load = () => administration.listSessions().then((list) => {
    setSessions([...list].sort(byUse));
    setFailure(null);
  }, setFailure);
  useEffect(() => {
    load();
  }, []);
  const end = (/** @type {number} */ id) => attempt(() => administration.endSession(id)).then(load);
  if (failure) {
    return html`<p class="problem">${wordsOfError(failure)}</p><button type="button" class="button"
      onClick=${load}>${t('again')}</button>`;
  }
  if (!sessions) return html`<p class="hint" role="status">${t('loading')}</p>`;
  return html`<p>${t('sessions.text')}</p>
    <ul class="sessions">
      ${sessions.map((session) => html`<li key=${session.id}>
        <div>
          <strong title=${session.user_agent}>${browserOf(session.user_agent)}</strong>
            ${session.is_current && html`<span class="tag">${t('sessions.this')}</span>`}
          <p class="muted">${session.address ? `${session.address} · ` : ''}${t('sessions.last_used')} <${Time}
            at=${session.last_used_at} style="moment" /></p>
        </div>
        ${!session.is_current && html`<button type="button" class="button is-small" onClick=${() => end(session.id)}>
          ${t('sessions.end')}</button>`}
      </li>`)}
    </ul>
    ${sessions.length > 1 && html`<button type="button" class="button is-danger"
      onClick=${() => attempt(administration.endOtherSessions).then(load)}>
      ${t('sessions.end_others')}
    </button>`}`;
}

function LooksSection() {
  return html`<div class="form"><${LanguageSelect} /><${ThemeSelect} /></div>`;
}

function DeleteAccountForm() {
  const owned = [...servers.value.values()].filter((server) => server.owner_id === me.value?.id);
  const form = useForm(async (values) => {
    demand(values, ['password']);
    await administration.deleteAccount({ password: values.password });
    closeDialog();
  });
  return html`<section class="danger-zone">
    <h3>${t('delete_account.title')}</h3>
    <p>${t('delete_account.text', { name: me.value?.username ?? '' })}</p>
    ${owned.length > 0 ? html`<p class="problem is-whole">
      ${t('delete_account.owns', { names: owned.map((server) => server.name).join(', ') })}</p>`
      : html`<form class="form" onSubmit=${form.onSubmit} novalidate>
        <${OwnName} />
        <${Field} name="password" type="password" label=${t('field.current_password')} form=${form}
          autocomplete="current-password" />
        <${FormProblem} form=${form} />
        <div class="dialog-foot"><${Submit} form=${form} label=${t('delete_account.submit')} kind="danger" /></div>
      </form>`}
  </section>`;
}

function DataSection() {
  return html`<section>
      <h3>${t('storage.title')}</h3>
      <p>${t(`storage.${storage.value}`)}</p>
    </section>
    <section>
      <h3>${t('export.title')}</h3>
      <p>${t('export.text')}</p>
      <button type="button" class="button" onClick=${() => attempt(administration.exportData)}>${t('export.submit')}
        </button>
    </section>
    <${DeleteAccountForm} />`;
}

function HelpSection() {
  const link = (/** @type {string} */ path, /** @type {string} */ word) =>
    html`<li><a href=${new URL(path, document.baseURI).href} target="_blank" rel="noopener">${t(word)}<${Icon}
      name="outside" /></a></li>`;
  return html`<p>${t('help.text')}</p>
    <p><button type="button" class="button" onClick=${() => openDialog('keys')}>${t('keys.title')}</button></p>
    <h3>${t('help.api')}</h3>
    <ul class="links">${link('docs', 'help.docs')}${link('redoc', 'help.redoc')}</ul>`;
}

const SECTIONS = /** @type {[string, any, string][]} */ ([
  ['profile', ProfileSection, 'person'],
  ['account', () => html`<${PasswordForm} /><${EmailForm} />`, 'lock'],
  ['sessions', SessionsSection, 'device'],
  ['looks', LooksSection, 'looks'],
  ['data', DataSection, 'data'],
  ['help', HelpSection, 'help'],
]);

/** @param {{section?: string}} props */
export function Settings({ section = 'profile' }) {
  const [open, setOpen] = useState(section);
  const [, Section] = SECTIONS.find(([name]) => name === open) ?? SECTIONS[0];
  return html`<${Modal} title=${t('settings.title')} class="settings" onClose=${closeDialog}>
    <div class="settings-body">
      <nav aria-label=${t('settings.title')}><ul>
        ${SECTIONS.map(([name, , icon]) => html`<li key=${name}>
          <button type="button" data-test="settings-${name}" class=${classes(name === open && 'is-open')}
            aria-current=${name === open ? 'page' : undefined} onClick=${() => setOpen(name)}>
            <${Icon} name=${icon} /><span>${t(`settings.${name}`)}</span>
          </button>
        </li>`)}
      </ul></nav>
      <div class="settings-section" key=${open} tabIndex=${0} role="region" aria-label=${t(`settings.${open}`)}>
        <${Section} /></div>
    </div>
  <//>`;
}

// The list of keys.

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
