//! Chance that can be had again: SplitMix64 from a seed that is printed.

use std::ops::RangeInclusive;

#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for one of many who share a seed.
    pub fn of(seed: u64, number: usize) -> Self {
        let mut dice = Self(seed ^ (number as u64).wrapping_mul(0xd1b5_4a32_d192_ed03));
        dice.roll();
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn between(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.roll() % (range.end() - range.start() + 1)
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.roll() % from.len() as u64).unwrap_or_default()]
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.roll().is_multiple_of(count)
    }
}
