// @ts-check
/** Emoji in texts. */

/** One emoji as it is shown in colour: a flag, a keycap, or a picture, alone or several joined to one. */
export const EMOJI = new RegExp(
  String.raw`\p{Regional_Indicator}{2}|[0-9#*]\uFE0F?\u20E3|` +
    String.raw`\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]{2,6}\u{E007F}|` +
    String.raw`(?!\p{Regional_Indicator})(?:\p{Emoji_Presentation}(?!\uFE0E)\uFE0F?|\p{Extended_Pictographic}\uFE0F|` +
    String.raw`\p{Emoji_Modifier_Base}(?=\p{Emoji_Modifier})|` +
    String.raw`\p{Extended_Pictographic}(?=\u200D\p{Extended_Pictographic}))` +
    String.raw`\p{Emoji_Modifier}?(?:\u200D\p{Extended_Pictographic}\uFE0F?\p{Emoji_Modifier}?)*`,
  'u',
);

const ALL_EMOJI = new RegExp(EMOJI.source, 'gu');
const BIG_MAX = 27;

/**
 * Whether a text is nothing but a few emoji, which may then be shown large.
 * @param {string} text
 */
export function isOnlyEmoji(text) {
  let count = 0;
  const rest = text.replace(ALL_EMOJI, () => {
    count += 1;
    return '';
  });
  return count > 0 && count <= BIG_MAX && rest.trim() === '';
}
