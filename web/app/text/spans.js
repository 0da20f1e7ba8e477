// @ts-check
/**
 * What markdown.js finds within a line: the state of the reading, the spans (bold, italic, underline, strike, spoiler),
 * links and mentions, emoji.
 *
 * What was read lies flat in `out`. A closing marker takes all that follows its opening one into a node, so each node
 * is moved once, and a marker without its other half is text already. Of each kind of marker one at most is open, so
 * the tree is never deeper than there are kinds.
 */

/**
 * @typedef {import('./markdown.js').Node} Node
 * @typedef {import('./markdown.js').SpanNode} SpanNode
 *
 * A run of three backticks or more, and the length of the longest one from it on.
 * @typedef {{at: number, length: number, longest: number}} Run
 *
 * A text, with the fences that were not passed yet.
 * @typedef {{text: string, isQuoted: boolean, meter: {steps: number}, fences: Run[], fenceIndex: number}} Source
 *
 * An opening marker that waits for its other half; `index` is where it lies in `out` as text.
 * @typedef {{kind: string, index: number}} Mark
 *
 * The state of a reading. `brackets` are indexes of `[` in `out`, `linkIndex` that of the last node with a link; in
 * `codeless[n]` it is written up to where there is no run of n backticks.
 * @typedef {{source: Source, at: number, ends: 'line' | 'item' | 'block', isDone: boolean, out: Node[], marks: Mark[],
 *   open: Record<string, Mark | undefined>, brackets: number[], linkIndex: number, codeless: number[]}} Inline
 */

/** @type {Record<string, SpanNode['type']>} */
const SPANS = { '*': 'italic', _: 'italic', '**': 'bold', __: 'underline', '~~': 'strike', '||': 'spoiler' };

const WORD = /[A-Za-z0-9]/;
// Spaces, what opens (brackets, quotation marks, other markers), and the last unit of an emoji.
const WORD_START = /[\s([{<"'“‘「『《〈*_~|:/]|\uFE0F|[\uDC00-\uDFFF]/;

/**
 * The pattern's match from `at` on: only there if the pattern is sticky.
 * @param {RegExp} pattern
 * @param {string} text
 * @param {number} at
 */
export function matchAt(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * The nodes with neighbouring strings made one.
 * @param {Node[]} nodes
 */
export function joined(nodes) {
  /** @type {Node[]} */
  const result = [];
  for (const node of nodes) {
    const last = result.length - 1;
    if (typeof node === 'string' && typeof result[last] === 'string') result[last] += node;
    else result.push(node);
  }
  return result;
}

/**
 * @param {Inline} inline
 * @param {Node} node
 * @param {number} length how much of the text it stands for
 */
export function put(inline, node, length) {
  if (typeof node !== 'string' && node.type === 'link') inline.linkIndex = inline.out.length;
  inline.out.push(node);
  inline.at += length;
}

/**
 * The length of the run of one character.
 * @param {string} text
 * @param {number} at
 */
export function runLength(text, at) {
  let end = at;
  while (end < text.length && text[end] === text[at]) end++;
  return end - at;
}

/**
 * Whether a run of markers may open or close a span: by the characters at its sides. Particles follow a marker without
 * a space, so any letter may stand after a closing one but a Latin one after `_`. Faces and drawls (`ㅠ_ㅠ`, `^_^`,
 * `네~~`) are no spans: `_` and `~` open one only where a word may begin.
 * @param {string} text
 * @param {number} at
 * @param {number} length
 */
function sidesOf(text, at, length) {
  const before = text[at - 1] ?? ' ';
  const after = text[at + length] ?? ' ';
  return {
    opens: !/\s/.test(after) && (text[at] === '*' || WORD_START.test(before)),
    closes: !/\s/.test(before) && !(text[at] === '_' && WORD.test(after)),
  };
}

/**
 * `*` and `_` once, twice or three times; longer runs are text.
 * @param {Inline} inline
 * @param {string} char
 */
export function readEmphasis(inline, char) {
  const { text } = inline.source;
  const length = runLength(text, inline.at);
  if (length > 3) return put(inline, char.repeat(length), length);
  const { opens, closes } = sidesOf(text, inline.at, length);
  const double = char + char;
  let left = length;
  while (closes && left > 0) {
    const mark = closing(inline.open[char], inline.open[double], left, opens);
    if (!mark) break;
    left -= mark.kind.length;
    close(inline, mark);
  }
  for (const kind of opens ? [double, char] : []) {
    if (kind.length <= left && !inline.open[kind]) {
      left -= kind.length;
      open(inline, kind);
    }
  }
  if (left > 0) put(inline, char.repeat(left), left);
}

/**
 * Which of the open marks a run of `left` characters closes.
 * @param {Mark | undefined} single
 * @param {Mark | undefined} double
 * @param {number} left
 * @param {boolean} opens whether the run may open a span instead
 */
function closing(single, double, left, opens) {
  if (left === 1 || !double) return left === 2 && opens ? undefined : single;
  if (left === 2 || !single) return double;
  return single.index > double.index ? single : double;
}

/**
 * `~~`, and `||`, which may have spaces within. A third one is text, inside.
 * @param {Inline} inline
 * @param {string} char
 */
export function readPair(inline, char) {
  const length = runLength(inline.source.text, inline.at);
  if (length !== 2 && length !== 3) return put(inline, char.repeat(length), length);
  const kind = char + char;
  const mark = inline.open[kind];
  const { opens, closes } =
    char === '|' ? { opens: true, closes: true } : sidesOf(inline.source.text, inline.at, length);
  if (mark ? !closes : !opens) return put(inline, char.repeat(length), length);
  if (!mark) open(inline, kind);
  if (length === 3) put(inline, char, 1);
  if (mark) close(inline, mark);
}

/**
 * @param {Inline} inline
 * @param {string} kind
 */
function open(inline, kind) {
  const mark = { kind, index: inline.out.length };
  inline.open[kind] = mark;
  inline.marks.push(mark);
  put(inline, kind, kind.length);
}

/**
 * Makes a node of all since the mark. Marks that were opened since have no other half.
 * @param {Inline} inline
 * @param {Mark} mark
 */
function close(inline, mark) {
  const { out, marks } = inline;
  const inner = marks[marks.indexOf(mark) + 1];
  // Of `***` it is the half that closes last that is the outer one.
  if (inner && inner.index === mark.index + 1 && inner.kind + mark.kind === '***') {
    [out[mark.index], out[inner.index]] = [inner.kind, mark.kind];
    [inner.index, mark.index] = [mark.index, inner.index];
    marks.splice(marks.indexOf(mark), 2, inner, mark);
  }
  forget(inline, mark.index);
  const children = joined(out.splice(mark.index + 1));
  out.pop();
  if (inline.linkIndex > mark.index) inline.linkIndex = mark.index;
  out.push({ type: SPANS[mark.kind], children });
  inline.at += mark.kind.length;
}

/**
 * Leaves the marks and brackets from `index` on as the text they are.
 * @param {Inline} inline
 * @param {number} index
 */
function forget({ marks, open: byKind, brackets }, index) {
  while (marks.length && marks[marks.length - 1].index >= index) byKind[marks.pop()?.kind ?? ''] = undefined;
  while (brackets.length && brackets[brackets.length - 1] >= index) brackets.pop();
}

// Links and mentions: where a URL ends in a text, and which may be links at all.

/** What a link may begin with. */
export const SCHEME = /(?:https?:\/\/|mailto:)/iy;
const PROTOCOLS = new Set(['http:', 'https:', 'mailto:']);
const MENTION = /<@!?(\d{1,16})>/y;
const STOP = /[\s<>"`\\]/;
const MARKER = /[*_~|]/;
// Punctuation that belongs to the sentence around.
const TAIL = /[.,;:!?'…。、，．！？：；」』】〉》”’]/;
const PAIRS = new Map([
  [')', '('],
  [']', '['],
]);

/**
 * The URL in full, if it is one that may be a link.
 * @param {string} url
 * @returns {string | undefined}
 */
function hrefOf(url) {
  try {
    const { protocol, href, host, pathname } = new URL(url);
    return PROTOCOLS.has(protocol) && (host || (protocol === 'mailto:' && pathname.includes('@'))) ? href : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Where a URL ends that begins at `start`: at a space, a quotation mark or a bracket that it does not open itself.
 * @param {string} text
 * @param {number} start
 * @param {(at: number) => boolean} [endsAt] whether it ends here, too
 */
function urlEnd(text, start, endsAt = () => false) {
  /** @type {Record<string, number>} */
  const depths = { '(': 0, '[': 0 };
  let end = start;
  for (; end < text.length && !STOP.test(text[end]) && !endsAt(end); end++) {
    const char = text[end];
    const opening = PAIRS.get(char);
    if (opening && depths[opening]-- === 0) break;
    if (char in depths) depths[char]++;
  }
  return end;
}

/**
 * Where a URL ends that stands in a sentence.
 * @param {string} text
 * @param {number} start
 * @param {(kind: string) => boolean} isOpen whether a span of this kind is open, so that its marker may end the URL
 */
function proseUrlEnd(text, start, isOpen) {
  /** @param {number} at */
  const isMarker = (at) => {
    const char = text[at];
    if (!MARKER.test(char)) return false;
    const isDouble = text[at + 1] === char;
    if (char === '_') return (isOpen('_') || (isDouble && isOpen('__'))) && !WORD.test(text[at + 1] ?? ' ');
    return isDouble || isOpen(char);
  };
  let end = particleStart(text, start, urlEnd(text, start, isMarker));
  while (end > start && TAIL.test(text[end - 1])) end--;
  return end;
}

/**
 * Particles follow a host without a space (`https://example.com에서`): it ends where the letters of its last label change
 * from Latin to Hangul.
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
function particleStart(text, start, end) {
  const url = text.slice(start, end);
  const host = /^https?:\/\/[^/?#]*/i.exec(url)?.[0] ?? '';
  const label = host.slice(Math.max(host.lastIndexOf('.'), host.lastIndexOf('/')) + 1);
  const latin = /^[A-Za-z0-9:-]+(?=[가-힣])/.exec(label);
  return latin ? start + host.length - label.length + latin[0].length : end;
}

/**
 * `]` ends the label of a link if its target follows, and is text otherwise. A label that has a link itself makes
 * none, so no link shows another target than its own.
 * @param {Inline} inline
 */
export function readBracketEnd(inline) {
  const { source, out, brackets, at } = inline;
  const { text, meter } = source;
  const index = brackets.pop();
  const hasLabel = index !== undefined && index < out.length - 1 && inline.linkIndex < index;
  if (!hasLabel || text[at + 1] !== '(') return put(inline, ']', 1);
  const isAngled = text[at + 2] === '<';
  const start = at + (isAngled ? 3 : 2);
  const end = matchAt(SCHEME, text, start) ? urlEnd(text, start, (place) => text[place] === '[') : start;
  meter.steps += end - at;
  const href = hrefOf(text.slice(start, end));
  if (!href || !text.startsWith(isAngled ? '>)' : ')', end)) return put(inline, ']', 1);
  forget(inline, index);
  const children = joined(out.splice(index + 1));
  out.pop();
  put(inline, { type: 'link', href, children }, end + (isAngled ? 2 : 1) - at);
}

/**
 * `<@7>` is a mention, `<https://…>` a link.
 * @param {Inline} inline
 */
export function readAngle(inline) {
  const { text, meter } = inline.source;
  const { at } = inline;
  const mention = matchAt(MENTION, text, at);
  if (mention && Number.isSafeInteger(Number(mention[1]))) {
    const node = { type: /** @type {const} */ ('mention'), user_id: Number(mention[1]), text: mention[0] };
    return put(inline, node, mention[0].length);
  }
  if (!matchAt(SCHEME, text, at + 1)) return put(inline, '<', 1);
  const end = urlEnd(text, at + 1);
  meter.steps += end - at;
  const url = text.slice(at + 1, end);
  const href = text[end] === '>' ? hrefOf(url) : undefined;
  if (!href) return put(inline, '<', 1);
  put(inline, { type: 'link', href, children: [url] }, end + 1 - at);
}

/**
 * A link as it stands in the text, without the punctuation that follows it.
 * @param {Inline} inline
 */
export function readBareLink(inline) {
  const { source, at, open: byKind } = inline;
  const { text, meter } = source;
  const isWithinWord = WORD.test(text[at - 1] ?? ' ');
  const end = isWithinWord ? at : proseUrlEnd(text, at, (kind) => byKind[kind] !== undefined);
  meter.steps += end - at;
  const url = text.slice(at, end);
  const href = hrefOf(url);
  if (href) return put(inline, { type: 'link', href, children: [url] }, end - at);
  const plain = url || text[at];
  put(inline, plain, plain.length);
}

// Emoji.

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
