//! A map that forgets what was used longest ago when what it holds weighs too much.

use lru::LruCache;
use std::hash::Hash;

/// See the module.
pub struct Bounded<K, V> {
    entries: LruCache<K, (V, usize)>,
    weight: usize,
    max: usize,
    weigh: fn(&V) -> usize,
}

impl<K: Hash + Eq, V> Bounded<K, V> {
    /// At most so much, as `weigh` weighs it; one alone may weigh more.
    pub fn new(max: usize, weigh: fn(&V) -> usize) -> Self {
        // Unbounded here means: not allocated in advance.
        Self { entries: LruCache::unbounded(), weight: 0, max, weigh }
    }

    /// What is remembered of it, which has been used now.
    pub fn get(&mut self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// Remembers it, in place of what it was.
    pub fn put(&mut self, key: K, value: V) {
        let weight = (self.weigh)(&value);
        self.weight += weight;
        if let Some((_, before)) = self.entries.put(key, (value, weight)) {
            self.weight -= before;
        }
        while self.weight > self.max && self.entries.len() > 1 {
            if let Some((_, (_, gone))) = self.entries.pop_lru() {
                self.weight -= gone;
            }
        }
    }

    /// Forgets it.
    pub fn forget(&mut self, key: &K) {
        if let Some((_, gone)) = self.entries.pop(key) {
            self.weight -= gone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(bounded: &Bounded<u32, usize>) -> Vec<u32> {
        bounded.entries.iter().map(|(key, _)| *key).collect()
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let mut bounded = Bounded::new(10, |value| *value);
        for key in 0..4 {
            bounded.put(key, 3);
        }
        assert_eq!((held(&bounded), bounded.weight), (vec![3, 2, 1], 9));
        assert_eq!(bounded.get(&1), Some(&3));
        bounded.put(4, 4);
        assert_eq!((held(&bounded), bounded.weight), (vec![4, 1, 3], 10));
        // In place of what it was, and not beside it.
        bounded.put(1, 1);
        assert_eq!((held(&bounded), bounded.weight), (vec![1, 4, 3], 8));
        // One alone may weigh more than all may together.
        bounded.put(5, 99);
        assert_eq!((held(&bounded), bounded.weight), (vec![5], 99));
        bounded.forget(&5);
        bounded.forget(&5);
        assert_eq!((held(&bounded), bounded.weight), (vec![], 0));
    }
}
