// @ts-check

/**
 * Numbers that look like chance and are the same for the same seed (xorshift32).
 * @param {number} seed
 */
export function randomOf(seed) {
  let state = (seed * 0x9e3779b1) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  return {
    /** From 0 to `bound` - 1. @param {number} bound */
    below: (bound) => next() % bound,
    /** @template T @param {readonly T[]} list @returns {T} */
    pick: (list) => list[next() % list.length],
  };
}
