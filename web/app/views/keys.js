// @ts-check
// The keys that work everywhere.
import { useEffect } from '../../vendor/hooks.js';
import { place, unreadOf } from '../store.js';
import { channelsOf } from './navigation.js';
import {
  closeDialog, dialog, focusComposer, isNavigationOpen, openDialog, readAll, showChannel, showFirst, showNewest, side,
} from './screen.js';

/** Whether the keys are those of Apple's keyboards. */
export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/**
 * The channel before or after the open one in its server, the next unread one if wanted.
 * @param {number} step
 * @param {boolean} isUnread
 */
function step(step, isUnread) {
  const { server_id, channel_id } = place.value;
  const all = channelsOf(server_id);
  if (all.length === 0) return;
  const now = all.findIndex((channel) => channel.id === channel_id);
  for (let i = 1; i <= all.length; i += 1) {
    const from = now < 0 && step < 0 ? 0 : now;
    const channel = all[(((from + step * i) % all.length) + all.length) % all.length];
    if (!isUnread || (unreadOf(channel.id).value.count > 0 && channel.id !== channel_id)) {
      if (channel.id !== channel_id) showChannel(channel.id);
      return;
    }
  }
}

/** Closes what lies over the messages, where there is little room. @returns {boolean} whether something did */
function closePanel() {
  if (side.value && matchMedia('(max-width: 1099px)').matches) {
    side.value = null;
    return true;
  }
  const isOver = isNavigationOpen.value && !!place.value.channel_id && matchMedia('(max-width: 759px)').matches;
  if (isOver) isNavigationOpen.value = false;
  return isOver;
}

/** @param {EventTarget | null} element */
function isForText(element) {
  return element instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
}

/** @param {KeyboardEvent} event */
function onKeyDown(event) {
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  const isControl = isApple ? event.metaKey : event.ctrlKey;
  if (isControl && !event.shiftKey && !event.altKey && event.code === 'KeyK') {
    event.preventDefault();
    if (dialog.value?.name === 'switcher') closeDialog();
    else if (!dialog.value) openDialog('switcher');
    return;
  }
  if (dialog.value) return;
  if (event.altKey && !event.ctrlKey && !event.metaKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
    event.preventDefault();
    step(event.key === 'ArrowUp' ? -1 : 1, event.shiftKey);
    return;
  }
  if (event.key === 'Escape' && closePanel()) return;
  if (event.key === 'Escape' && place.value.channel_id) {
    readAll(place.value.channel_id);
    return;
  }
  if (isForText(event.target)) return;
  const { channel_id } = place.value;
  if (isControl && channel_id && (event.key === 'Home' || event.key === 'End')) {
    event.preventDefault();
    (event.key === 'Home' ? showFirst : showNewest)(channel_id);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '?') {
    event.preventDefault();
    openDialog('keys');
  } else if (document.activeElement === document.body && event.key.length === 1 && event.key !== ' ') {
    // Who types without having chosen a place means the message box; the character itself arrives there.
    const composer = document.querySelector('[data-test=composer]');
    if (composer instanceof HTMLElement) composer.focus();
    else focusComposer();
  }
}

/** Listens while somebody is in. */
export function useKeys() {
  useEffect(() => {
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);
}
