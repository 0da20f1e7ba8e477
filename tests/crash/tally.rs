//! What a progress line counts.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub acknowledged: u64,
    pub changed: u64,
    pub refused: u64,
    pub resent: u64,
    pub duplicates: u64,
    pub resumes: u64,
    pub logins: u64,
}

impl Tally {
    fn with(self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            acknowledged: combine(self.acknowledged, other.acknowledged),
            changed: combine(self.changed, other.changed),
            refused: combine(self.refused, other.refused),
            resent: combine(self.resent, other.resent),
            duplicates: combine(self.duplicates, other.duplicates),
            resumes: combine(self.resumes, other.resumes),
            logins: combine(self.logins, other.logins),
        }
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.with(other, |one, other| one + other)
    }
}

impl Sub for Tally {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.with(other, |one, other| one - other)
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, changed, refused, resent, duplicates, resumes, logins } = self;
        write!(
            out,
            "{acknowledged:>5} acknowledged, {changed:>4} changes, {refused:>4} refused, {resent:>4} resent, {duplicates:>4} duplicates, {resumes:>3} resumes, {logins:>2} logins"
        )
    }
}
